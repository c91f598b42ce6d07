"""Decode a compressed stream as it arrives, in a disposable child process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

from .decode import decode
from .metrics import ChildMetrics
from .models import DecodeLimits, DecodeSpec, Opening

Sink: TypeAlias = Callable[[bytes], Awaitable[None]]
"""Receives mono s16le PCM at 16 kHz in order; waiting in it pauses the stream."""

WAITING: Final = 16
FOREVER: Final = 10 * 365 * 86400
LIMITS: Final = DecodeLimits(
    media_seconds=FOREVER, input_bytes=1 << 50, cpu_seconds=FOREVER, wall_seconds=float(FOREVER), channels=8
)


class StreamDecoders:
    """Starts one child per stream; `isolation` refuses kernels that cannot confine it."""

    def __init__(self, isolation: bool, metrics: ChildMetrics) -> None:
        self._isolation = isolation
        self._metrics = metrics

    @asynccontextmanager
    async def open(self, container: str, sink: Sink) -> AsyncIterator[StreamDecoder]:
        """Start a decoder of a container ("flac" or "ogg") that ends with the context."""
        spec = DecodeSpec(limits=LIMITS, require_isolation=self._isolation, live=container)
        decoder = StreamDecoder(spec, sink, self._metrics)
        try:
            yield decoder
        finally:
            await decoder.close()


class StreamDecoder:
    """Feeds one child and passes on its output."""

    def __init__(self, spec: DecodeSpec, sink: Sink, metrics: ChildMetrics) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING)
        self._task = asyncio.create_task(self._run(spec, sink, metrics))

    async def feed(self, data: bytes) -> None:
        """Add bytes. Refuses with a MEDIA reason after the child has refused them."""
        await self._hand(data)

    async def finish(self) -> None:
        """Wait until everything is decoded and passed on."""
        await self._hand(None)
        await self._task

    async def close(self) -> None:
        """End the child."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _hand(self, data: bytes | None) -> None:
        handing = asyncio.ensure_future(self._queue.put(data))
        await asyncio.wait({handing, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            handing.cancel()
            self._task.result()

    async def _run(self, spec: DecodeSpec, sink: Sink, metrics: ChildMetrics) -> None:
        with metrics.child():
            await decode(self._source(), spec, _PcmSink(sink))

    async def _source(self) -> AsyncIterator[bytes]:
        while (data := await self._queue.get()) is not None:
            yield data


class _PcmSink:
    """Pass PCM on."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    async def begin(self, opening: Opening) -> None: ...

    async def write(self, pcm: bytes) -> None:
        await self._sink(pcm)
