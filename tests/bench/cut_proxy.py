"""A TCP proxy that counts what a client sends, and cuts its connections by a reset."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

PIECE = 1 << 18
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Link:
    """One connection and the server's beside it; `taken` is the bytes that the client sent."""

    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    taken: int = 0

    def reset(self) -> None:
        """End both with a reset, whatever is on its way."""
        for writer in self.writers:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            writer.transport.abort()


@dataclass(slots=True)
class CutProxy:
    """Passes bytes both ways. `links` are the connections since the last cut."""

    upstream: str
    address: str = ""
    links: list[Link] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def reset(self) -> None:
        """Cut every connection."""
        for link in self.links:
            link.reset()

    def begin_anew(self) -> list[Link]:
        """Forget the connections so far, and return them."""
        past, self.links = self.links, []
        return past

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection."""
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End what is open."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.upstream.rpartition(":")
        back, forth = await asyncio.open_connection(host, int(port), limit=PIECE)
        link = Link((writer, forth))
        self.links.append(link)
        ways = [asyncio.ensure_future(way) for way in (self._count(reader, forth, link), _copy(back, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for each in link.writers:
                each.transport.abort()

    async def _count(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link) -> None:
        while data := await reader.read(PIECE):
            link.taken += len(data)
            writer.write(data)
            await writer.drain()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(PIECE):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def cut_proxy(upstream: str) -> AsyncIterator[CutProxy]:
    """Run a proxy in front of host:port."""
    proxy = CutProxy(upstream)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0, limit=PIECE)
    proxy.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
        await server.wait_closed()
