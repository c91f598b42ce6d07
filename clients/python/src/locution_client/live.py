"""Stream audio and receive text, across broken connections."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

import grpc
from locution.reasons.v1.catalogue import Reason
from locution.v1 import live_service_pb2 as pb
from locution.v1.live_service_pb2_grpc import LiveServiceStub

from locution_client.calls import Access, Tries, may_resume
from locution_client.errors import ApiError, from_rpc
from locution_client.service import Service

LARGEST = 64 * 1024
"""Bytes of audio in one message."""

MOST_HELD = 8 * 1024 * 1024
"""Most bytes that a client buffers until the server acknowledges them."""

UNITS = {pb.LiveConfig.ENCODING_PCM_S16LE: 2, pb.LiveConfig.ENCODING_PCM_F32LE: 4}


@dataclass
class Unacknowledged:
    """A buffer of the audio that the server has not stored yet; offsets in the unit of its encoding."""

    unit: int
    first: int = 0
    end: int = 0
    closed: bool = False
    _pieces: deque[bytes] = field(default_factory=deque)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def add(self, data: bytes) -> None:
        """Append audio."""
        async with self._changed:
            self._pieces.append(data)
            self.end += len(data) // self.unit
            self._changed.notify_all()

    async def close(self) -> None:
        """Mark the end of the audio."""
        async with self._changed:
            self.closed = True
            self._changed.notify_all()

    async def acknowledge(self, offset: int) -> None:
        """Drop the audio that the server has stored."""
        async with self._changed:
            while self._pieces and self.first + len(self._pieces[0]) // self.unit <= offset:
                self.first += len(self._pieces.popleft()) // self.unit
            self._changed.notify_all()

    async def room(self, most: int) -> None:
        """Wait until fewer than `most` units are buffered."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.end - self.first < most)

    async def from_offset(self, offset: int) -> AsyncGenerator[tuple[int, bytes]]:
        """Yield the buffered and the following audio from an offset."""
        while True:
            async with self._changed:
                await self._changed.wait_for(partial(self._is_behind, offset))
                if self.end <= offset:
                    return
                data = self._piece(offset)
            yield offset, data
            offset += len(data) // self.unit

    def _is_behind(self, offset: int) -> bool:
        return self.end > offset or self.closed

    def _piece(self, offset: int) -> bytes:
        if offset < self.first:
            raise ValueError(f"audio at {offset} was acknowledged and dropped")
        at = self.first
        for piece in self._pieces:
            size = len(piece) // self.unit
            if at + size > offset:
                return piece[(offset - at) * self.unit :]
            at += size
        raise ValueError(f"audio at {offset} has not arrived yet")


class Live(Service):
    """Call LiveService."""

    def __init__(self, channel: grpc.aio.Channel, access: Access) -> None:
        super().__init__(access)
        self._stub = LiveServiceStub(channel)

    async def transcribe(
        self, config: pb.LiveConfig, audio: AsyncIterator[bytes], *, patience: float | None = None
    ) -> AsyncGenerator[pb.StreamResponse]:
        """Send audio and yield the server's messages. Broken connections are resumed, and no final is repeated.

        Raises ApiError for errors that a resume cannot cure, and after `patience` seconds without any answer
        (default: as long as other calls wait).
        """
        async with aclosing(self.session(config, patience=patience).run(audio)) as messages:
            async for message in messages:
                yield message

    def session(self, config: pb.LiveConfig, *, patience: float | None = None) -> Session:
        """Return a session to run; `transcribe` does it in one call."""
        return Session(self._stub, self._access, config, patience)

    async def sessions(self, filter_text: str = "") -> AsyncIterator[pb.LiveSession]:
        """Yield sessions, newest first."""
        for session in await self._list(
            self._stub.ListSessions, pb.ListSessionsRequest(filter=filter_text), "sessions"
        ):
            yield session

    async def end(self, name: str) -> pb.LiveSession:
        """End a session."""
        return await self._call(self._stub.EndSession, pb.EndSessionRequest(name=name), timeout=300.0)


class Session:
    """One session over as many streams as it takes."""

    def __init__(self, stub: Any, access: Access, config: pb.LiveConfig, patience: float | None) -> None:
        self._stub = stub
        self._access = access
        self._config = config
        self._patience = patience
        self._held = Unacknowledged(UNITS.get(config.encoding, 1))
        self._token = ""
        self._last_final = 0
        self._call: Any = None
        self.resumed = 0

    def drop(self) -> None:
        """Drop the connection; the session resumes on another one."""
        if self._call is not None:
            self._call.cancel()

    async def run(self, audio: AsyncIterator[bytes]) -> AsyncGenerator[pb.StreamResponse]:
        """Yield the server's messages until the session is done."""
        reading = asyncio.create_task(self._read(audio))
        try:
            async for message in self._streams():
                if reading.done():
                    reading.result()
                yield message
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _streams(self) -> AsyncGenerator[pb.StreamResponse]:
        tries = Tries(self._access)
        while True:
            failure: list[ApiError] = []
            async with aclosing(self._guarded(failure)) as messages:
                async for message in messages:
                    tries.progress()
                    self._access.answered = True
                    yield message
            if not failure:
                return
            broken = failure[0].reason is None and failure[0].code in ("CANCELLED", "UNKNOWN")
            if not (broken or may_resume(failure[0])):
                raise failure[0]
            await tries.wait(failure[0], self._patience)
            self.resumed += 1

    async def _guarded(self, failure: list[ApiError]) -> AsyncGenerator[pb.StreamResponse]:
        """Run one stream; store the error that ended it early in `failure`."""
        done = False
        try:
            async with aclosing(self._stream()) as messages:
                async for message in messages:
                    done = message.WhichOneof("message") == "done"
                    yield message
            if not done:
                failure.append(ApiError("UNAVAILABLE", "the stream ended early"))
        except grpc.aio.AioRpcError as error:
            failure.append(from_rpc(error))
        except ApiError as error:
            failure.append(error)
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is None or task.cancelling():
                raise
            failure.append(ApiError("UNAVAILABLE", "the connection was dropped"))

    async def _stream(self) -> AsyncGenerator[pb.StreamResponse]:
        """Run one stream and yield new messages; its sender ends with it."""
        call = self._call = self._stub.Stream(metadata=self._access.metadata)
        sender: asyncio.Task[None] | None = None
        try:
            await call.write(pb.StreamRequest(start=self._start()))
            async for message in call:
                if message.WhichOneof("message") == "started":
                    self._token = message.started.resume_token
                    sender = asyncio.create_task(self._send(call, message.started.next_offset))
                if await self._is_new(message):
                    yield message
        finally:
            call.cancel()
            if sender is not None:
                sender.cancel()
                await asyncio.gather(sender, return_exceptions=True)

    def _start(self) -> pb.StreamStart:
        if not self._token:
            return pb.StreamStart(config=self._config)
        return pb.StreamStart(resume=pb.StreamResume(resume_token=self._token, last_final_id=self._last_final))

    async def _is_new(self, message: pb.StreamResponse) -> bool:
        match message.WhichOneof("message"):
            case "ack":
                await self._held.acknowledge(message.ack.offset)
            case "notice" if message.notice.kind == pb.StreamNotice.KIND_DRAINING:
                raise_draining()
            case "final":
                new: bool = message.final.id > self._last_final
                self._last_final = max(self._last_final, message.final.id)
                return new
        return True

    async def _send(self, call: Any, offset: int) -> None:
        async with aclosing(self._held.from_offset(offset)) as pieces:
            async for at, data in pieces:
                await call.write(pb.StreamRequest(audio=pb.StreamAudio(offset=at, data=data)))
        await call.write(pb.StreamRequest(finish=pb.StreamFinish()))
        await call.done_writing()

    async def _read(self, audio: AsyncIterator[bytes]) -> None:
        """Append audio in whole samples; wait while a minute of it is unacknowledged."""
        unit, rest = self._held.unit, b""
        try:
            async for data in audio:
                rest += data
                while len(rest) >= unit:
                    size = min(len(rest) - len(rest) % unit, LARGEST)
                    await self._held.room(MOST_HELD // unit)
                    await self._held.add(rest[:size])
                    rest = rest[size:]
        finally:
            await self._held.close()


def raise_draining() -> NoReturn:
    """Leave a server that is shutting down and reconnect to another."""
    raise ApiError(Reason.LIVE_DRAINING.code, "the server is shutting down", Reason.LIVE_DRAINING, retry_after=0.2)
