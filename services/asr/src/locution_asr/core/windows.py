"""Cut a section at its pauses into windows for the decoder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from locution_speech.clock import Span, samples

from locution_asr.domain.models import Pcm, Piece, Window

QUIET = samples(0.1)
SHORTEST_QUARTER = samples(1.0)


@dataclass(frozen=True, slots=True)
class WindowRule:
    """How utterances share a window; lengths in samples.

    Each utterance keeps `padding` of its surroundings. Silence of up to `bridge` between two utterances is kept; longer
    silence is removed. A window ends when the next utterance would make it longer than `longest`, or begins more than
    `pause` after the last.
    """

    padding: int = samples(0.3)
    bridge: int = samples(2.0)
    longest: int = samples(29.0)
    pause: int = samples(8.0)


class PcmBuffer:
    """A buffer of samples that may still be needed; the first one appended is at `start`."""

    def __init__(self, start: int = 0) -> None:
        self._chunks: list[Pcm] = []
        self._start = start
        self._end = start

    @property
    def end(self) -> int:
        """Return the number of samples appended."""
        return self._end

    @property
    def held(self) -> int:
        """Return the number of samples in memory."""
        return self._end - self._start

    def append(self, pcm: Pcm) -> None:
        """Add samples at the end."""
        if len(pcm):
            self._chunks.append(pcm)
            self._end += len(pcm)

    def slice(self, span: Span) -> Pcm:
        """Copy a span, which must still be in memory."""
        if span.start < self._start or span.end > self._end:
            raise ValueError(f"{span} is not within {self._start} to {self._end}")
        parts, at = [], self._start
        for chunk in self._chunks:
            if at < span.end and at + len(chunk) > span.start:
                parts.append(chunk[max(0, span.start - at) : span.end - at])
            at += len(chunk)
        return np.concatenate(parts) if parts else np.empty(0, np.int16)

    def drop_before(self, sample: int) -> None:
        """Drop whole chunks that end at or before `sample`."""
        kept = 0
        while kept < len(self._chunks) and self._start + len(self._chunks[kept]) <= sample:
            self._start += len(self._chunks[kept])
            kept += 1
        del self._chunks[:kept]


class WindowPlanner:
    """Collects utterances in order and closes windows by the rule; audio before `done` enters no window."""

    def __init__(self, rule: WindowRule, buffer: PcmBuffer, done: int = 0) -> None:
        self._rule = rule
        self._buffer = buffer
        self._pieces: list[Piece] = []
        self._audio: list[Pcm] = []
        self._length = 0
        self._last = done
        self._index = 0

    @property
    def pending_start(self) -> int | None:
        """Return the start of the open window, or None if it is empty."""
        return self._pieces[0].span.start if self._pieces else None

    @property
    def pending_end(self) -> int | None:
        """Return the current end of the open window, or None if it is empty."""
        return self._last if self._pieces else None

    def needed_from(self, earliest: int) -> int:
        """Return the first sample still needed when no speech before `earliest` will be added."""
        bridged = bool(self._pieces) and earliest - self._last <= self._rule.bridge
        return self._last if bridged else max(self._last, earliest - self._rule.padding)

    def add(self, utterance: Span, limit: int) -> Iterator[Window]:
        """Add an utterance whose padding must not pass `limit`. Yield the window that this closes."""
        padded, joined = self._spans(utterance, limit)
        if not self._holds(utterance, joined):
            yield from self.flush()
        self._take(joined if self._pieces else padded, utterance)

    def flush(self, at: int | None = None) -> Iterator[Window]:
        """Yield the open window; with `at`, only if nothing was added within the pause before it."""
        if self._pieces and (at is None or self._ends(at - self._last)):
            yield self.close()

    def close(self) -> Window:
        """Close the open window."""
        window = Window(self._index, np.concatenate(self._audio), tuple(self._pieces))
        self._pieces, self._audio, self._length = [], [], 0
        self._index += 1
        return window

    def doubtful(self, span: Span) -> Window:
        """Return a window of its own for audio that the detector rejected."""
        return Window(self._index, self._buffer.slice(span), (Piece(0, span, (span,)),), doubtful=True)

    def bridges(self, utterance: Span, limit: int) -> bool:
        """Tell whether the open window will hold the silence before an utterance, when `add` adds it."""
        _, joined = self._spans(utterance, limit)
        return self._holds(utterance, joined) and joined.start == self._last

    def _spans(self, utterance: Span, limit: int) -> tuple[Span, Span]:
        """Return the audio of an utterance in a window of its own, and in the open window."""
        end = min(limit, utterance.end + self._rule.padding)
        padded = Span(max(self._last, utterance.start - self._rule.padding), end)
        return padded, Span(self._last, end) if utterance.start - self._last <= self._rule.bridge else padded

    def _holds(self, utterance: Span, joined: Span) -> bool:
        """Tell whether the open window takes an utterance too."""
        fits = self._length + joined.length <= self._rule.longest
        return bool(self._pieces) and fits and not self._ends(utterance.start - self._last)

    def _ends(self, gap: int) -> bool:
        return gap > self._rule.pause

    def _take(self, span: Span, utterance: Span) -> None:
        self._audio.append(self._buffer.slice(span))
        if self._pieces and self._pieces[-1].span.end == span.start:
            last = self._pieces.pop()
            self._pieces.append(Piece(last.at, Span(last.span.start, span.end), (*last.utterances, utterance)))
        else:
            self._pieces.append(Piece(self._length, span, (utterance,)))
        self._length += span.length
        self._last = span.end


def halves(window: Window) -> tuple[Window, Window] | None:
    """Split a window at the quietest tenth of a second of its middle half; None if it is too short."""
    quarter = len(window.pcm) // 4
    if quarter < SHORTEST_QUARTER:
        return None
    cut = quietest(window.pcm, quarter, len(window.pcm) - quarter)
    return part(window, 0, cut), part(window, cut, len(window.pcm))


def quietest(pcm: Pcm, start: int, end: int) -> int:
    """Return the middle of the quietest tenth of a second between two samples."""
    within_reach = pcm[start:end].astype(np.float32)
    loudness = (within_reach[: len(within_reach) // QUIET * QUIET].reshape(-1, QUIET) ** 2).sum(axis=1)
    return start + int(np.argmin(loudness)) * QUIET + QUIET // 2


def part(window: Window, start: int, end: int) -> Window:
    """Return the window's audio from sample `start` to `end`, both counted in the window."""
    pieces = []
    for piece in window.pieces:
        first, last = max(piece.at, start), min(piece.at + piece.span.length, end)
        if first < last:
            shift = piece.span.start - piece.at
            span = Span(first + shift, last + shift)
            pieces.append(Piece(first - start, span, tuple(within(piece.utterances, span))))
    return replace(window, pcm=window.pcm[start:end], pieces=tuple(pieces))


def within(spans: Iterable[Span], bounds: Span) -> Iterator[Span]:
    """Yield the parts of `spans` that lie within `bounds`."""
    for span in spans:
        if span.overlaps(bounds):
            yield Span(max(span.start, bounds.start), min(span.end, bounds.end))


def position(window: Window, sample: int) -> int:
    """Return where the window holds a sample of the section, or the nearest one that it holds."""
    piece = next((each for each in window.pieces if sample <= each.span.end), window.pieces[-1])
    return piece.at + piece.span.clamp(sample) - piece.span.start


def place(window: Window, span: Span) -> Span:
    """Map samples of a window to the section; both ends fall into the piece that holds the middle."""
    middle = (span.start + span.end) / 2
    piece = next((p for p in window.pieces if middle < p.at + p.span.length), window.pieces[-1])
    shift = piece.span.start - piece.at
    first = piece.span.clamp(span.start + shift)
    return Span(first, max(first, piece.span.clamp(span.end + shift)))
