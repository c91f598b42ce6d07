"""The field: utterances as people record them, two languages in one file, ten minutes of many speakers."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from statistics import median

from locution_gateway.pipeline.warnings import UNCERTAIN

from tests.bench.command import say
from tests.bench.engine_client import Heard, Speech
from tests.bench.engine_rows.bench import Bench, in_thread
from tests.bench.field_recipes import SEEDS, Spliced, Utterance, many_speakers, spliced, utterances
from tests.bench.field_scoring import Judged, judge, total
from tests.bench.recipes import sections
from tests.bench.recordings import RATE, Pcm
from tests.bench.scoring import Errors, errors
from tests.bench.table import Row

MODEL = "base"
MODES = ("fast", "accurate")
AT_ONCE = 4
SHORTEST_SPAN = 5.0
NAMED = 5


async def field(bench: Bench) -> list[Row]:
    """Judge FAST and ACCURATE on a thousand utterances cut, shifted, degraded and coded, beside faster-whisper."""
    drawn = random.SystemRandom().randrange(2**31)
    seeds = (*SEEDS, drawn)
    count = bench.pick(6, bench.utterances)
    chosen = [each for seed in seeds for each in utterances(-(-count // len(seeds)), seed)]
    say(f"{len(chosen)} utterances; seeds {', '.join(map(str, seeds))}")
    plain: list[str] = []
    for number, each in enumerate(chosen):
        plain.append(await in_thread(partial(bench.baseline(MODEL).plain, each.audio, "en")))
        if number % 50 == 49:
            say(f"faster-whisper: {number + 1} of {len(chosen)}")
    remarks = f"seeds {', '.join(map(str, seeds))}, the last one drawn"
    return [await _field(bench, mode, chosen, plain, remarks) for mode in MODES]


async def two_languages(bench: Bench) -> list[Row]:
    """Detect the languages of files in which two take turns."""
    files = spliced(bench.pick(2, 40), SEEDS[0])
    rows = []
    for mode in MODES:
        heard = await _all(await _speech(bench, mode), [each.audio for each in files], "auto")
        spans = [span for each, found in zip(files, heard, strict=True) for span in _languages(each, found)]
        right = sum(expected == found for expected, found, _ in spans)
        unmarked = sum(expected != found and certain for expected, found, certain in spans)
        rows.append(
            Row(
                what=f"two languages in a file, {mode.upper()}, {MODEL} ({len(files)} files)",
                aim="≥ 90 % of spans of 5 s and more in the language spoken; the rest marked as uncertain",
                measured=f"{right / len(spans):.1%} of {len(spans)}",
                remarks=f"{len(spans) - right} wrong, {unmarked} of them not marked",
            )
        )
    return rows


async def ten_minutes(bench: Bench) -> list[Row]:
    """Compare ten minutes of many speakers with faster-whisper with and without VAD; medians of three seeds."""
    files = [many_speakers(bench.pick(20.0, 600.0), seed) for seed in bench.pick((1,), (1, 2, 3))]
    return [row for model in bench.models for row in await _ten_minutes(bench, model, files)]


async def _field(bench: Bench, mode: str, chosen: Sequence[Utterance], plain: Sequence[str], remarks: str) -> Row:
    heard = await _all(await _speech(bench, mode), [each.audio for each in chosen], "en")
    judged = [
        judge(each.name, theirs if each.reference is None else each.reference, found.text)
        for each, theirs, found in zip(chosen, plain, heard, strict=True)
    ]
    known = [number for number, each in enumerate(chosen) if each.reference is not None]
    ours = total([judged[number] for number in known])
    theirs = total([judge("", chosen[number].reference or "", plain[number]) for number in known])
    bad = [each for each in judged if each.disaster]
    dropped, speech = _dropped(heard)
    say("; ".join(_disaster(each) for each in bad) or "no invented or repeated run")
    return Row(
        what=f"field, {mode.upper()}, {MODEL} ({len(chosen)} utterances, {len(known)} with a reference)",
        aim="0 with a repeated run or four words inserted; WER ≤ +0.5 points; dropped ≤ 0.5 %",
        measured=f"{len(bad)}; {100 * (ours.rate - theirs.rate):+.2f} points; {dropped / max(speech, 1):.2%}",
        ours=ours.text(),
        baseline=f"faster-whisper, sequential: {theirs.text()}",
        remarks="; ".join([remarks, *(_disaster(each) for each in bad[:NAMED])]),
    )


async def _ten_minutes(bench: Bench, model: str, files: Sequence[tuple[Pcm, str]]) -> list[Row]:
    plain, vad = [], []
    for audio, text in files:
        plain.append(errors(text, await in_thread(partial(bench.baseline(model).plain, audio, "en")), "en"))
        vad.append(errors(text, await in_thread(partial(bench.baseline(model).text, audio, "en")), "en"))
        say(f"{model}: faster-whisper without VAD {plain[-1].text()}; with {vad[-1].text()}")
    rows = []
    for mode in MODES:
        speech, ours = replace(await bench.speech(model), mode=mode), []
        for audio, text in files:
            heard = await speech.all(sections(audio), "en")
            ours.append(errors(text, " ".join(each.text for each in heard), "en"))
            say(f"{model} {mode}: {ours[-1].text()}")
        rows.append(
            Row(
                what=f"ten minutes of many speakers, {mode.upper()}, {model} (medians of {len(files)} seeds)",
                aim="WER ≤ the better of both; deletions ≤ 1.1 of those without VAD; insertions ≤ 1.1 of those with",
                measured=_medians(ours),
                baseline=f"faster-whisper without VAD: {_medians(plain)}; with: {_medians(vad)}",
            )
        )
    return rows


async def _speech(bench: Bench, mode: str) -> Speech:
    return replace(await bench.speech(MODEL), mode=mode)


async def _all(speech: Speech, audios: Sequence[Pcm], language: str) -> list[Heard]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(audio: Pcm) -> Heard:
        async with limit:
            return await speech.transcribe(audio, language)

    return list(await asyncio.gather(*map(one, audios)))


def _languages(file: Spliced, heard: Heard) -> list[tuple[str, str, bool]]:
    """Return for each span of 5 s and more the language spoken, the one found in most of it, and whether it is sure."""
    found = []
    for start, end, language in file.spoken:
        shares: dict[str, float] = defaultdict(float)
        sure = True
        for segment in heard.segments:
            shared = min(end, segment.end_sample / RATE) - max(start, segment.start_sample / RATE)
            if shared > 0:
                shares[segment.language] += shared
                sure = sure and segment.language_probability >= UNCERTAIN
        if end - start >= SHORTEST_SPAN:
            found.append((language, max(shares, key=shares.__getitem__, default=""), sure))
    return found


def _dropped(heard: Sequence[Heard]) -> tuple[int, int]:
    speech = sum(each.done.speech_sample_count for each in heard)
    return speech - sum(each.done.text_speech_sample_count for each in heard), speech


def _disaster(judged: Judged) -> str:
    return f"{judged.name}: {judged.repeated} repeated, {judged.inserted} inserted"


def _medians(found: Sequence[Errors]) -> str:
    rate = median(each.rate for each in found)
    return (
        f"{rate:.2%}, {median(e.deletions for e in found):g} deleted, {median(e.insertions for e in found):g} inserted"
    )
