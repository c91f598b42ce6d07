"""A whole job, from CreateJob to SUCCEEDED, beside the engine alone on the same audio: a long one, and a short clip."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

from locution.v1 import job_service_pb2 as pb
from locution_client import Client
from locution_client.jobs import TERMINAL
from locution_client.transcription import Options

from tests.bench.engine_rows.bench import DIARIZER_MODEL, Bench, interleaved, times
from tests.bench.figures import ratios, spread
from tests.bench.recipes import long_speech, sections, write_wav
from tests.bench.recordings import RATE, Pcm, pcm, recording
from tests.bench.table import Row

CLIP_SECONDS: Final = 3
CLIP_JOBS: Final = 30
CLIP_FACTOR: Final = 1.5
CLIP_FIXED_SECONDS: Final = 0.15
IDLE_SECONDS: Final = 1.0


class JobEndedOtherwise(Exception):
    """A job of the bench did not succeed."""


async def job(bench: Bench) -> list[Row]:
    """Compare jobs with their engines, without and with speakers."""
    audio = long_speech(bench.pick(20.0, 300.0))
    with tempfile.TemporaryDirectory(prefix="locution-bench-") as folder:
        path = Path(folder) / "speech.wav"
        write_wav(path, iter([audio]))
        return [await _row(bench, model, audio, path, diarize) for model in bench.models for diarize in (False, True)]


async def clip(bench: Bench) -> list[Row]:
    """Compare jobs of a clip of three seconds, one after the other, with the engine."""
    audio = pcm(recording("austen_0930.wav"))[: CLIP_SECONDS * RATE]
    with tempfile.TemporaryDirectory(prefix="locution-bench-") as folder:
        path = Path(folder) / "clip.wav"
        write_wav(path, iter([audio]))
        async with bench.installation.client() as client:
            upload = (await client.uploads.send(path)).name
            return [await _clip_row(bench, client, model, audio, upload) for model in bench.models]


async def _clip_row(bench: Bench, client: Client, model: str, audio: Pcm, upload: str) -> Row:
    speech = await bench.speech(model)
    options = Options("en", f"whisper/{model}", None, False)

    async def engine() -> float:
        await asyncio.sleep(IDLE_SECONDS)
        return (await speech.transcribe(audio, "en")).latency

    async def whole() -> float:
        await asyncio.sleep(IDLE_SECONDS)
        began = time.perf_counter()
        made = await client.jobs.create(upload, options.to_config(), label="bench")
        async for event in client.jobs.watch(made.name):
            if event.state_changed.state in TERMINAL:
                break
        taken = time.perf_counter() - began
        _succeeded(await client.jobs.get(made.name))
        return taken

    for side in (engine, whole):
        await side()
    runs = await interleaved(f"clip, {model}", bench.pick(2, CLIP_JOBS), {"engine alone": engine, "Locution": whole})
    theirs, ours = ([taken for _, taken in runs[name]] for name in ("engine alone", "Locution"))
    allowed = CLIP_FACTOR * median(theirs) + CLIP_FIXED_SECONDS
    return Row(
        what=f"CreateJob to SUCCEEDED, a clip of {CLIP_SECONDS} s on an idle stack, {model}",
        aim=f"p50 ≤ {CLIP_FACTOR}× engine + {CLIP_FIXED_SECONDS * 1000:.0f} ms",
        measured=f"{median(ours) * 1000:.0f} ms of {allowed * 1000:.0f} ms",
        ours=spread(ours).text(" s", 3),
        baseline=f"engine alone: {spread(theirs).text(' s', 3)}",
        remarks=f"{len(ours)} jobs, one after the other, each beside the engine on the same audio",
    )


async def _row(bench: Bench, model: str, audio: Pcm, path: Path, diarize: bool) -> Row:
    speech, speakers, cut = await bench.speech(model), await bench.speakers(), sections(audio)
    options = Options("en", f"whisper/{model}", DIARIZER_MODEL if diarize else None, diarize)

    async def engines() -> None:
        work = [speech.all(cut, "en"), *([speakers.diarize(cut)] if diarize else [])]
        await asyncio.gather(*work)

    async def whole() -> None:
        await _run(bench, upload, options)

    async with bench.installation.client() as client:
        upload = (await client.uploads.send(path)).name
    what = f"{model}{' with speakers' if diarize else ''}"
    runs = await interleaved(f"job, {what}", bench.rounds, {"engine alone": engines, "Locution": whole})
    return Row(
        what=f"CreateJob to SUCCEEDED beside the engine alone, {len(audio) / 960_000:.1f} minutes, {what}",
        aim="",
        measured=ratios(times(runs["engine alone"]), times(runs["Locution"])).text("×"),
        ours=spread(times(runs["Locution"])).text(" s"),
        baseline=f"engine alone: {spread(times(runs['engine alone'])).text(' s')}",
        remarks=f"{len(cut)} sections; decoding, queue, joining and storing are the job's",
    )


async def _run(bench: Bench, upload: str, options: Options) -> None:
    async with bench.installation.client() as client:
        made = await client.jobs.create(upload, options.to_config(), label="bench")
        async for _event in client.jobs.watch(made.name):
            pass
        _succeeded(await client.jobs.get(made.name))


def _succeeded(done: pb.Job) -> None:
    if done.state != pb.Job.STATE_SUCCEEDED or done.warnings:
        raise JobEndedOtherwise(f"{done.name} ended as {pb.Job.State.Name(done.state)}: {done.error} {done.warnings}")
