"""The decode child: media in on a descriptor, 16 kHz s16le out on stdout, a report of JSON lines on a third descriptor.

It is started before its file is known, waits for one order, and ends with that file. It processes untrusted bytes.
Imports: PyAV, the standard library and the reasons.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from contextlib import suppress
from typing import Any, Final

from locution_common.errors import Reason

from . import confine, orders, probe
from .containers import UnusableError, codec_of, declared_seconds, whole_seconds
from .decoding import Decoding, Part
from .joined import FlacReader, is_flac
from .models import DecodeSpec, spec_from_dict
from .reading import FileReader, PipeReader, Reader
from .tags import TaggedReader
from .wave import WaveReader, is_wave

_WRITE_BYTES: Final = 1 << 15
_MAX_SECONDS: Final = 1e9


class Report:
    """Write JSON lines to the parent."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, event: str, **values: Any) -> None:
        """Send one event."""
        os.write(self._descriptor, json.dumps({"event": event, **values}).encode() + b"\n")


class Output:
    """Collects PCM into writes of at least `least` bytes."""

    def __init__(self, descriptor: int, least: int) -> None:
        self._descriptor = descriptor
        self._least = least
        self._held = bytearray()

    def write(self, data: bytes) -> None:
        """Add PCM."""
        self._held += data
        if len(self._held) >= self._least:
            self.flush()

    def flush(self) -> None:
        """Write everything held."""
        view = memoryview(self._held)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._held = bytearray()


def _peak_memory(status: int) -> int:
    """Read the peak resident set in bytes; `status` is /proc/self/status, opened before confinement."""
    found = re.search(rb"VmHWM:\s*(\d+) kB", os.pread(status, 4096, 0)) if status >= 0 else None
    return int(found[1]) * 1024 if found else 0


def _open_status() -> int:
    with suppress(OSError):
        return os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
    return -1


def _reader(file: int | None, size: int | None, *, live: bool) -> Reader:
    """Read the file, or else the pipe on stdin, by what it is."""
    if file is not None:
        return FileReader(file)
    begun = PipeReader(0, probe.LIVE_HEAD_BYTES if live else probe.HEAD_BYTES, size)
    if live:
        return begun
    if is_wave(begun.head):
        return WaveReader(0, size, begun=begun)
    if is_flac(begun.head):
        return FlacReader(0, size, begun=begun)
    is_tagged = begun.head.startswith(b"ID3") or probe.mp3_frame_bytes(begun.head) is not None
    return TaggedReader(0, size, begun=begun) if is_tagged else begun


def _decode(reader: Reader, spec: DecodeSpec, report: Report, isolation: str, status: int, began: float) -> None:
    output = Output(1, 1 if spec.live else _WRITE_BYTES)
    decoding = Decoding(reader, spec, output.write, lambda part: _report_opened(part, report))
    decoding.run()
    output.flush()
    report.send(
        "finished",
        samples=decoding.samples,
        warnings=decoding.warnings(),
        tracks=decoding.first.described(),
        whole_seconds=_bounded(whole_seconds(decoding.first.container)),
        isolation=isolation,
        peak_memory_bytes=_peak_memory(status),
        cpu_seconds=round(time.process_time() - began, 3),
    )


def _bounded(seconds: float | None) -> float | None:
    """Return a stated length unless it is absurd."""
    return seconds if seconds is not None and 0 <= seconds < _MAX_SECONDS else None


def _report_opened(part: Part, report: Report) -> None:
    """Report what the media is, as soon as its first audio has decoded."""
    track = part.tracks[0].stream
    report.send(
        "opened",
        container=part.container.format.name,
        codec=codec_of(track),
        source_channels=track.channels,
        source_rate=track.rate,
        audio_streams=len(part.container.streams.audio),
        declared_seconds=declared_seconds(part.container, track),
        channels=part.form.channels if part.form else 1,
    )


def main() -> None:
    """Wait for an order, confine this process, decode, and exit without tearing the decoder down."""
    given = json.loads(sys.argv[1])
    report = Report(given["report"])
    confine.die_with(given["parent"])
    confine.prefer_as_victim()
    status = _open_status()
    confine.limit_resources()
    order = orders.awaited(0)
    if order is None:
        os._exit(0)
    spec = spec_from_dict(order["spec"])
    began = time.process_time()
    confine.limit_use(spec.limits.memory_bytes, spec.limits.cpu_seconds)
    isolation = confine.isolate()
    if isolation == "none" and spec.require_isolation:
        report.send("failed", failure=Reason.MEDIA_DECODER_CRASHED, detail="the kernel offers no isolation")
        os._exit(0)
    try:
        file = given["scratch"] if order["seekable"] else None
        reader = _reader(file, order["size"], live=spec.live is not None)
        _decode(reader, spec, report, isolation, status, began)
    except UnusableError as refused:
        report.send("failed", failure=refused.reason, detail=refused.detail, option=refused.option)
    except MemoryError:
        report.send("failed", failure=Reason.MEDIA_TOO_COMPLEX, detail="memory")
    except BrokenPipeError:
        pass
    except Exception as error:  # noqa: BLE001 (whatever untrusted bytes make PyAV raise)
        report.send("failed", failure=Reason.MEDIA_CORRUPT, detail=f"{type(error).__name__} in the decoder")
    os._exit(0)


if __name__ == "__main__":
    main()
