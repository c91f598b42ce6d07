"""A proxy before Postgres that breaks connections while the audio of live sessions is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qs, urlsplit, urlunsplit

KEY: Final = b"live/"
"""How the key of a chunk begins; it is among the values of the statement that records the chunk."""


class Fault(StrEnum):
    """Where the connection breaks."""

    BEFORE = "before the record"
    ANSWER = "after the commit, before its answer"
    SILENCE = "never, but the commit is not answered"


@dataclass
class FaultyDatabase:
    """Does `fault` to the next `left` records; `done` counts those that met it."""

    url: str = ""
    fault: Fault = Fault.ANSWER
    left: int = 0
    done: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, socket: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on to the server's socket."""
        answers, requests = await asyncio.open_unix_connection(socket)
        recording = asyncio.Event()
        pumps = [self._requests(reader, requests, recording), self._answers(answers, writer, recording)]
        tasks = [asyncio.create_task(pump) for pump in pumps]
        self._tasks.update(tasks)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.difference_update(tasks)
        for end in (writer, requests):
            end.transport.abort()

    async def close(self) -> None:
        """Break all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recording: asyncio.Event
    ) -> None:
        """Pass requests on; `recording` is set by the commit of a record that meets the fault."""
        chosen = False
        while data := await reader.read(65536):
            if KEY in data and self.left:
                self.left -= 1
                self.done += 1
                chosen = True
                if self.fault is Fault.BEFORE:
                    return
            if chosen and b"COMMIT" in data:
                recording.set()
            writer.write(data)

    async def _answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recording: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            if recording.is_set() and self.fault is Fault.ANSWER:
                return
            if not recording.is_set():
                writer.write(data)


@asynccontextmanager
async def faulty(url: str) -> AsyncIterator[FaultyDatabase]:
    """Stand before the database of a URL with a unix socket."""
    parts = urlsplit(url)
    place = parse_qs(parts.query)
    socket = f"{place['host'][0]}/.s.PGSQL.{place['port'][0]}"
    database = FaultyDatabase()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await database.serve(socket, reader, writer)

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        database.url = urlunsplit(parts._replace(query=f"host=127.0.0.1&port={port}&sslmode=disable"))
        try:
            yield database
        finally:
            server.close()
            await database.close()
