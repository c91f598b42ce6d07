"""Speed of asr: many short requests, several files, one long file, and what the wire costs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from statistics import fmean

from tests.bench.baselines import BATCHES, FasterWhisper, Sequential
from tests.bench.engine_client import Heard
from tests.bench.engine_rows.bench import Bench, in_thread, interleaved, times
from tests.bench.engine_rows.in_process import engine_in_process
from tests.bench.figures import ratios, spread
from tests.bench.recipes import long_speech, mixed_sizes, sections, several_files, short_requests
from tests.bench.recordings import Pcm, seconds
from tests.bench.table import Row

SHORT_AIM = {"tiny.en": "5.0×", "base": "4.0×"}
FILES_AIM = {"tiny.en": "3.5×", "base": "3.0×"}
LATENCY_AIM = "mean latency ≤ 0.20"


async def short(bench: Bench) -> list[Row]:
    """Measure 32 short requests at once against one after the other."""
    audios = short_requests(bench.pick(2, 32))
    return [await _at_once(bench, model, audios, "short requests", SHORT_AIM, LATENCY_AIM) for model in bench.models]


async def files(bench: Bench) -> list[Row]:
    """Measure eight files at once against one after the other."""
    audios = several_files(bench.pick(2, 8))
    return [await _at_once(bench, model, audios, "files", FILES_AIM, "") for model in bench.models]


async def long(bench: Bench) -> list[Row]:
    """Measure one long file against BatchedInferencePipeline at its best batch size."""
    audio = long_speech(bench.pick(45.0, 1200.0))
    return [await _long(bench, model, audio) for model in bench.models]


async def grpc(bench: Bench) -> list[Row]:
    """Measure AsrService against the same engine called in this process."""
    audios = short_requests(bench.pick(2, 32))
    return [await _wire(bench, model, audios) for model in bench.models]


async def _at_once(
    bench: Bench, model: str, audios: Sequence[Pcm], what: str, aims: dict[str, str], latency_aim: str
) -> Row:
    speech, baseline = await bench.speech(model), bench.baseline(model)
    theirs: list[Sequential] = []
    ours: list[list[Heard]] = []

    async def sequential() -> None:
        theirs.append(await in_thread(lambda: baseline.sequential(audios, "en")))

    async def together() -> None:
        ours.append(await speech.all(audios, "en"))

    runs = await interleaved(f"{what}, {model}", bench.rounds, {"faster-whisper": sequential, "Locution": together})
    gain = ratios(times(runs["faster-whisper"]), times(runs["Locution"]))
    mine = [fmean(heard.latency for heard in run) for run in ours]
    waits = [fmean(run.latencies) for run in theirs]
    share = spread([own / other for own, other in zip(mine, waits, strict=True)])
    return Row(
        what=f"{mixed_sizes(audios)}: {what} at once, {model}",
        aim="; ".join(part for part in (aims.get(model, ""), latency_aim) if part),
        measured=f"{gain.text('×')}; mean latency {share.text()} of sequential",
        ours=f"{spread(times(runs['Locution'])).text(' s')}, mean latency {spread(mine).text(' s')}",
        baseline=f"sequential faster-whisper: {spread(times(runs['faster-whisper'])).text(' s')}, "
        f"mean latency {spread(waits).text(' s')}",
        remarks=f"{described(ours[-1])}; {pace(audios, times(runs['Locution']), times(runs['faster-whisper']))}",
    )


async def _long(bench: Bench, model: str, audio: Pcm) -> Row:
    speech, baseline = await bench.speech(model), bench.baseline(model)
    cut = sections(audio)
    ours: list[list[Heard]] = []

    async def together() -> None:
        ours.append(await speech.all(cut, "en"))

    best = await _best_batch(bench, model, baseline, audio)
    sides: dict[str, Callable[[], Awaitable[object]]] = {
        "BatchedInferencePipeline": partial(in_thread, partial(baseline.batched, audio, "en", best)),
        "Locution": together,
    }
    runs = await interleaved(f"long file, {model}", bench.rounds, sides)
    theirs = times(runs["BatchedInferencePipeline"])
    return Row(
        what=f"one file of {len(audio) / 960_000:.1f} minutes, {model}",
        aim="1.3×",
        measured=ratios(theirs, times(runs["Locution"])).text("×"),
        ours=f"{spread(times(runs['Locution'])).text(' s')} in {len(cut)} sections",
        baseline=f"BatchedInferencePipeline, batch size {best}: {spread(theirs).text(' s')}",
        remarks=f"{described(ours[-1])}; {pace([audio], times(runs['Locution']), theirs)}",
    )


async def _best_batch(bench: Bench, model: str, baseline: FasterWhisper, audio: Pcm) -> int:
    """Try every batch size once; the best one is the baseline of all rounds."""
    sides = {str(size): partial(in_thread, partial(baseline.batched, audio, "en", size)) for size in BATCHES}
    runs = await interleaved(f"batch sizes, {model}", 1, sides)
    return min(BATCHES, key=lambda size: runs[str(size)][0][0])


async def _wire(bench: Bench, model: str, audios: Sequence[Pcm]) -> Row:
    speech = await bench.speech(model)
    ours: list[list[Heard]] = []
    async with engine_in_process(bench, model) as engine:

        async def over_grpc() -> None:
            ours.append(await speech.all(audios, "en"))

        async def called() -> None:
            await engine.all(audios, "en")

        runs = await interleaved(f"gRPC, {model}", bench.rounds, {"in process": called, "Locution": over_grpc})
    return Row(
        what=f"AsrService against the same engine called in process, {model}",
        aim="0.95×",
        measured=ratios(times(runs["in process"]), times(runs["Locution"])).text("×"),
        ours=spread(times(runs["Locution"])).text(" s"),
        baseline=f"engine in process: {spread(times(runs['in process'])).text(' s')}",
        remarks=f"{mixed_sizes(audios)}; {described(ours[-1])}",
    )


def described(heard: Sequence[Heard]) -> str:
    """Say how the engine worked."""
    windows = sum(each.done.timings.windows for each in heard)
    redone = sum(each.done.timings.redone_windows for each in heard)
    batch = sum(each.done.timings.mean_batch_size * each.done.timings.windows for each in heard) / max(windows, 1)
    mode = "FAST" if any(each.started.fast for each in heard) else "ACCURATE"
    return f"{mode}, {windows} windows, {redone} redone, mean batch {batch:.1f}"


def pace(audios: Sequence[Pcm], ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Say how many times faster than real time both sides were."""
    length = seconds(audios)
    return f"{length / spread(ours).middle:.1f} and {length / spread(theirs).middle:.1f} times real time"
