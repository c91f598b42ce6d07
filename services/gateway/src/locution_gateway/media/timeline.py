"""Put a track's sound where its timestamps say that a player plays it; imports PyAV and the standard library."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import av
from av.audio.plane import AudioPlane
from locution_common.errors import Reason

from .containers import UnusableError

_JITTER: Final = 0.04
_SETTLED: Final = 0.5
_SPLICE: Final = 600.0
_STEP_BACK: Final = 1.0
_STANDS_STILL: Final = 0.5
_PART: Final = 1 << 16
_MIDDLE: Final = {"u8": 0x80, "u8p": 0x80}


class Timeline:
    """Fills holes between the frames of one track with silence, and drops what overlaps.

    Times are seconds; `origin` is what the container's timestamps call the start of the recording, None for the first
    sound. A frame that is up to 40 ms off its place follows the one before: timestamps are rounded, and jitter. Frames
    further off are held for half a second. If one of these is in its place, so are all; otherwise the least distance
    is a hole before them, or an overlap. A clock that jumps back by more than a second begins again without a hole, and
    one that stands still is not believed. With `splices` a jump ahead by more than ten minutes is a new clock, too:
    recordings of broadcasts are joined like that. Raises UnusableError, before it fills anything, once the recording is
    longer than `limit`, of which `began` seconds have passed before this track.
    """

    def __init__(self, origin: float | None, splices: bool, limit: float, began: float = 0.0) -> None:
        self._origin = origin
        self._splices = splices
        self._limit = limit
        self._began = began
        self._held: list[tuple[av.AudioFrame, float]] = []
        self._held_seconds = 0.0
        self.end = self.lead = 0.0
        self.began_again = self._filled = False

    def place(self, frame: av.AudioFrame) -> Iterator[av.AudioFrame]:
        """Return what comes next: silence, and frames whole or cut."""
        time = self._time(frame)
        off = None if time is None else time - self._next
        if off is not None and abs(off) > _JITTER:
            self._hold(frame, off)
            if self._held_seconds >= _SETTLED:
                yield from self._settle()
        elif self._held and off is None:
            self._hold(frame, self._held[-1][1])
        else:
            yield from self._release()
            yield from self._give(frame)

    def finish(self) -> Iterator[av.AudioFrame]:
        """Return what is held at the end; a single frame tells nothing of a hole."""
        while len(self._held) > 1:
            yield from self._settle()
        yield from self._release()

    def fill(self, until: float, like: av.AudioFrame) -> Iterator[av.AudioFrame]:
        """Return silence up to a time; sound that then comes from before it makes the media unusable."""
        self._filled = self._filled or until > self.end
        yield from self._silence(like, until - self.end)

    @property
    def _next(self) -> float:
        return self.end + self._held_seconds

    def _time(self, frame: av.AudioFrame) -> float | None:
        if frame.pts is None or not frame.time_base:
            return None
        time = float(frame.pts * frame.time_base)
        if self._origin is None:
            self._origin = time
        return time - self._origin

    def _hold(self, frame: av.AudioFrame, off: float) -> None:
        self._held.append((frame, off))
        self._held_seconds += frame.samples / frame.sample_rate

    def _release(self) -> Iterator[av.AudioFrame]:
        held, self._held, self._held_seconds = self._held, [], 0.0
        for frame, _ in held:
            yield from self._give(frame)

    def _settle(self) -> Iterator[av.AudioFrame]:
        """Move the held frames to their place, then look at each again."""
        offs = [off for _, off in self._held]
        off = min(offs, key=abs) if min(offs) > 0 or max(offs) < 0 else 0.0
        stands_still = max(offs) - min(offs) >= self._held_seconds * _STANDS_STILL
        held, self._held, self._held_seconds = self._held, [], 0.0
        if off < -_STEP_BACK and self._filled:
            raise UnusableError(Reason.MEDIA_TOO_COMPLEX, "tracks far apart")
        if self._is_new_clock(off, stands_still):
            self._origin = (self._origin or 0.0) + off
            self.began_again = True
        elif off > 0:
            self.lead = self.lead or (off if self.end == 0 else 0.0)
            yield from self._silence(held[0][0], off)
        elif off < 0:
            held = self._without(held, -off)
        elif len(held) > 1:
            yield from self._give(held.pop(0)[0])
        for frame, _ in held:
            yield from self.place(frame)

    def _is_new_clock(self, off: float, stands_still: bool) -> bool:
        if off < 0:
            return self.end > 0 and (off < -_STEP_BACK or stands_still)
        return off > _SPLICE and self._splices

    def _refuse_beyond(self, end: float) -> None:
        if self._began + end > self._limit:
            raise UnusableError(Reason.MEDIA_TOO_LONG, f"limit {self._limit:.0f} seconds")

    def _silence(self, like: av.AudioFrame, seconds: float) -> Iterator[av.AudioFrame]:
        self._refuse_beyond(self.end + seconds)
        left = round(seconds * like.sample_rate)
        while left > 0:
            part = _silent(like, min(left, _PART))
            left -= part.samples
            yield from self._give(part)

    def _without(self, held: list[tuple[av.AudioFrame, float]], seconds: float) -> list[tuple[av.AudioFrame, float]]:
        """Drop the first seconds of frames."""
        while held and seconds > 0:
            frame, off = held.pop(0)
            drop = round(seconds * frame.sample_rate)
            if drop < frame.samples:
                held.insert(0, (_cut(frame, drop), off))
            seconds -= frame.samples / frame.sample_rate
        return held

    def _give(self, frame: av.AudioFrame) -> Iterator[av.AudioFrame]:
        self.end += frame.samples / frame.sample_rate
        self._refuse_beyond(self.end)
        if frame.samples:
            yield frame


def _silent(like: av.AudioFrame, samples: int) -> av.AudioFrame:
    """Make a frame of silence of the shape of another."""
    frame = _empty(like, samples)
    for plane in _planes(frame):
        plane.update(bytes([_MIDDLE.get(like.format.name, 0)]) * plane.buffer_size)
    return frame


def _cut(frame: av.AudioFrame, samples: int) -> av.AudioFrame:
    """Return a frame without its first samples."""
    rest = _empty(frame, frame.samples - samples)
    width = frame.format.bytes * (1 if frame.format.is_planar else frame.layout.nb_channels)
    for source, target in zip(_planes(frame), _planes(rest), strict=True):
        target.update(bytes(source)[samples * width :][: target.buffer_size].ljust(target.buffer_size, b"\0"))
    if frame.pts is not None and frame.time_base:
        rest.time_base = Fraction(1, frame.sample_rate)
        rest.pts = round(frame.pts * frame.time_base * frame.sample_rate) + samples
    return rest


def _planes(frame: av.AudioFrame) -> tuple[AudioPlane, ...]:
    """Return the planes; PyAV counts too many of eight channels and more."""
    return frame.planes[: frame.layout.nb_channels if frame.format.is_planar else 1]


def _empty(like: av.AudioFrame, samples: int) -> av.AudioFrame:
    frame = av.AudioFrame(like.format.name, like.layout.name, samples)
    frame.sample_rate = like.sample_rate
    return frame
