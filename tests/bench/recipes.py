"""Inputs that are made, not recorded: long speech by a seeded recipe, requests cut from it, music, tones, a fan."""

from __future__ import annotations

import random
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from locution_gateway.media.sections import Sectioner, SectionRule
from numpy.typing import NDArray
from pyannote.core import Annotation, Segment
from pyannote.database.util import load_rttm

from tests.bench.recordings import RATE, Pcm, Recording, all_recordings, pcm, recording, with_turns

SEED = 20261121
GAP_SECONDS = (0.3, 1.2)
NOISE_FLOOR = 3.0
"""Amplitude of the gaps' noise, so that no stretch is digitally silent."""

SHORT_RULE = SectionRule(target=7.0, minimum=2.0, maximum=16.0)
SHORT_WHOLE = (
    "azure_weather.wav", "riva_en-US_sample.wav", "asterisk_en_demo-nogo.wav", "austen_0870.wav", "austen_0890.wav",
    "austen_0920.wav", "austen_0930.wav", "cmu_arctic_us_aew_a0003.wav", "cmu_arctic_us_axb_a0004.wav",
    "cmu_arctic_us_axb_a0006.wav", "fleurs-en-000.ogg", "fleurs-en-003.ogg", "fleurs-en-004.ogg", "fleurs-en-005.ogg",
    "google_two_channel_16k.wav", "jfk.wav", "leopard_test.wav", "riva_antiberta.wav", "sonnet1.webm",
    "sr_audio-mono-8-bit-44100Hz.wav",
)  # fmt: skip
SHORT_CUT = ("address.mp3",)
"""Cut at pauses, as the worker cuts, until there are enough requests."""

FILES = (
    "asterisk_en_demo-nogo.wav", "riva_antiberta.wav", "asterisk_en_vm-options.wav", "cold_corpus3.wav",
    "jfk_padded.wav", "asterisk_en_demo-congrats.wav", "google_commercial_call.wav", "sonnet3.mp3",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Conversation:
    """A long recording with its reference turns."""

    audio: Pcm
    turns: Annotation


def short_requests(count: int = 32) -> list[Pcm]:
    """Return distinct English requests of 2 to 16 s."""
    whole = [pcm(recording(name)) for name in SHORT_WHOLE]
    cut = [piece for name in SHORT_CUT for piece in sections(pcm(recording(name)), SHORT_RULE)]
    chosen = [audio for audio in (*whole, *cut) if 2 * RATE <= len(audio) <= 16 * RATE]
    if len(chosen) < count:
        raise ValueError(f"the recipe gives {len(chosen)} requests, not {count}")
    return chosen[:count]


def several_files(count: int = 8) -> list[Pcm]:
    """Return English files of 10 to 60 s."""
    return [pcm(recording(name)) for name in FILES[:count]]


def long_speech(seconds: float, seed: int = SEED) -> Pcm:
    """Return English speech of exactly so many seconds: recordings in seeded order with short pauses between."""
    choice = random.Random(seed)
    english = [found for found in all_recordings() if found.language == "en" and found.seconds >= 4]
    parts: list[Pcm] = []
    while sum(map(len, parts)) < seconds * RATE:
        for found in choice.sample(english, len(english)):
            parts += [pcm(found), pause(choice)]
    return np.concatenate(parts)[: round(seconds * RATE)]


def long_conversation(seconds: float, seed: int = SEED) -> Conversation:
    """Return every recording with turns, again and again in seeded order, up to so many seconds; nobody is renamed."""
    choice = random.Random(seed)
    parts: list[Pcm] = []
    turns, at = Annotation(), 0
    while at < seconds * RATE:
        for found in choice.sample(with_turns(), len(with_turns())):
            audio, gap = pcm(found), pause(choice)
            for segment, track, speaker in reference_turns(found).itertracks(yield_label=True):
                placed = Segment(segment.start + at / RATE, segment.end + at / RATE)
                turns[placed, f"{at}-{track}"] = speaker
            parts += [audio, gap]
            at += len(audio) + len(gap)
    length = round(seconds * RATE)
    return Conversation(np.concatenate(parts)[:length], turns.crop(Segment(0, seconds)))


def reference_turns(found: Recording) -> Annotation:
    """Return the turns beside a recording."""
    assert found.turns is not None
    turns: Annotation = next(iter(load_rttm(found.turns).values()))  # type: ignore[no-untyped-call]
    return turns


def sections(audio: Pcm, rule: SectionRule | None = None) -> list[Pcm]:
    """Cut audio at pauses, by the very rule that the worker cuts by."""
    sectioner = Sectioner(rule)
    found = [*sectioner.push(audio.astype("<i2").tobytes()), *sectioner.finish()]
    return [audio[section.start : section.end] for section in found]


def looped(audio: Pcm, seconds: float) -> Iterator[Pcm]:
    """Yield audio over and over up to so many seconds, in pieces that are at most as long as it."""
    left = round(seconds * RATE)
    while left > 0:
        piece = audio[:left]
        left -= len(piece)
        yield piece


def write_wav(path: Path, pieces: Iterator[Pcm]) -> None:
    """Write mono 16 kHz WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for piece in pieces:
            file.writeframes(piece.astype("<i2").tobytes())


def made_without_words(seconds: float = 30.0) -> dict[str, Pcm]:
    """Return what is synthesised and holds no word, by name."""
    return {
        "digital silence": np.zeros(round(seconds * RATE), dtype=np.int16),
        "tones": _pcm(_tones(seconds)),
        "music": _pcm(_music(seconds)),
        "fan noise": _pcm(_fan(seconds)),
    }


def pause(choice: random.Random) -> Pcm:
    """Return a pause between two recordings, of faint noise."""
    length = round(choice.uniform(*GAP_SECONDS) * RATE)
    noise = np.random.default_rng(choice.randrange(2**32)).normal(0, NOISE_FLOOR, length)
    return np.rint(noise).astype(np.int16)


def _tones(seconds: float) -> NDArray[np.float64]:
    """Sines, telephone keys and a sweep, half a second each, with pauses."""
    choice, time = np.random.default_rng(SEED), np.arange(RATE // 2) / RATE
    pieces: list[NDArray[np.float64]] = []
    while sum(map(len, pieces)) < seconds * RATE:
        low, high = choice.choice([697, 770, 852, 941]), choice.choice([1209, 1336, 1477])
        sweep = 2 * np.pi * (200 * time + 1400 * time**2)
        keys = np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time)
        kinds = (np.sin(2 * np.pi * choice.uniform(100, 4000) * time), keys, np.sin(sweep), 0 * time)
        pieces.append(kinds[int(choice.integers(len(kinds)))])
    return np.concatenate(pieces)[: round(seconds * RATE)]


def _music(seconds: float) -> NDArray[np.float64]:
    """Plucked chords over a bass line with a beat of noise, 100 beats a minute."""
    choice, beat = np.random.default_rng(SEED), round(0.6 * RATE)
    sound = np.zeros(round(seconds * RATE) + 4 * beat)
    for number, at in enumerate(range(0, round(seconds * RATE), beat)):
        root = (220.0, 174.6, 261.6, 196.0)[number // 4 % 4]
        for step in (0, 4, 7, 12):
            _pluck(sound, at, root * 2 ** (step / 12), 2 * beat)
        _pluck(sound, at, root / 2, beat)
        hit = choice.normal(size=beat // 4) * np.exp(-np.arange(beat // 4) / 400)
        sound[at : at + len(hit)] += hit
    return sound[: round(seconds * RATE)]


def _pluck(sound: NDArray[np.float64], at: int, pitch: float, length: int) -> None:
    time = np.arange(length) / RATE
    tone = sum(np.sin(2 * np.pi * pitch * part * time) * np.exp(-time * 3 * part) / part for part in range(1, 7))
    sound[at : at + length] += tone


def _fan(seconds: float) -> NDArray[np.float64]:
    """Noise that falls with frequency, a hum at 120 Hz, and the blades' slow swell."""
    length = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(SEED).normal(size=length))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 20.0)), length)
    time = np.arange(length) / RATE
    hum = 0.3 * noise.std() * np.sin(2 * np.pi * 120 * time)
    swelled: NDArray[np.float64] = (noise + hum) * (1 + 0.2 * np.sin(2 * np.pi * 0.7 * time))
    return swelled


def _pcm(sound: NDArray[np.float64], peak: float = 0.4) -> Pcm:
    return np.rint(sound / max(float(np.abs(sound).max()), 1e-9) * peak * 32767).astype(np.int16)


def mixed_sizes(audios: Sequence[Pcm]) -> str:
    """Say how long requests are: "32, 2.0 to 15.9 s, 214 s together"."""
    lengths = [len(audio) / RATE for audio in audios]
    return f"{len(lengths)}, {min(lengths):.1f} to {max(lengths):.1f} s, {sum(lengths):.0f} s together"
