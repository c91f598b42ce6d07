"""Field recordings by recipe: real utterances cut, shifted, under noise, resampled and through codecs, all seeded."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench.recipes import pause
from tests.bench.recordings import RATE, TESTDATA, Pcm, Recording, decoded, pcm, referenced

SEEDS = (20261129, 7)
"""The fixed seeds; a bench adds one that it draws and prints."""

LONGEST_WHOLE = 30.0
SHORTEST_CUT, LONGEST_CUT = 2.0, 14.0
SPOKEN_LEVEL = 1500.0
"""Root mean square of every part of a spliced file, in 16-bit units."""

SPLICED = ("de", "en", "es", "fr", "pt")


@dataclass(frozen=True, slots=True)
class Utterance:
    """Audio with its reference, or None where a cut leaves none."""

    name: str
    audio: Pcm
    reference: str | None


@dataclass(frozen=True, slots=True)
class Spliced:
    """Audio in two languages: (start, end, language) in seconds."""

    audio: Pcm
    spoken: tuple[tuple[float, float, str], ...]


def utterances(count: int, seed: int) -> list[Utterance]:
    """Return English utterances of up to 30 s, each changed in one or two ways."""
    choice = random.Random(seed)
    whole = [found for found in referenced() if found.language == "en" and found.seconds <= LONGEST_WHOLE]
    speech = [*sorted((TESTDATA / "utterances").glob("*.flac"))]
    return [_utterance(number, choice, whole, speech) for number in range(count)]


def spliced(count: int, seed: int) -> list[Spliced]:
    """Return files in which two languages take turns, at pauses of 0.3 to 1.2 s."""
    choice = random.Random(seed)
    by_language = {
        language: [found for found in referenced() if found.language == language and 4 <= found.seconds <= 20]
        for language in SPLICED
    }
    return [_spliced(choice, by_language) for _ in range(count)]


def many_speakers(seconds: float, seed: int) -> tuple[Pcm, str]:
    """Return English recordings in seeded order with pauses, whole, up to so many seconds, and their text."""
    choice = random.Random(seed)
    english = [found for found in referenced() if found.language == "en" and found.seconds >= 1]
    parts: list[Pcm] = []
    texts: list[str] = []
    for found in choice.sample(english, len(english)):
        if sum(map(len, parts)) >= seconds * RATE:
            break
        parts += [pcm(found), pause(choice)]
        texts.append(found.text)
    return np.concatenate(parts), " ".join(texts)


def _utterance(number: int, choice: random.Random, whole: Sequence[Recording], speech: Sequence[Path]) -> Utterance:
    if choice.random() < 0.5:
        found = choice.choice(whole)
        name, audio, reference = found.name, pcm(found), found.text
    else:
        path = choice.choice(speech)
        name, audio, reference = path.name, _cut(decoded(path), choice), None
    shift = np.zeros(choice.randrange(RATE // 2), np.int16)
    audio = np.concatenate([shift, audio])
    ways = choice.sample(sorted(WAYS), choice.choice((0, 1, 1, 2)))
    for way in ways:
        audio = WAYS[way](audio, choice)
    return Utterance(f"{number}: {name} {' '.join(ways) or 'as it is'}", audio, reference)


def _cut(audio: Pcm, choice: random.Random) -> Pcm:
    length = round(choice.uniform(SHORTEST_CUT, LONGEST_CUT) * RATE)
    start = choice.randrange(max(1, len(audio) - length))
    return audio[start : start + length]


def _noisy(audio: Pcm, choice: random.Random) -> Pcm:
    """Add noise that falls with frequency, 15 to 30 dB below the speech."""
    spectrum = np.fft.rfft(np.random.default_rng(choice.randrange(2**32)).normal(size=len(audio)))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 20.0)), len(audio))
    ratio = 10 ** (-choice.uniform(15, 30) / 20) * _level(audio) / max(float(noise.std()), 1e-9)
    return _pcm(audio + noise * ratio)


def _quieter(audio: Pcm, choice: random.Random) -> Pcm:
    return _pcm(audio * 10 ** (-choice.uniform(6, 30) / 20))


def _offset(audio: Pcm, choice: random.Random) -> Pcm:
    return _pcm(audio * 0.5 + choice.uniform(-8000, 8000))


def _narrow(audio: Pcm, choice: random.Random) -> Pcm:
    """Go through 8 or 11.025 kHz."""
    rate = choice.choice((8000, 11025))
    there = _resampled(audio.astype(np.float64), len(audio) * rate // RATE)
    return _pcm(_resampled(there, len(audio)))


def _coded(codec: str, container: str) -> Callable[[Pcm, random.Random], Pcm]:
    """Return a way through a lossy codec."""

    def through(audio: Pcm, choice: random.Random) -> Pcm:
        import av
        from faster_whisper.audio import decode_audio

        held = io.BytesIO()
        with av.open(held, "w", format=container) as file:
            stream: Any = file.add_stream(codec, rate=RATE)
            stream.bit_rate = choice.choice((24_000, 32_000, 64_000))
            frame = av.AudioFrame.from_ndarray(audio[None, :], format="s16", layout="mono")
            frame.sample_rate = RATE
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                file.mux(packet)
        held.seek(0)
        return _pcm(decode_audio(held, sampling_rate=RATE) * 32768)

    return through


WAYS: dict[str, Callable[[Pcm, random.Random], Pcm]] = {
    "noise": _noisy,
    "quiet": _quieter,
    "offset": _offset,
    "narrow": _narrow,
    "mp3": _coded("libmp3lame", "mp3"),
    "opus": _coded("libopus", "ogg"),
}


def _spliced(choice: random.Random, by_language: dict[str, list[Recording]]) -> Spliced:
    pair = choice.sample(SPLICED, 2)
    parts: list[Pcm] = []
    spoken: list[tuple[float, float, str]] = []
    for number in range(choice.choice((2, 2, 3, 4))):
        audio = pcm(choice.choice(by_language[pair[number % 2]]))
        audio = _pcm(audio * (SPOKEN_LEVEL / _level(audio)))
        at = sum(map(len, parts)) / RATE
        spoken.append((at, at + len(audio) / RATE, pair[number % 2]))
        parts += [audio, pause(choice)]
    return Spliced(np.concatenate(parts), tuple(spoken))


def _resampled(wave: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Resample by cutting or padding the spectrum."""
    spectrum = np.fft.rfft(wave)
    kept = np.zeros(length // 2 + 1, np.complex128)
    size = min(len(kept), len(spectrum))
    kept[:size] = spectrum[:size]
    made: NDArray[np.float64] = np.fft.irfft(kept, length) * (length / len(wave))
    return made


def _level(audio: Pcm) -> float:
    return max(float(np.sqrt(np.mean(audio.astype(np.float64) ** 2))), 1.0)


def _pcm(wave: NDArray[np.float64] | NDArray[np.float32]) -> Pcm:
    clipped: Pcm = np.clip(np.rint(wave), -32768, 32767).astype(np.int16)
    return clipped
