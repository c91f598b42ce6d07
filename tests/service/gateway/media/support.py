"""Sources and sinks for decodings, and a watch on the children."""

from __future__ import annotations

import asyncio
import re
import resource
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
from locution_gateway.media.models import Opening


class Kept:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.opening: Opening | None = None
        self.pcm = bytearray()

    async def begin(self, opening: Opening) -> None:
        assert self.opening is None
        self.opening = opening

    async def write(self, pcm: bytes) -> None:
        assert self.opening is not None
        assert pcm
        assert len(pcm) % (2 * self.opening.channels) == 0
        self.pcm += pcm


class Dropped(Kept):
    """A sink that only counts."""

    taken = 0

    async def write(self, pcm: bytes) -> None:
        self.taken += len(pcm)


async def pieces(data: bytes | Iterable[bytes], size: int = 1 << 18) -> AsyncIterator[bytes]:
    """Give data as a source does: in pieces."""
    for part in [data] if isinstance(data, bytes) else data:
        for at in range(0, len(part), size):
            yield part[at : at + size]


def children() -> list[psutil.Process]:
    """List the processes that this one started and that still exist, zombies included."""
    return psutil.Process().children(recursive=True)


def children_seconds() -> float:
    """Return the processor seconds of all children that have ended; unlike the clock, they do not depend on others."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@asynccontextmanager
async def peak_memory() -> AsyncIterator[list[int]]:
    """Watch the children; the first value of the list is the highest peak resident set seen, in bytes."""
    peak = [0]

    async def watch() -> None:
        while True:
            for child in children():
                with suppress(OSError):
                    status = Path(f"/proc/{child.pid}/status").read_text(encoding="ascii")
                    if found := re.search(r"VmHWM:\s*(\d+) kB", status):
                        peak[0] = max(peak[0], int(found[1]) * 1024)
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch())
    try:
        yield peak
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
