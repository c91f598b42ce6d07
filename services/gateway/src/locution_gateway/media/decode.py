"""Decode media in a disposable child process: the parent's side.

Bytes flow source → child → sink; each side waits for the other, so memory stays flat for any length of media.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from typing import Final, Protocol

from locution_common.errors import Reason, Refused
from locution_speech.clock import SAMPLE_RATE, SAMPLE_WIDTH

from . import probe
from .models import DecodeReport, DecodeSpec, Opening
from .process import Child
from .ready import FRESH, Children
from .reporting import read_opening, read_report

_READ_BYTES: Final = 1 << 16
_FEED_BYTES: Final = 1 << 18
_SLACK_SECONDS: Final = 1


class PcmSink(Protocol):
    """Receives decoded audio. Waiting in either method pauses the decoder; raising ends it."""

    async def begin(self, opening: Opening) -> None:
        """Receive once, before any audio, what is coming."""

    async def write(self, pcm: bytes) -> None:
        """Receive s16le at 16 kHz: whole samples of all `opening.channels`, interleaved; never empty."""


async def decode(
    source: AsyncIterable[bytes],
    spec: DecodeSpec,
    sink: PcmSink,
    *,
    size: int | None = None,
    children: Children = FRESH,
) -> DecodeReport:
    """Decode a source of bytes into a sink.

    Refuses with a MEDIA reason; what the sink received before an error is worthless. Errors of source and sink pass
    through. The child, one of `children`, is dead and reaped when this returns, raises or is cancelled. With `size`,
    the source's number of bytes, a header that states too many seconds is checked against the first bytes, and the
    media refused without the rest.
    """
    wall = asyncio.timeout(spec.limits.wall_seconds)
    patience = Patience(spec.limits.stall_seconds)
    try:
        async with wall, aclosing(_counted(source, spec.limits.input_bytes)) as counted:
            return await _decode(counted, spec, sink, size, children, patience)
    except TimeoutError as error:
        if wall.expired() or patience.expired():
            raise Refused(Reason.MEDIA_DECODE_TIMEOUT, "decoding exceeded its time limit") from error
        raise


async def _decode(
    counted: AsyncGenerator[bytes],
    spec: DecodeSpec,
    sink: PcmSink,
    size: int | None,
    children: Children,
    patience: Patience,
) -> DecodeReport:
    head = await _take_head(counted, probe.LIVE_HEAD_BYTES if spec.live else probe.HEAD_BYTES)
    if not head:
        raise Refused(Reason.MEDIA_EMPTY, "the media holds no bytes")
    seekable = not spec.live and probe.needs_seeking(head)
    async with aclosing(_joined(head, counted)) as media, children.take() as child:
        if seekable:
            await child.scratch.fill(media)
        child.order(spec, seekable, size)
        async with patience:
            return await _Run(child, spec, patience).complete(media, sink)


async def _counted(source: AsyncIterable[bytes], limit: int) -> AsyncGenerator[bytes]:
    """Pass a source on until it exceeds a limit."""
    count = 0
    async for data in source:
        count += len(data)
        if count > limit:
            raise Refused(Reason.MEDIA_TOO_COMPLEX, f"the media is larger than the limit of {limit} bytes")
        yield data


async def _take_head(source: AsyncIterator[bytes], wanted: int) -> bytes:
    head = bytearray()
    while len(head) < wanted and (data := await anext(source, None)) is not None:
        head += data
    return bytes(head)


async def _joined(head: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    yield head
    async for data in rest:
        yield data


class Patience:
    """Limits the time in which the child makes no progress, not counting waits for source or sink."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timeout = asyncio.timeout(seconds)
        self._others = 0

    async def __aenter__(self) -> Patience:
        await self._timeout.__aenter__()
        self.moved()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._timeout.__aexit__(*details)  # type: ignore[arg-type]  # passes on what it was given

    def expired(self) -> bool:
        """Tell whether the child took too long."""
        return self._timeout.expired()

    def moved(self) -> None:
        """Restart the time."""
        if not self._timeout.expired():
            now = asyncio.get_running_loop().time()
            self._timeout.reschedule(None if self._others else now + self._seconds)

    @contextmanager
    def for_others(self) -> Iterator[None]:
        """Stop the time while waiting for source or sink."""
        self._others += 1
        self.moved()
        try:
            yield
        finally:
            self._others -= 1
            self.moved()


class _Run:
    """Feeds one child and collects its output."""

    def __init__(self, child: Child, spec: DecodeSpec, patience: Patience) -> None:
        self._child = child
        self._spec = spec
        self._patience = patience
        self._fed = 0
        self._received = 0

    async def complete(self, media: AsyncIterator[bytes], sink: PcmSink) -> DecodeReport:
        """Run to the end; `media` is already exhausted if the child reads it from a file."""
        feeding = asyncio.create_task(self._feed(media))
        try:
            opening = await self._open(feeding)
            with self._patience.for_others():
                await sink.begin(opening)
            await self._drain(sink, opening.channels * SAMPLE_WIDTH)
            return await self._conclude(opening, feeding)
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)

    async def _feed(self, media: AsyncIterator[bytes]) -> None:
        """Write the media to the child until either ends; an error of the source ends the child."""
        try:
            while (data := await self._next(media)) is not None:
                for at in range(0, len(data), _FEED_BYTES):
                    await self._child.write(data[at : at + _FEED_BYTES])
                    self._patience.moved()
                self._fed += len(data)
        except (BrokenPipeError, ConnectionResetError):
            return
        except BaseException:
            self._child.kill()
            raise
        finally:
            self._child.close_input()

    async def _next(self, media: AsyncIterator[bytes]) -> bytes | None:
        with self._patience.for_others():
            return await anext(media, None)

    async def _open(self, feeding: asyncio.Task[None]) -> Opening:
        line = await self._child.report_line()
        if not line:
            await self._fail_by_status(feeding)
        return read_opening(line)

    async def _drain(self, sink: PcmSink, width: int) -> None:
        """Pass the child's PCM on in whole samples of all channels."""
        held = b""
        while data := await self._child.read(_READ_BYTES):
            self._received += len(data)
            self._check_size(width)
            held += data
            whole = len(held) - len(held) % width
            if whole:
                with self._patience.for_others():
                    await sink.write(held[:whole])
            held = held[whole:]
            self._patience.moved()

    def _check_size(self, width: int) -> None:
        """Enforce the limit here too, because the child is not trusted."""
        if self._received > (self._spec.limits.media_seconds + _SLACK_SECONDS) * SAMPLE_RATE * width:
            raise Refused(Reason.MEDIA_DECODER_CRASHED, "the decoder process gave more audio than its limit")

    async def _conclude(self, opening: Opening, feeding: asyncio.Task[None]) -> DecodeReport:
        line = await self._child.report_line()
        await self._fail_by_status(feeding)
        report = read_report(line, opening, self._fed)
        if report.samples * opening.channels * SAMPLE_WIDTH != self._received:
            raise Refused(
                Reason.MEDIA_DECODER_CRASHED, "the decoder process gave a different amount of audio than it reported"
            )
        return report

    async def _fail_by_status(self, feeding: asyncio.Task[None]) -> None:
        """Raise the error that ended the child, unless the child decided itself: the source's error first."""
        status = await self._child.wait()
        if feeding.done():
            feeding.result()
        if self._child.used_up_its_time:
            raise Refused(Reason.MEDIA_DECODE_TIMEOUT, "decoding exceeded its limit of processor time")
        if self._child.fault is not None:
            raise Refused(Reason.MEDIA_CORRUPT, f"the media is damaged: the decoder crashed ({self._child.fault})")
        if status != 0:
            raise Refused(Reason.MEDIA_DECODER_CRASHED, f"the decoder process ended with status {status}")
