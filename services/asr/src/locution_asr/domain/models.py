"""The objects that the service works on. Times are samples at 16 kHz from the section's start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from locution_speech.asr import DecodeMode, SectionDone
from locution_speech.clock import SAMPLE_RATE, Span, samples
from locution_speech.engine.models import Timings
from locution_speech.transcript import CoverageSpan
from numpy.typing import NDArray

WINDOW_SECONDS = 30
WINDOW_SAMPLES = WINDOW_SECONDS * SAMPLE_RATE

FRAME = 512
"""Frame of the speech detector, in samples."""

QUIET_BELOW = 0.35
"""A frame whose probability of speech is lower is quiet."""

Pcm = NDArray[np.int16]


SHORTEST_INPUT = samples(10.0)
"""Shortest encoder input of FAST without a qualification; shorter inputs harm the text of some models."""


@dataclass(frozen=True, slots=True)
class PcmChunk:
    """Mono 16 kHz samples that begin at `offset` of the section."""

    offset: int
    pcm: Pcm


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """The probability of speech and the mean square of each frame, full scale 1.0, without rumble and offset."""

    speech: NDArray[np.float32]
    power: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Piece:
    """Places `span` of the section at sample `at` of a window; `utterances` are the detected speech within it."""

    at: int
    span: Span
    utterances: tuple[Span, ...]

    @property
    def speech(self) -> int:
        """Return the number of samples that are speech."""
        return sum(utterance.length for utterance in self.utterances)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The audio of one decode: speech with its padding, without longer silences.

    `pieces` map the window's samples back to the section, in order and without overlap. A `doubtful` window holds audio
    that the detector rejected.
    """

    index: int
    pcm: Pcm
    pieces: tuple[Piece, ...]
    doubtful: bool = False

    @property
    def span(self) -> Span:
        """Return the span from the first piece to the last."""
        return Span(self.pieces[0].span.start, self.pieces[-1].span.end)

    @property
    def utterances(self) -> tuple[Span, ...]:
        """Return the detected speech, in the section."""
        return tuple(utterance for piece in self.pieces for utterance in piece.utterances)


@dataclass(frozen=True, slots=True)
class WindowTiming:
    """How one window was served: seconds waiting and decoding, its batch, its attempts."""

    queue_wait: float
    decode: float
    batch_size: int
    attempts: int


def timings_of(windows: Iterable[WindowTiming], total: Timings | None = None) -> Timings:
    """Add up how windows were served, starting from `total`."""
    total = total or Timings()
    for each in windows:
        total = total.add(
            queued=each.queue_wait, computed=each.decode, batch_size=each.batch_size, redone=each.attempts > 1
        )
    return total


@dataclass(frozen=True, slots=True)
class SectionReport:
    """Totals of a section. `text_speech` is the part of `speech` whose span has text."""

    length: int
    speech: int
    text_speech: int
    mode: DecodeMode
    windows: tuple[WindowTiming, ...]
    coverage: tuple[CoverageSpan, ...]

    @property
    def done(self) -> SectionDone:
        """Return the totals for the caller."""
        return SectionDone(self.length, self.speech, self.text_speech, self.coverage, timings_of(self.windows))
