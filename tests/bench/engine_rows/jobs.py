"""A whole job, from CreateJob to SUCCEEDED, beside the engine alone on the same audio."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from locution.v1 import job_service_pb2 as pb
from locution_client.transcription import Options

from tests.bench.engine_rows.bench import DIARIZER_MODEL, Bench, interleaved, times
from tests.bench.figures import ratios, spread
from tests.bench.recipes import long_speech, sections, write_wav
from tests.bench.recordings import Pcm
from tests.bench.table import Row


class JobEndedOtherwise(Exception):
    """A job of the bench did not succeed."""


async def job(bench: Bench) -> list[Row]:
    """Compare jobs with their engines, without and with speakers."""
    audio = long_speech(bench.pick(20.0, 300.0))
    with tempfile.TemporaryDirectory(prefix="locution-bench-") as folder:
        path = Path(folder) / "speech.wav"
        write_wav(path, iter([audio]))
        return [await _row(bench, model, audio, path, diarize) for model in bench.models for diarize in (False, True)]


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
        done = await client.jobs.get(made.name)
    if done.state != pb.Job.STATE_SUCCEEDED or done.warnings:
        raise JobEndedOtherwise(f"{done.name} ended as {pb.Job.State.Name(done.state)}: {done.error} {done.warnings}")
