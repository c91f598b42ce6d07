"""Text of asr: errors on every referenced recording, and words where there are none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

import numpy as np
from locution_asr.qualification.recordings import SHIFTS

from tests.bench.command import say
from tests.bench.engine_client import Speech
from tests.bench.engine_rows.bench import Bench, in_thread
from tests.bench.figures import paired_bound
from tests.bench.recipes import made_without_words, sections
from tests.bench.recordings import RATE, Pcm, Recording, pcm, referenced, wordless
from tests.bench.scoring import Errors, errors, pooled, units
from tests.bench.table import Row

MODEL = "base"
AIM = "≤ 0.5 points worse; 95 % bound ≤ 1.0"
Pair = tuple[Recording, Errors, Errors]


async def wer(bench: Bench) -> list[Row]:
    """Compare errors on all referenced recordings, both sides told the language."""
    return await _compared(bench, told=True)


async def wer_auto(bench: Bench) -> list[Row]:
    """Compare errors on all referenced recordings, both sides detecting the language."""
    return await _compared(bench, told=False)


async def noise(bench: Bench) -> list[Row]:
    """Count words on noise, silence, tones, music and a fan."""
    inputs: dict[str, Pcm] = {found.name: pcm(found) for found in wordless()} | made_without_words(
        bench.pick(8.0, 30.0)
    )
    if bench.small:
        inputs = dict(list(inputs.items())[1:4])
    return [await _wordless(bench, model, inputs) for model in bench.models]


async def _compared(bench: Bench, *, told: bool) -> list[Row]:
    speech, baseline = await bench.speech(MODEL), bench.baseline(MODEL)
    chosen = referenced()
    if bench.small:
        chosen = [*(found for found in chosen if found.language == "en" and found.seconds < 4)][:2] + [
            found for found in chosen if found.language != "en" and found.seconds < 8
        ][:2]
    pairs: list[Pair] = []
    for number, found in enumerate(chosen):
        language = found.language if told else None
        mine, other = [], []
        for audio in shifted(pcm(found)):
            theirs = await in_thread(partial(baseline.text, audio, language))
            ours = await transcribed(speech, audio, language or "auto")
            mine.append(errors(found.text, ours, found.language))
            other.append(errors(found.text, theirs, found.language))
        pair = (found, pooled(mine), pooled(other))
        pairs.append(pair)
        say(f"{number + 1} of {len(chosen)}, {found.name}: {pair[1].rate:.1%}, faster-whisper {pair[2].rate:.1%}")
    how = "language told" if told else "language detected"
    english = [pair for pair in pairs if pair[0].language == "en"]
    others = [pair for pair in pairs if pair[0].language != "en"]
    return [_row(f"WER, English pooled, {how}", english), _row(f"WER, all others pooled, {how}", others)]


def shifted(audio: Pcm) -> list[Pcm]:
    """Return a recording behind a little silence of several lengths: each moves what both sides make of close calls."""
    return [np.concatenate([np.zeros(round(shift * RATE), np.int16), audio]) for shift in SHIFTS]


async def transcribed(speech: Speech, audio: Pcm, language: str) -> str:
    """Return the text of a recording in the worker's sections."""
    heard = await speech.all(sections(audio), language)
    return " ".join(each.text for each in heard)


def _row(what: str, pairs: Sequence[Pair]) -> Row:
    ours, theirs = pooled(pair[1] for pair in pairs), pooled(pair[2] for pair in pairs)
    mine, other = [pair[1].count for pair in pairs], [pair[2].count for pair in pairs]
    difference, bound = paired_bound(mine, other, [pair[1].length for pair in pairs])
    shifts = ", ".join(f"{shift:g}" for shift in SHIFTS)
    return Row(
        what=f"{what}, {MODEL} ({len(pairs)} recordings, each behind {shifts} s of silence)",
        aim=AIM,
        measured=f"{100 * difference:+.2f} points; 95 % bound {100 * bound:+.2f}",
        ours=ours.text(),
        baseline=f"faster-whisper: {theirs.text()}",
    )


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
