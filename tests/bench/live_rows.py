"""Rows on words: when they are confirmed, what they cost, and whether they are those of the file."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from locution_client import Client
from locution_client.transcription import Options, transcribe

from tests.bench.command import say
from tests.bench.figures import quantile
from tests.bench.installation import Installation
from tests.bench.live_baseline import PlainAgreement
from tests.bench.live_client import MODEL, Heard, listen
from tests.bench.recipes import NOISE_FLOOR, SEED, several_files, short_requests, write_wav
from tests.bench.recordings import MODELS, RATE, Pcm, pcm, referenced
from tests.bench.scoring import errors, pooled
from tests.bench.table import Row

CORES = 2
DEFAULT_SILENCE = 0.8
PROMPT = 0.2
"""Seconds after the silence in which a final is to come."""

HUSH = np.rint(np.random.default_rng(SEED).normal(0, NOISE_FLOOR, 3 * RATE)).astype(np.int16)
BLOCK = RATE // 100
LOUD = 0.05
"""Share of the greatest amplitude from which a block of a hundredth of a second is sound."""


async def confirmed(running: Installation, small: bool, times: int) -> list[Row]:
    """One stream at a time, at real time."""
    recordings = short_requests(3 if small else 12)
    async with running.client() as client:
        heard = [await listen(client, audio) for audio in recordings]
    delays = [delay for each in heard for delay in each.delays]
    figure = f"{quantile(delays, 0.5):.2f} s"
    return [
        Row("0.5 s steps: words confirmed after, p50", "≤ 1.0 s", figure, f"p95 {quantile(delays, 0.95):.2f} s", "",
            f"{len(delays)} words of {len(recordings)} streams")
    ]  # fmt: skip


async def carried(running: Installation, small: bool, times: int) -> list[Row]:
    """Processor seconds of the engine for a second of audio, against plain LocalAgreement-2 over the same audio."""
    recordings = several_files(2 if small else 4)
    audio_seconds = sum(len(audio) for audio in recordings) / RATE
    engine = psutil.Process(running.pid("asr"))
    async with running.client() as client:
        await listen(client, recordings[0][: 3 * RATE])  # the model is loaded
        before = _processor(engine)
        await asyncio.gather(*(listen(client, audio) for audio in recordings))
        ours = (_processor(engine) - before) / audio_seconds
    plain = PlainAgreement(MODELS / MODEL)
    mine = psutil.Process()
    before = _processor(mine)
    for audio in recordings:
        await asyncio.to_thread(plain.run, audio)
    theirs = (_processor(mine) - before) / audio_seconds
    return [
        Row("streams carried at real time, against plain LocalAgreement-2", "≥ 3×", f"{theirs / ours:.2f}×",
            f"{ours:.3f} s/s: {CORES / ours:.1f} streams", f"{theirs:.3f} s/s: {CORES / theirs:.1f} streams",
            f"processor seconds a second of audio, finals included; {len(recordings)} streams at once")
    ]  # fmt: skip


async def finals(running: Installation, small: bool, times: int) -> list[Row]:
    """Finals as sent against the same audio as a file, and both against the reference; CORES recordings at a time."""
    wanted = [found for found in referenced() if found.language == "en" and not found.headerless]
    wanted = wanted[: 4 if small else len(wanted)]
    audios, references = [pcm(found) for found in wanted], [found.text for found in wanted]
    async with running.client() as client:
        files = await _each(audios, lambda audio: _as_file(client, audio))
        exact = await _each(audios, partial(_spoken, client, True))
        default = await _each(audios, partial(_spoken, client, False))
    return [
        _against("endpoint_mode RECORDING, against the file", "0 %", files, exact),
        _against("the default, against the file", "≤ 2 %", files, default),
        _against("the file, against the reference", "", references, files),
        _against("the default, against the reference", "", references, default),
    ]


def _against(what: str, least: str, expected: list[str], said: list[str]) -> Row:
    total = pooled(errors(*pair, "en") for pair in zip(expected, said, strict=True))
    return Row(
        f"finals as sent: {what}", least, f"{total.rate:.2%}", "", "",
        f"{total.deletions} words deleted, {total.insertions} inserted, {total.substitutions} others "
        f"of {total.length} in {len(said)} recordings",
    )  # fmt: skip


async def _spoken(client: Client, recording: bool, audio: Pcm) -> str:
    return (await listen(client, audio, speed=20, recording=recording)).text


async def _each(audios: list[Pcm], run: Callable[[Pcm], Awaitable[str]]) -> list[str]:
    """Return what `run` gives for each recording, CORES of them at a time."""
    free = asyncio.Semaphore(CORES)

    async def one(audio: Pcm) -> str:
        async with free:
            return await run(audio)

    return await asyncio.gather(*(one(audio) for audio in audios))


async def loaded(running: Installation, small: bool, times: int) -> list[Row]:
    """Two live streams alone, and while diarized files load the service."""
    live, files = short_requests(4), several_files(2 if small else 8)
    async with running.client() as client:
        idle = await _pair(client, live)
        with tempfile.TemporaryDirectory(prefix="locution-bench-") as folder:
            paths = [Path(folder) / f"{number}.wav" for number in range(len(files))]
            for path, audio in zip(paths, files, strict=True):
                write_wav(path, iter([audio]))
            jobs = [asyncio.create_task(transcribe(client, path, Options(language="en"))) for path in paths]
            await asyncio.sleep(2.0)
            busy = await _pair(client, live)
            under_way = sum(not job.done() for job in jobs)
            await asyncio.gather(*jobs)
    alone, together = (quantile([d for each in heard for d in each.delays], 0.95) for heard in (idle, busy))
    return [
        Row(f"p95 of two live streams while {len(files)} diarized files run", "≤ 2× idle", f"{together / alone:.2f}×",
            f"{together:.2f} s", f"{alone:.2f} s idle", f"{under_way} files still ran at the end")
    ]  # fmt: skip


async def ended(running: Installation, small: bool, times: int) -> list[Row]:
    """One stream at a time, at real time: when the final of its last words comes, after they were spoken."""
    recordings = [spoken_to_its_end(audio) for audio in short_requests(3 if small else 12)]
    rows = []
    async with running.client() as client:
        await listen(client, recordings[0][: 3 * RATE])  # the model is loaded
        for silence in (None, 0.5):
            delays = []
            for audio in recordings:
                heard = await listen(client, np.concatenate([audio, HUSH]), silence=silence)
                delays.append(heard.last_text - len(audio) / RATE)
            rows.append(_ended(silence, delays))
    return rows


def _ended(silence: float | None, delays: list[float]) -> Row:
    label, waited = ("the default", DEFAULT_SILENCE) if silence is None else (f"endpoint_silence {silence} s", silence)
    middle = quantile(delays, 0.5)
    return Row(
        f"end of speech to its final, p50 ({label})", f"≤ {waited + PROMPT:.1f} s", f"{middle:.2f} s",
        f"p95 {quantile(delays, 0.95):.2f} s", "", f"{middle - waited:+.2f} s after the silence; {len(delays)} streams",
    )  # fmt: skip


def spoken_to_its_end(audio: Pcm) -> Pcm:
    """Return a recording without what follows its last sound, so that its end is the end of speech."""
    blocks = np.abs(audio[: len(audio) // BLOCK * BLOCK].reshape(-1, BLOCK).astype(np.int32)).max(axis=1)
    return audio[: (int(np.flatnonzero(blocks > LOUD * blocks.max())[-1]) + 1) * BLOCK]


async def _pair(client: Client, live: list[Pcm]) -> list[Heard]:
    heard: list[Heard] = []
    for at in range(0, len(live), 2):
        heard += await asyncio.gather(*(listen(client, audio) for audio in live[at : at + 2]))
    return heard


async def _as_file(client: Client, audio: Pcm) -> str:
    with tempfile.TemporaryDirectory(prefix="locution-bench-") as folder:
        path = Path(folder) / "audio.wav"
        write_wav(path, iter([audio]))
        began = time.monotonic()
        options = Options(language="en", asr_model=MODEL, diarize=False)
        data = await transcribe(client, path, options, file_format="txt")
        say(f"a file of {len(audio) / RATE:.0f} s took {time.monotonic() - began:.1f} s")
    return data.decode()


def _processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
