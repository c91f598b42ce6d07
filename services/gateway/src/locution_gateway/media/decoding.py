"""Decode media part by part and track by track to one stream of PCM; imports PyAV."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import Any, Final

import av
from av.stream import Discard, Disposition
from locution_common.errors import Reason
from locution_speech.clock import SAMPLE_RATE, SAMPLE_WIDTH

from . import choice
from .containers import (
    MATROSKA,
    MOV,
    UnusableError,
    codec_of,
    declared_seconds,
    open_container,
    origin,
    stated_seconds,
    whole_seconds,
)
from .models import ALL_TRACKS, DecodeSpec, WarningReason
from .reach import Reach
from .reading import FileReader, Reader
from .resample import MONO
from .timeline import Timeline
from .track import Form, Track, flush_packet
from .truncation import Ending, is_truncated

Write = Callable[[bytes], None]

_SLACK_SECONDS: Final = 1.0
_MAX_TEXT: Final = 80
_MAX_SECONDS: Final = 1e6
_PROJECTED_FROM: Final = 1 / 1000
_LAG_SECONDS: Final = 30.0
_LOOK: Final = 30 * SAMPLE_RATE
_MOST_PENDING: Final = 1 << 26
_STILL: Final = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails
# Containers whose timestamps are statements; those of others only count the samples.
_CLOCKED: Final = (MATROSKA, MOV, "avi", "flv", "asf", "mpegts", "mpeg", "mxf", "ogg")
# Broadcasts, whose recordings are joined without a new clock.
_SPLICED: Final = ("mpegts", "mpeg")


class Part:
    """Decodes one container: all of a file, or one of several that lie one behind the other.

    `began` seconds lie before it. `form` is the form of what was written before, which this must keep.
    """

    def __init__(
        self, reader: Reader, spec: DecodeSpec, write: Write, began: float = 0.0, form: Form | None = None
    ) -> None:
        self.container = open_container(reader, spec)
        self.tracks: list[Track] = []
        self.samples = 0
        self._reader = reader
        self._spec = spec
        self._write = write
        self._joins = spec.track == ALL_TRACKS
        self._start = origin(self.container, reader.head)
        self._began = began
        self._limit = spec.limits.media_seconds - began
        self._reach = Reach(self._start or 0.0)
        self._look = _LOOK
        self._broke_off = False
        self._first_byte: int | None = None
        found = choice.candidates(self.container, spec)[: form.channels if form and self._joins else None]
        self._stated = stated_seconds(declared_seconds(self.container, found[0]), found[0], reader)
        self._form = Form(MONO, 1) if self._joins else form
        self._channels = form.channels if form else len(found)
        self._pending = [self._track(stream) for stream in found]
        if self._joins or choice.is_decided(spec, found):
            self._take(self._pending)
        self._discard()

    @property
    def form(self) -> Form | None:
        """Return the form of what is written, once it is known."""
        return Form(MONO, self._channels) if self._joins else self.tracks[0].form

    def run(self, opened: Callable[[Part], None]) -> None:
        """Decode to the end; `opened` is called before anything is written."""
        for packet in self._demux():
            for track in self._pending or self.tracks:
                if track.stream.index == packet.stream.index:
                    self._refuse_early(track, packet)
                    track.take(packet)
            self._choose()
            self._catch_up()
            self._deliver(opened, min((track.samples for track in self.tracks), default=0))
        self._choose(ended=True)
        for track in self.tracks:
            track.finish(self._end())
        self._deliver(opened, max(track.samples for track in self.tracks))
        failed, packets = sum(track.failed for track in self.tracks), sum(track.packets for track in self.tracks)
        if not self.samples or failed * 2 > packets:
            raise UnusableError(Reason.MEDIA_CORRUPT)

    def warnings(self, offset: int) -> Iterator[dict[str, Any]]:
        """List the damage of media that decoded nevertheless; `offset` samples lie before this part."""
        for track in self.tracks:
            damaged = track.failed - track.last_failed
            if damaged and track.first_failure is not None:
                yield warning(WarningReason.MEDIA_DAMAGED, offset + track.first_failure, damaged)
            if track.cancelled is not None:
                yield warning(WarningReason.CHANNELS_CANCEL, offset + track.cancelled.first, track.cancelled.count)

    def is_truncated(self) -> bool:
        """Tell whether there is less of the first track than there should be."""
        track = self.tracks[0]
        return is_truncated(
            Ending(
                container=self.container.format.name,
                codec=codec_of(track.stream),
                declared=declared_seconds(self.container, track.stream),
                whole=whole_seconds(self.container),
                seconds=track.spanned,
                frames=track.packets,
                reached=self._reach.furthest + max(0.0, self._start or 0.0),
                last=track.last,
                broke_off=self._broke_off,
                last_failed=track.last_failed,
            ),
            self._reader,
        )

    def described(self) -> list[dict[str, Any]]:
        """Describe the audio tracks: what the headers say, how far their packets reach, and whether they are used."""
        used = {track.stream.index for track in self.tracks}
        return [
            {
                "codec": codec_of(stream),
                "rate": stream.rate or 0 if stream.codec_context else 0,
                "channels": stream.channels if stream.codec_context else 0,
                "language": choice.language_of(stream)[:_MAX_TEXT],
                "title": stream.metadata.get("title", "")[:_MAX_TEXT],
                "seconds": round(min(self._reach.of.get(stream.index, 0.0), _MAX_SECONDS), 3),
                "is_default": bool(stream.disposition & Disposition.default),
                "used": stream.index in used,
            }
            for stream in self.container.streams.audio
        ]

    def _track(self, stream: av.AudioStream) -> Track:
        name = self.container.format.name
        has_clock = name in _CLOCKED and not self._spec.live
        limit = self._spec.limits.media_seconds
        timeline = Timeline(self._start, name in _SPLICED, limit, self._began) if has_clock else None
        return Track(stream, name, self._spec, timeline, self._form, self._began)

    def _discard(self) -> None:
        """Have the demuxer drop what is neither sound nor tells how long the recording is."""
        taken = {track.stream.index for track in (*self._pending, *self.tracks)}
        for stream in self.container.streams:
            unread = self._spec.live or stream.disposition & _STILL or (self._is_indexed and stream.type != "audio")
            if unread and stream.index not in taken:
                stream.discard = Discard.all

    @property
    def _is_indexed(self) -> bool:
        """Tell whether an index says where pictures end, so that they need not be read."""
        return isinstance(self._reader, FileReader) and self.container.format.name == MOV

    def _demux(self) -> Iterator[Any]:
        packets = iter(self.container.demux())
        while True:
            try:
                packet = next(packets)
            except (StopIteration, IndexError):  # PyAV does not know streams that began late, and flushes them last
                return
            except MemoryError:
                raise
            except (av.FFmpegError, OSError, ValueError):
                self._broke_off = True
                for track in (*self._pending, *self.tracks):
                    yield flush_packet(track.stream)
                return
            if packet.size:
                self._reach.see(packet)
            yield packet

    def _refuse_early(self, track: Track, packet: Any) -> None:
        """Refuse media whose header states too many seconds, if its first bytes project to too many: headers lie."""
        limit, size, at = self._limit + _SLACK_SECONDS, self._reader.size, packet.pos
        if self._stated <= limit or size is None or at is None:
            return
        self._first_byte = at if self._first_byte is None else self._first_byte
        passed, whole = at - self._first_byte, size - self._first_byte
        if passed >= whole * _PROJECTED_FROM and track.seconds * whole > limit * passed:
            raise UnusableError(Reason.MEDIA_TOO_LONG, f"limit {self._spec.limits.media_seconds} seconds")

    def _choose(self, *, ended: bool = False) -> None:
        """Take one of the pending tracks as soon as their sound tells which."""
        if not self._pending:
            return
        full = sum(len(track.pcm) for track in self._pending) > _MOST_PENDING
        if not (ended or full) and max(track.samples for track in self._pending) < self._look:
            return
        self._look += _LOOK
        heard = [(bytes(track.pcm), track.form.channels if track.form else 1) for track in self._pending]
        taken = choice.by_sound(heard, ended=ended or full)
        if taken is not None:
            self._take([self._pending[taken]])

    def _take(self, tracks: list[Track]) -> None:
        self.tracks, self._pending = tracks, []

    def _catch_up(self) -> None:
        """Fill tracks that are far behind with silence, so that the others need not wait for them in memory."""
        for track in self.tracks if self._joins else ():
            if self._reach.steady - track.end > 2 * _LAG_SECONDS:
                track.fill(self._reach.steady - _LAG_SECONDS)

    def _end(self) -> float:
        """Return where pictures and other tracks end, as far as the header agrees."""
        others = [stream for stream in self.container.streams if self._lasts(stream)]
        if self._spec.live or not others or any(track.began_again for track in self.tracks):
            return 0.0
        reached = max(self._reached(stream) for stream in others)
        whole = whole_seconds(self.container)
        return min(reached, self._limit, self._reach.steady if whole is None else whole)

    def _lasts(self, stream: Any) -> bool:
        is_used = stream.index in {track.stream.index for track in self.tracks}
        return stream.type in ("audio", "video") and not is_used and not stream.disposition & _STILL

    def _reached(self, stream: Any) -> float:
        if self._is_indexed and len(stream.index_entries):
            last = stream.index_entries[-1]
            there = last.pos + last.size <= self._reader.total
            return (declared_seconds(self.container) or 0.0) if there else 0.0
        return self._reach.of.get(stream.index, 0.0)

    def _deliver(self, opened: Callable[[Part], None], samples: int) -> None:
        """Write what is ready, the tracks side by side."""
        if not samples:
            return
        if not self.samples:
            opened(self)
        self.samples += samples
        if not self._joins:
            self._write(self.tracks[0].taken())
            return
        width = SAMPLE_WIDTH * self._channels
        beside = array("h", bytes(samples * width))
        for number, track in enumerate(self.tracks):
            alone = track.taken(samples).ljust(samples * SAMPLE_WIDTH, b"\0")
            beside[number :: self._channels] = array("h", alone)
        self._write(beside.tobytes())


class Decoding:
    """Decodes all parts of a file."""

    def __init__(self, reader: Reader, spec: DecodeSpec, write: Write, opened: Callable[[Part], None]) -> None:
        self._reader = reader
        self._spec = spec
        self._write = write
        self._opened = opened
        self._warnings: dict[WarningReason, dict[str, Any]] = {}
        self.samples = 0
        self.first = self._last = Part(reader, spec, write)

    def run(self) -> None:
        """Decode to the end. Raises UnusableError if the first part gives nothing."""
        self.first.run(self._opened)
        self._count(self.first)
        form = self.first.form
        while self._reader.next_part():
            try:
                part = Part(self._reader, self._spec, self._write, self.samples / SAMPLE_RATE, form)
            except UnusableError as error:
                self._lose(error)
            else:
                self._run_next(part)

    def _run_next(self, part: Part) -> None:
        self._last = part
        try:
            part.run(lambda _: None)
        except UnusableError as error:
            self._lose(error)
        self._count(part)

    def _lose(self, error: UnusableError) -> None:
        """Warn of a part that cannot be decoded, unless it exceeds a limit."""
        if error.reason in (Reason.MEDIA_TOO_LONG, Reason.MEDIA_TOO_COMPLEX):
            raise error
        self._warn(warning(WarningReason.MEDIA_DAMAGED, self.samples, 1))

    def warnings(self) -> list[dict[str, Any]]:
        """List the damage of media that decoded nevertheless: each reason once, with its first place."""
        if self._last.tracks and self._last.is_truncated():
            self._warn(warning(WarningReason.MEDIA_TRUNCATED, self.samples, 1))
        order = list(WarningReason)
        return sorted(self._warnings.values(), key=lambda each: order.index(each["reason"]))

    def _count(self, part: Part) -> None:
        for each in part.warnings(self.samples):
            self._warn(each)
        self.samples += part.samples

    def _warn(self, found: dict[str, Any]) -> None:
        known = self._warnings.setdefault(found["reason"], {**found, "count": 0})
        known["count"] += found["count"]


def warning(reason: WarningReason, offset: int, count: int) -> dict[str, Any]:
    """Return a warning in the form of the report."""
    return {"reason": reason, "offset": offset, "count": count}
