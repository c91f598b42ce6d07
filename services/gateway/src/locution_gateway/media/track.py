"""Decode one track of a container to s16le at 16 kHz; imports PyAV."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import av
from locution_common.errors import Reason
from locution_speech.clock import SAMPLE_RATE, SAMPLE_WIDTH

from . import probe
from .containers import AudioPacket, UnusableError
from .mixing import LIVE_WINDOW, WINDOW, Cancelled
from .models import ChannelMode, DecodeSpec
from .resample import MONO, Resampler
from .timeline import Timeline

_RATES: Final = range(1000, 768_001)


@dataclass(frozen=True, slots=True)
class Form:
    """What a track is converted to: a layout of `channels`."""

    layout: str
    channels: int


class Track:
    """Decodes the packets of a stream, and keeps its PCM until somebody takes it.

    `form` is None until the first frame tells, unless it was given. `seconds` counts what was decoded. Without a
    timeline frames follow each other. `before` seconds lie before the track, for the limit.
    """

    def __init__(
        self,
        stream: av.AudioStream,
        container: str,
        spec: DecodeSpec,
        timeline: Timeline | None,
        form: Form | None,
        before: float = 0.0,
    ) -> None:
        self.stream = stream
        self.form = form
        self.pcm = bytearray()
        self.seconds = 0.0
        self.packets = self.failed = 0
        self.last: AudioPacket | None = None
        self.last_failed = False
        self.first_failure: int | None = None
        self.cancelled: Cancelled | None = None
        self._spec = spec
        self._timeline = timeline
        self._before = before
        self._like: av.AudioFrame | None = None
        is_raw = container in probe.RAW_FRAMES
        self._frame_bytes = probe.frame_bytes(container, stream.codec_context.name) if is_raw else None
        self._junk = 0
        self._resampler: Resampler | None = None
        self._given = self._began = 0
        self._sound_end = 0.0
        stream.codec_context.thread_count = 1

    def take(self, packet: AudioPacket) -> None:
        """Decode a packet; one without bytes flushes the decoder."""
        if packet.size and not self._is_junk(packet):
            self.last = packet
            self.packets += 1
        for frame in self._decode(packet):
            if frame.samples:
                self._check(frame)
                for placed in [frame] if self._timeline is None else self._timeline.place(frame):
                    self._push(placed)

    def fill(self, until: float) -> None:
        """Give silence up to a time in seconds."""
        if self._timeline is not None:
            for silence in self._timeline.fill(until, self._like or _silence()):
                self._push(silence)

    def finish(self, until: float) -> None:
        """Give what is held, then silence up to a time in seconds if there was any sound."""
        if self._timeline is not None:
            for placed in self._timeline.finish():
                self._push(placed)
            self._sound_end = self._timeline.end
        if self._like is not None:
            self.fill(until)
        self._finish_resampler()

    @property
    def spanned(self) -> float:
        """Return the seconds from the first sound to the last."""
        return self.seconds if self._timeline is None else self._sound_end - self._timeline.lead

    @property
    def end(self) -> float:
        """Return how many seconds are decided, silence included."""
        return self.seconds if self._timeline is None else self._timeline.end

    @property
    def began_again(self) -> bool:
        """Tell whether the timestamps jumped to another clock."""
        return self._timeline is not None and self._timeline.began_again

    def taken(self, samples: int | None = None) -> bytes:
        """Take the first samples of each channel of the PCM that is ready; all when None."""
        width = SAMPLE_WIDTH * (self.form.channels if self.form else 1)
        size = len(self.pcm) if samples is None else samples * width
        data = bytes(memoryview(self.pcm)[:size])
        del self.pcm[:size]
        return data

    @property
    def samples(self) -> int:
        """Return how many samples of each channel are ready."""
        return len(self.pcm) // (SAMPLE_WIDTH * (self.form.channels if self.form else 1))

    def _is_junk(self, packet: AudioPacket) -> bool:
        """Tell whether bytes are no frame: damage if a frame follows, else padding or tags at the end."""
        if self._frame_bytes is None or self._frame_bytes(bytes(packet)[: probe.FRAME_HEAD_BYTES]) is not None:
            self.failed += self._junk
            self.packets += self._junk
            self._junk = 0
            return False
        self._junk += 1
        return True

    def _decode(self, packet: AudioPacket) -> list[av.AudioFrame]:
        try:
            frames = self.stream.decode(packet)
        except MemoryError:
            raise
        except (av.FFmpegError, ValueError):
            if self.first_failure is None:
                self.first_failure = int(self.end * SAMPLE_RATE)
            if not self._junk:
                self.failed += 1
                self.last_failed = True
            return []
        self.last_failed = self.last_failed and not packet.size
        return frames

    def _check(self, frame: av.AudioFrame) -> None:
        if frame.sample_rate not in _RATES:
            raise UnusableError(Reason.MEDIA_CORRUPT, f"sample rate {frame.sample_rate}")
        separate = self._spec.channels is ChannelMode.SEPARATE and self.form != Form(MONO, 1)
        if frame.layout.nb_channels > (self._spec.limits.separate_channels if separate else self._spec.limits.channels):
            raise UnusableError(Reason.MEDIA_TOO_COMPLEX, f"{frame.layout.nb_channels} channels")
        self.seconds += frame.samples / frame.sample_rate
        if self._before + self.seconds > self._spec.limits.media_seconds:
            raise UnusableError(Reason.MEDIA_TOO_LONG, f"limit {self._spec.limits.media_seconds} seconds")

    def _push(self, frame: av.AudioFrame) -> None:
        self._like = self._like or frame
        if self.form is None:
            separate = self._spec.channels is ChannelMode.SEPARATE
            self.form = Form(frame.layout.name, frame.layout.nb_channels) if separate else Form(MONO, 1)
        if self._resampler is None or not self._resampler.fits(frame):
            self._finish_resampler()
            self._resampler, self._began = self._resampler_of(frame), self._given
        for data in self._resampler.push(frame):
            self._give(data)

    def _resampler_of(self, frame: av.AudioFrame) -> Resampler:
        form = self.form or Form(MONO, 1)
        try:
            return Resampler(frame, form.layout, form.channels, LIVE_WINDOW if self._spec.live else WINDOW)
        except av.ArgumentError:
            raise UnusableError(Reason.MEDIA_TOO_COMPLEX, f"no mix of {frame.layout.name}") from None

    def _finish_resampler(self) -> None:
        if self._resampler is not None:
            for data in self._resampler.finish():
                self._give(data)
            self._note_cancelled(self._resampler.cancelled)
            self._resampler = None

    def _give(self, data: bytes) -> None:
        self.pcm += data
        self._given += len(data) // (SAMPLE_WIDTH * (self.form.channels if self.form else 1))

    def _note_cancelled(self, found: Cancelled | None) -> None:
        """Remember the first cancellation and count the windows of all."""
        if found is None:
            return
        if self.cancelled is None:
            self.cancelled = Cancelled(first=self._began + found.first)
        self.cancelled.count += found.count


def _silence() -> av.AudioFrame:
    frame = av.AudioFrame("s16", MONO, 1)
    frame.sample_rate = SAMPLE_RATE
    return frame


def flush_packet(stream: av.AudioStream) -> AudioPacket:
    """Make the empty packet that flushes a decoder."""
    packet: Any = av.Packet()
    packet.stream = stream
    found: AudioPacket = packet
    return found
