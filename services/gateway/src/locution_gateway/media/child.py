"""The decode child: media in on a descriptor, 16 kHz s16le out on stdout, a report of JSON lines on a third descriptor.

`decode` starts it for one file; it processes untrusted bytes. Imports: PyAV, the standard library and the reasons.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, TypeAlias, cast

import av
from locution_common.errors import Reason
from locution_speech.clock import SAMPLE_RATE, SAMPLE_WIDTH

from . import confine, probe
from .containers import UnusableError, choose_stream, declared_seconds, open_container, stated_seconds
from .mixing import LIVE_WINDOW, WINDOW, Cancelled
from .models import ChannelMode, DecodeSpec, WarningReason, spec_from_dict
from .reading import FileReader, PipeReader, Reader
from .resample import MONO, Resampler

AudioPacket: TypeAlias = "av.Packet[av.AudioStream]"

_WRITE_BYTES: Final = 1 << 15
_RATES: Final = range(1000, 768_001)
_SHORTFALL_SECONDS: Final = 0.5
_PARTIAL_MEANS_CUT: Final = ("w64", "caf", "mov,mp4,m4a,3gp,3g2,mj2")
_SLACK_SECONDS: Final = 1.0
_PROJECTED_FROM: Final = 1 / 1000
_MPEG_AUDIO: Final = ("mp1", "mp2", "mp3")


class Report:
    """Write JSON lines to the parent."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, event: str, **values: Any) -> None:
        """Send one event."""
        os.write(self._descriptor, json.dumps({"event": event, **values}).encode() + b"\n")


class Output:
    """Collects PCM into larger writes and counts its samples per channel."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._held = bytearray()
        self._bytes = 0
        self.channels = 1

    @property
    def samples(self) -> int:
        """Return the samples per channel written so far."""
        return self._bytes // (SAMPLE_WIDTH * self.channels)

    def write(self, data: bytes) -> None:
        """Add PCM."""
        self._held += data
        self._bytes += len(data)
        if len(self._held) >= _WRITE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write everything held."""
        view = memoryview(self._held)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._held = bytearray()


class Decoding:
    """Decode one stream of one container."""

    def __init__(self, reader: Reader, spec: DecodeSpec, output: Output, report: Report) -> None:
        self._reader = reader
        self._spec = spec
        self._output = output
        self._report = report
        self._resampler: Resampler | None = None
        self._layout = MONO
        self._began = 0
        self._seconds = 0.0
        self._packets = self._failed = 0
        self._first_failure: int | None = None
        self._cancelled: dict[str, Any] | None = None
        self._failed_last = self._broke_off = False
        self._last: AudioPacket | None = None
        self._container = open_container(reader, spec)
        self._stream = choose_stream(self._container, spec)
        self._declared = declared_seconds(self._container, self._stream)
        self._stated = stated_seconds(self._declared, self._stream, reader.head)
        self._first_byte: int | None = None

    def run(self) -> None:
        """Decode to the end, or raise UnusableError."""
        for packet in self._demux():
            self._refuse_early(packet)
            for frame in self._decode(packet):
                self._take(frame)
            if self._spec.live:
                self._output.flush()
        self._finish_resampler()
        self._output.flush()
        if not self._output.samples or self._failed * 2 > self._packets:
            raise UnusableError(Reason.MEDIA_CORRUPT)

    def warnings(self) -> Iterator[dict[str, Any]]:
        """List the damage of media that decoded nevertheless."""
        if self._is_truncated():
            yield {"reason": WarningReason.MEDIA_TRUNCATED, "offset": self._output.samples, "count": 1}
        damaged = self._failed - self._failed_last
        if damaged and self._first_failure is not None:
            yield {"reason": WarningReason.MEDIA_DAMAGED, "offset": self._first_failure, "count": damaged}
        if self._cancelled is not None:
            yield self._cancelled

    def _demux(self) -> Iterator[AudioPacket]:
        packets = iter(self._container.demux(self._stream))
        while True:
            try:
                packet = next(packets)
            except (StopIteration, IndexError):  # PyAV does not know streams that began late, and flushes them last
                return
            except MemoryError:
                raise
            except (av.FFmpegError, OSError, ValueError):
                self._broke_off = True
                yield self._flush_packet()
                return
            if packet.size:
                self._last = packet
                self._packets += 1
            yield packet

    def _refuse_early(self, packet: AudioPacket) -> None:
        """Refuse media whose header states too many seconds, if its first bytes project to too many: headers lie."""
        limit, size, at = self._spec.limits.media_seconds + _SLACK_SECONDS, self._reader.size, packet.pos
        if self._stated <= limit or size is None or at is None:
            return
        self._first_byte = at if self._first_byte is None else self._first_byte
        passed, whole = at - self._first_byte, size - self._first_byte
        if passed >= whole * _PROJECTED_FROM and self._seconds * whole > limit * passed:
            raise UnusableError(Reason.MEDIA_TOO_LONG, f"limit {self._spec.limits.media_seconds} seconds")

    def _flush_packet(self) -> AudioPacket:
        """Make the empty packet that flushes the decoder."""
        packet: Any = av.Packet()
        packet.stream = self._stream
        return cast("AudioPacket", packet)

    def _decode(self, packet: AudioPacket) -> list[av.AudioFrame]:
        try:
            frames = self._stream.decode(packet)
        except MemoryError:
            raise
        except (av.FFmpegError, ValueError):
            self._failed += 1
            self._failed_last = True
            if self._first_failure is None:
                self._first_failure = int(self._seconds * SAMPLE_RATE)
            return []
        self._failed_last = self._failed_last and not packet.size
        return frames

    def _take(self, frame: av.AudioFrame) -> None:
        if not frame.samples:
            return
        self._check(frame)
        if self._resampler is None:
            self._begin(frame)
        if self._resampler is None or not self._resampler.fits(frame):
            self._finish_resampler()
            self._resampler, self._began = self._resampler_of(frame), self._output.samples
        for data in self._resampler.push(frame):
            self._output.write(data)

    def _resampler_of(self, frame: av.AudioFrame) -> Resampler:
        try:
            window = LIVE_WINDOW if self._spec.live else WINDOW
            return Resampler(frame, self._layout, self._output.channels, window)
        except av.ArgumentError:
            raise UnusableError(Reason.MEDIA_TOO_COMPLEX, f"no mix of {frame.layout.name}") from None

    def _check(self, frame: av.AudioFrame) -> None:
        if frame.sample_rate not in _RATES:
            raise UnusableError(Reason.MEDIA_CORRUPT, f"sample rate {frame.sample_rate}")
        separate = self._spec.channels is ChannelMode.SEPARATE
        if frame.layout.nb_channels > (self._spec.limits.separate_channels if separate else self._spec.limits.channels):
            raise UnusableError(Reason.MEDIA_TOO_COMPLEX, f"{frame.layout.nb_channels} channels")
        self._seconds += frame.samples / frame.sample_rate
        if self._seconds > self._spec.limits.media_seconds:
            raise UnusableError(Reason.MEDIA_TOO_LONG, f"limit {self._spec.limits.media_seconds} seconds")

    def _finish_resampler(self) -> None:
        if self._resampler is not None:
            for data in self._resampler.finish():
                self._output.write(data)
            self._note_cancelled(self._resampler.cancelled)

    def _note_cancelled(self, found: Cancelled | None) -> None:
        """Remember the first cancellation and count the windows of all."""
        if found is None:
            return
        if self._cancelled is None:
            offset = self._began + found.first
            self._cancelled = {"reason": WarningReason.CHANNELS_CANCEL, "offset": offset, "count": 0}
        self._cancelled["count"] += found.count

    def _begin(self, frame: av.AudioFrame) -> None:
        """Set the output's channels by the first frame, and report what the media is."""
        if self._spec.channels is ChannelMode.SEPARATE:
            self._layout, self._output.channels = frame.layout.name, frame.layout.nb_channels
        self._report.send(
            "opened",
            container=self._container.format.name,
            codec=self._stream.codec_context.name,
            source_channels=frame.layout.nb_channels,
            source_rate=frame.sample_rate,
            audio_streams=len(self._container.streams.audio),
            declared_seconds=self._declared,
            channels=self._output.channels,
        )

    def _is_truncated(self) -> bool:
        name = self._container.format.name
        if name == "wav" or name.startswith("matroska"):
            end = probe.declared_end(self._reader.head)
            return end is not None and self._reader.at_end and self._reader.total < end
        if name == "ogg":
            return probe.ogg_ends_early(self._reader.tail)
        if self._last_is_partial():
            return True
        if self._declared is not None:
            return self._declared - self._seconds > _SHORTFALL_SECONDS
        return self._broke_off or self._failed_last

    def _last_is_partial(self) -> bool:
        """Tell whether the last packet is shorter than it or the index states."""
        if self._last is None:
            return False
        if self._container.format.name in _PARTIAL_MEANS_CUT:
            return self._last.is_corrupt
        data, codec = bytes(self._last), self._stream.codec_context.name
        if codec.startswith(_MPEG_AUDIO):
            return len(data) < (probe.mp3_frame_bytes(data) or 0)
        if codec in ("ac3", "eac3"):
            return len(data) < (probe.ac3_frame_bytes(data) or 0)
        frame_bytes = {"aac": probe.adts_frame_bytes, "loas": probe.loas_frame_bytes}.get(self._container.format.name)
        return frame_bytes is not None and len(data) < (frame_bytes(data) or 0)


def _peak_memory(status: int) -> int:
    """Read the peak resident set in bytes; `status` is /proc/self/status, opened before confinement."""
    found = re.search(rb"VmHWM:\s*(\d+) kB", os.pread(status, 4096, 0)) if status >= 0 else None
    return int(found[1]) * 1024 if found else 0


def _open_status() -> int:
    with suppress(OSError):
        return os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
    return -1


def _decode(reader: Reader, spec: DecodeSpec, report: Report, isolation: str, status: int) -> None:
    output = Output(1)
    decoding = Decoding(reader, spec, output, report)
    decoding.run()
    used = resource.getrusage(resource.RUSAGE_SELF)
    report.send(
        "finished",
        samples=output.samples,
        warnings=list(decoding.warnings()),
        isolation=isolation,
        peak_memory_bytes=_peak_memory(status),
        cpu_seconds=round(used.ru_utime + used.ru_stime, 3),
    )


def main() -> None:
    """Confine this process, decode as the command line says, and exit without tearing the decoder down."""
    arguments = json.loads(sys.argv[1])
    spec = spec_from_dict(arguments["spec"])
    report = Report(arguments["report"])
    confine.die_with(arguments["parent"])
    confine.prefer_as_victim()
    status = _open_status()
    confine.limit_resources(spec.limits.memory_bytes, spec.limits.cpu_seconds)
    isolation = confine.isolate()
    if isolation == "none" and spec.require_isolation:
        report.send("failed", failure=Reason.MEDIA_DECODER_CRASHED, detail="the kernel offers no isolation")
        os._exit(0)
    try:
        head = probe.LIVE_HEAD_BYTES if spec.live else probe.HEAD_BYTES
        file = arguments["seekable"]
        reader = PipeReader(0, head, arguments["size"]) if file is None else FileReader(file)
        _decode(reader, spec, report, isolation, status)
    except UnusableError as refused:
        report.send("failed", failure=refused.reason, detail=refused.detail)
    except MemoryError:
        report.send("failed", failure=Reason.MEDIA_TOO_COMPLEX, detail="memory")
    except BrokenPipeError:
        pass
    except Exception as error:  # noqa: BLE001 (whatever untrusted bytes make PyAV raise)
        report.send("failed", failure=Reason.MEDIA_CORRUPT, detail=f"{type(error).__name__} in the decoder")
    os._exit(0)


if __name__ == "__main__":
    main()
