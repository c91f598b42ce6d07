"""A proxy of the tests' own between the gateway and the S3 server, which does to requests what networks and stores do.

HTTP/1.1, one request a connection towards the store. Faults are drawn by share and seed; `clean` ends them.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

FAULTS: Final = (
    "500",
    "503",
    "lost-answer",
    "timeout",
    "reset-request",
    "reset-answer",
    "error-in-200",
    "short-read",
    "wrong-etag",
)
HANG_SECONDS: Final = 3.0
BUSY: Final = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>fault</Message><Resource>/</Resource></Error>"


@dataclass(frozen=True, slots=True)
class Head:
    """The first line of a request or answer with its headers, as they came."""

    raw: bytes

    @property
    def first(self) -> str:
        """Return the first line."""
        return self.raw.split(b"\r\n", 1)[0].decode("latin-1")

    def header(self, name: str) -> str:
        """Return a header's value, empty where there is none."""
        for line in self.raw.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.lower().encode():
                return value.strip().decode("latin-1")
        return ""

    def replaced(self, name: str, value: str) -> Head:
        """Return it with another value of a header, added where there was none."""
        lines = self.raw.rstrip(b"\r\n").split(b"\r\n")
        kept = [line for line in lines if line.partition(b":")[0].strip().lower() != name.lower().encode()]
        return Head(b"\r\n".join([*kept, f"{name}: {value}".encode()]) + b"\r\n\r\n")


@dataclass
class Dice:
    """Which fault befalls the next request."""

    rng: random.Random = field(default_factory=random.Random)
    shares: dict[str, float] = field(default_factory=dict)
    drawn: Counter[str] = field(default_factory=Counter)

    def draw(self, head: Head) -> str:
        """Return a fault that fits the request, or "" for none."""
        for fault, share in self.shares.items():
            if fits(fault, head.first) and self.rng.random() < share:
                self.drawn[fault] += 1
                return fault
        return ""


def fits(fault: str, first: str) -> bool:
    """Tell whether a fault can befall a request with this first line."""
    method, path = first.split(" ")[:2]
    match fault:
        case "error-in-200":
            return method == "POST" and "uploadId=" in path
        case "short-read":
            return method == "GET" and path.count("/") > 1 and "?" not in path
        case "wrong-etag":
            return method == "PUT" and "partNumber=" in path
        case "reset-request":
            return method == "PUT"
        case _:
            return True


@dataclass
class Held:
    """One request that is kept back: the first whose first line holds a text."""

    text: str
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    passed: threading.Event = field(default_factory=threading.Event)

    async def keep(self) -> None:
        """Keep it until it is released."""
        self.reached.set()
        while not self.released.is_set():
            await asyncio.sleep(0.02)


class FaultProxy:
    """The proxy, on a thread with a loop of its own."""

    def __init__(self, target: str) -> None:
        """Stand before `target`, host:port."""
        self.dice = Dice()
        self._held: Held | None = None
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="s3-proxy", daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)
        self.endpoint = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def fault(self, seed: int, **shares: float) -> None:
        """Let faults befall requests from now on, each with its share; names with "_" for "-"."""
        self.dice = Dice(
            random.Random(seed), {name.replace("_", "-"): share for name, share in shares.items()}, self.dice.drawn
        )

    def hold(self, text: str) -> Held:
        """Keep the next request back whose first line holds `text`; it goes on to the store once released."""
        self._held = Held(text)
        return self._held

    def clean(self) -> None:
        """Let everything pass."""
        self.dice = Dice(drawn=self.dice.drawn)

    def close(self) -> None:
        """End it with every connection."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._client, "127.0.0.1", 0, limit=1 << 20)

    async def _end(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._request(reader, writer):
                pass
        await _close(writer)

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Pass one request on, or do to it what the dice say; tell whether the connection goes on."""
        head = Head(await reader.readuntil(b"\r\n\r\n"))
        length = int(head.header("content-length") or 0)
        fault = self.dice.draw(head)
        if fault == "reset-request":
            await reader.readexactly(length // 2)
            return _reset(writer)
        body = await reader.readexactly(length)
        match fault:
            case "timeout":
                await asyncio.sleep(HANG_SECONDS)
                return _reset(writer)
            case "500" | "503":
                return await _answer_error(writer, fault)
            case "error-in-200":
                return await _answer(writer, "200 OK", BUSY.format(code="InternalError").encode())
        answer, content = await self._passed(head, body)
        if fault == "lost-answer":
            return _reset(writer)
        return await _deliver(writer, head, answer, content, fault)

    async def _passed(self, head: Head, body: bytes) -> tuple[Head, bytes]:
        held = self._held
        if held is None or held.text not in head.first:
            return await self._forward(head, body)
        self._held = None
        await held.keep()
        try:
            return await self._forward(head, body)
        finally:
            held.passed.set()

    async def _forward(self, head: Head, body: bytes) -> tuple[Head, bytes]:
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=1 << 20)
        try:
            writer.write(head.replaced("Connection", "close").raw + body)
            await writer.drain()
            answer = Head(await reader.readuntil(b"\r\n\r\n"))
            return answer, await _content(head, answer, reader)
        finally:
            await _close(writer)


async def _content(request: Head, answer: Head, reader: asyncio.StreamReader) -> bytes:
    """Read an answer's body to its end."""
    if request.first.startswith("HEAD ") or answer.first.split(" ")[1] in ("204", "304"):
        return b""
    if answer.header("transfer-encoding").lower() == "chunked":
        return await _chunks(reader)
    length = answer.header("content-length")
    return await reader.readexactly(int(length)) if length else await reader.read()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    content = bytearray()
    while size := int((await reader.readline()).strip(), 16):
        content += await reader.readexactly(size)
        await reader.readline()
    return bytes(content)


async def _deliver(writer: asyncio.StreamWriter, request: Head, answer: Head, content: bytes, fault: str) -> bool:
    """Give an answer to the client, harmed if that is the fault."""
    if fault == "wrong-etag":
        answer = answer.replaced("ETag", '"{}"'.format("0" * 32))
    if fault == "short-read" and len(content) > 1:
        content = content[: len(content) // 2]
    if not request.first.startswith("HEAD "):
        answer = Head(answer.raw.replace(b"Transfer-Encoding: chunked\r\n", b"")).replaced(
            "Content-Length", str(len(content))
        )
    answer = answer.replaced("Connection", "keep-alive")
    if fault == "reset-answer":
        whole = answer.raw + content
        writer.write(whole[: len(whole) - max(len(content) // 2, len(answer.raw) // 2)])
        await writer.drain()
        return _reset(writer)
    writer.write(answer.raw + content)
    await writer.drain()
    return True


async def _answer_error(writer: asyncio.StreamWriter, status: str) -> bool:
    code, reason = ("InternalError", "500 Internal") if status == "500" else ("SlowDown", "503 Slow Down")
    return await _answer(writer, reason, BUSY.format(code=code).encode())


async def _answer(writer: asyncio.StreamWriter, status: str, content: bytes) -> bool:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(content)}\r\n\r\n"
    writer.write(head.encode() + content)
    await writer.drain()
    return True


def _reset(writer: asyncio.StreamWriter) -> bool:
    """End a connection by RST."""
    wire = writer.get_extra_info("socket")
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, asyncio.CancelledError):
        await writer.wait_closed()
