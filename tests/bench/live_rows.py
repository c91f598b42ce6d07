"""Rows on words: when they are confirmed, what they cost, and whether they are those of the file."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import psutil
from locution_client import Client
from locution_client.transcription import Options, transcribe

from tests.bench.command import say
from tests.bench.figures import quantile
from tests.bench.installation import Installation
from tests.bench.live_baseline import PlainAgreement
from tests.bench.live_client import MODEL, Heard, listen
from tests.bench.recipes import several_files, short_requests, write_wav
from tests.bench.recordings import MODELS, RATE, Pcm, pcm, referenced
from tests.bench.scoring import Errors, errors
from tests.bench.table import Row

CORES = 2


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
    """Finals as sent against the same audio as a file, CORES recordings at a time."""
    wanted = [found for found in referenced() if found.language == "en" and not found.headerless]
    audios = [pcm(found) for found in wanted[: 4 if small else len(wanted)]]
    async with running.client() as client:
        files = await _each(audios, lambda audio: _as_file(client, audio))
        rows = []
        for silence in (None, 0.8):
            spoken = await _each(audios, partial(_spoken, client, silence))
            rows.append(_same(silence, [errors(*pair, "en") for pair in zip(files, spoken, strict=True)]))
    return rows


def _same(silence: float | None, pooled: list[Errors]) -> Row:
    count, length = sum(each.count for each in pooled), sum(each.length for each in pooled)
    rate = count / length if length else 0.0
    label = "the default" if silence is None else f"endpoint_silence {silence} s"
    return Row(
        f"finals as sent, against the file ({label})", "≤ 2 %" if silence is None else "", f"{rate:.2%}", "", "",
        f"{count} of {length} words in {len(pooled)} recordings",
    )  # fmt: skip


async def _spoken(client: Client, silence: float | None, audio: Pcm) -> str:
    return (await listen(client, audio, speed=20, silence=silence)).text


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
