"""Text of asr: errors on every referenced recording, and words where there are none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from locution_asr.qualification.judge import DESTROYED_LOSS, DESTROYED_WORDS
from locution_asr.qualification.recordings import SHIFTS
from locution_gateway.transcripts.formats.layout import BROADCAST, TELETEXT, VERTICAL
from locution_speech.transcript import Segment
from locution_speech.wire import segment_from_proto

from tests.bench.command import say
from tests.bench.engine_client import Speech
from tests.bench.engine_rows.bench import Bench, in_thread
from tests.bench.figures import paired_bound
from tests.bench.recipes import made_without_words, sections
from tests.bench.recordings import RATE, Pcm, Recording, pcm, referenced, wordless
from tests.bench.scoring import Errors, errors, mean, pooled, units
from tests.bench.table import Row
from tests.support import subtitles

MODEL = "base"
AIM = "≤ 0.3 points worse; 95 % bound ≤ 1.0, else its recordings in three shifts; none destroyed"
MOST_BOUND = 0.010
DECIDING = 5
"""How many recordings are read again, shifted, where the bound is too wide: those with the most words between them."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A recording with our errors and the baseline's."""

    found: Recording
    ours: Errors
    theirs: Errors

    @property
    def apart(self) -> int:
        """Return by how many words we are worse."""
        return self.ours.count - self.theirs.count

    @property
    def destroyed(self) -> bool:
        """Tell whether we lost what the qualification calls a destroyed recording."""
        return self.apart > max(DESTROYED_WORDS, DESTROYED_LOSS * self.ours.length)

    def text(self) -> str:
        """Return the recording with both rates."""
        return f"{self.found.name} {self.ours.rate:.1%}, theirs {self.theirs.rate:.1%}"


async def wer(bench: Bench) -> list[Row]:
    """Compare errors on all referenced recordings, both sides told the language."""
    return await _compared(bench, told=True)


async def wer_auto(bench: Bench) -> list[Row]:
    """Compare errors on all referenced recordings, both sides detecting the language."""
    return await _compared(bench, told=False)


async def cues(bench: Bench) -> list[Row]:
    """Cut what asr hears in every referenced recording into cues, in every preset, and count broken limits."""
    speech = await bench.speech(MODEL)
    shown, wrong = 0, []
    for found in referenced()[: bench.pick(3, None)]:
        audio = pcm(found)
        segments = [segment async for segment in heard_segments(speech, audio, found.language)]
        for name, layout in (("broadcast", BROADCAST), ("teletext", TELETEXT), ("vertical", VERTICAL)):
            cut = await subtitles.cut(segments, layout, len(audio))
            shown += len(cut)
            wrong += [f"{found.name}, {name}: {each}" for each in subtitles.broken(cut, layout)]
    say("; ".join(wrong) or f"{shown} cues keep every limit")
    return [
        Row(
            what=f"cues of every recording with a reference, three presets, {MODEL}",
            aim="0 beyond lines, characters, seconds, or overlapping",
            measured=f"{len(wrong)} of {shown}",
            remarks="; ".join(wrong[:DECIDING]),
        )
    ]


async def noise(bench: Bench) -> list[Row]:
    """Count words on noise, silence, tones, music and a fan."""
    inputs: dict[str, Pcm] = {found.name: pcm(found) for found in wordless()} | made_without_words(
        bench.pick(8.0, 30.0)
    )
    if bench.small:
        inputs = dict(list(inputs.items())[1:4])
    return [await _wordless(bench, model, inputs) for model in bench.models]


async def _compared(bench: Bench, *, told: bool) -> list[Row]:
    chosen = referenced()
    if bench.small:
        chosen = [*(found for found in chosen if found.language == "en" and found.seconds < 4)][:2] + [
            found for found in chosen if found.language != "en" and found.seconds < 8
        ][:2]
    base = await _baseline(bench, chosen, told)
    modes = ("default", "accurate") if bench.mode == "default" else (bench.mode,)
    return [row for mode in modes for row in await _in_mode(bench, mode, chosen, base, told)]


async def _baseline(bench: Bench, chosen: Sequence[Recording], told: bool) -> list[Errors]:
    found = []
    for number, each in enumerate(chosen):
        found.append(await _theirs(bench, each, pcm(each), told))
        say(f"faster-whisper: {number + 1} of {len(chosen)}, {each.name}: {found[-1].rate:.1%}")
    return found


async def _in_mode(
    bench: Bench, mode: str, chosen: Sequence[Recording], base: Sequence[Errors], told: bool
) -> list[Row]:
    speech = replace(await bench.speech(MODEL), mode=mode)
    pairs: list[Pair] = []
    for number, (each, theirs) in enumerate(zip(chosen, base, strict=True)):
        pairs.append(Pair(each, await _ours(speech, each, pcm(each), told), theirs))
        say(f"{mode}: {number + 1} of {len(chosen)}, {pairs[-1].text()}")
    how = "language told" if told else "language detected"
    english = [pair for pair in pairs if pair.found.language == "en"]
    others = [pair for pair in pairs if pair.found.language != "en"]
    return [
        await _row(bench, speech, f"WER, English, {how}, {mode}", english, told),
        await _row(bench, speech, f"WER, others, {how}, {mode}", others, told),
    ]


async def _ours(speech: Speech, found: Recording, audio: Pcm, told: bool) -> Errors:
    return errors(found.text, await transcribed(speech, audio, found.language if told else "auto"), found.language)


async def _theirs(bench: Bench, found: Recording, audio: Pcm, told: bool) -> Errors:
    text = await in_thread(partial(bench.baseline(MODEL).text, audio, found.language if told else None))
    return errors(found.text, text, found.language)


async def heard_segments(speech: Speech, audio: Pcm, language: str) -> AsyncIterator[Segment]:
    """Yield the segments of a recording in the worker's sections, at its own times."""
    parts = sections(audio)
    start = 0
    for part, heard in zip(parts, await speech.all(parts, language), strict=True):
        for each in map(segment_from_proto, heard.segments):
            yield each.moved(start)
        start += len(part)


def shifted(audio: Pcm) -> list[Pcm]:
    """Return a recording behind a little silence of several lengths: each moves what both sides make of close calls."""
    return [np.concatenate([np.zeros(round(shift * RATE), np.int16), audio]) for shift in SHIFTS]


async def transcribed(speech: Speech, audio: Pcm, language: str) -> str:
    """Return the text of a recording in the worker's sections."""
    heard = await speech.all(sections(audio), language)
    return " ".join(each.text for each in heard)


async def _row(bench: Bench, speech: Speech, what: str, pairs: Sequence[Pair], told: bool) -> Row:
    difference, bound = _difference(pairs)
    remarks = [_by_language(pairs)]
    if bound > MOST_BOUND:
        deciding = sorted(pairs, key=lambda pair: abs(pair.apart), reverse=True)[:DECIDING]
        again = {pair.found.name: await _again(bench, speech, pair.found, told) for pair in deciding}
        pairs = [again.get(pair.found.name, pair) for pair in pairs]
        remarks.append(f"bound {100 * bound:+.2f} before these had three shifts: {_named(list(again.values()))}")
        difference, bound = _difference(pairs)
    if destroyed := [pair for pair in pairs if pair.destroyed]:
        remarks.append(f"destroyed: {_named(destroyed)}")
    ours, theirs = pooled(pair.ours for pair in pairs), pooled(pair.theirs for pair in pairs)
    return Row(
        what=f"{what}, {MODEL} ({len(pairs)} recordings)",
        aim=AIM,
        measured=f"{100 * difference:+.2f} points; 95 % bound {100 * bound:+.2f}",
        ours=ours.text(),
        baseline=f"faster-whisper: {theirs.text()}",
        remarks="; ".join(each for each in remarks if each),
    )


async def _again(bench: Bench, speech: Speech, found: Recording, told: bool) -> Pair:
    """Read a recording behind several lengths of silence, on both sides."""
    audios = shifted(pcm(found))
    ours = [await _ours(speech, found, audio, told) for audio in audios]
    theirs = [await _theirs(bench, found, audio, told) for audio in audios]
    return Pair(found, mean(ours), mean(theirs))


def _difference(pairs: Sequence[Pair]) -> tuple[float, float]:
    ours, theirs = [pair.ours.count for pair in pairs], [pair.theirs.count for pair in pairs]
    return paired_bound(ours, theirs, [pair.ours.length for pair in pairs])


def _by_language(pairs: Sequence[Pair]) -> str:
    languages = sorted({pair.found.language for pair in pairs})
    if len(languages) < 2:
        return ""
    parts = {code: [pair for pair in pairs if pair.found.language == code] for code in languages}
    return ", ".join(
        f"{code} {pooled(pair.ours for pair in part).rate:.1%} against {pooled(pair.theirs for pair in part).rate:.1%}"
        for code, part in parts.items()
    )


def _named(pairs: Sequence[Pair]) -> str:
    return ", ".join(pair.text() for pair in pairs)


async def _wordless(bench: Bench, model: str, inputs: dict[str, Pcm]) -> Row:
    speech, baseline = await bench.speech(model), bench.baseline(model)
    texts = await asyncio.gather(*(transcribed(speech, audio, "en") for audio in inputs.values()))
    ours = dict(zip(inputs, (len(units(text, "en")) for text in texts), strict=True))
    theirs = await in_thread(
        lambda: {name: len(units(baseline.text(audio, "en"), "en")) for name, audio in inputs.items()}
    )
    say(f"words where there are none, {model}: {sum(ours.values())}, faster-whisper {sum(theirs.values())}")
    return Row(
        what=f"words on {', '.join(inputs)}, {model}",
        aim="0",
        measured=str(sum(ours.values())),
        ours=_counts(ours),
        baseline=f"faster-whisper: {_counts(theirs)}",
        remarks="tones, music, fan noise and digital silence are synthesised",
    )


def _counts(words: dict[str, int]) -> str:
    some = [f"{name} {count}" for name, count in words.items() if count]
    return ", ".join(some) or "none"
