"""A warm server that forks the real decode child: imports are done once, everything else is as in production.

`warm` puts it in the place of `process._start`; the parent's side is the real one. Each child confines itself as ever.
"""

from __future__ import annotations

import array
import asyncio
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import locution_gateway
from locution_gateway.media import process

_ANSWER: Final = struct.Struct("<qqd")
_REQUEST: Final = b"fork"
_SERVE: Final = (
    "import sys; sys.path[:0] = sys.argv.pop().split(':'); from tests.hostile.media.forks import serve; serve()"
)


@dataclass
class Used:
    """What the last child and the greediest one used, in bytes and seconds of processor time."""

    memory: int = 0
    seconds: float = 0.0
    most_memory: int = 0
    most_seconds: float = 0.0
    signals: dict[int, int] = field(default_factory=dict)

    def add(self, status: int, memory: int, seconds: float) -> None:
        self.memory, self.seconds = memory, seconds
        self.most_memory, self.most_seconds = max(memory, self.most_memory), max(seconds, self.most_seconds)
        if status < 0:
            self.signals[-status] = self.signals.get(-status, 0) + 1


class Forked:
    """A forked child, as `asyncio.subprocess.Process` looks to `process.Child`."""

    def __init__(self, pid: int, ended: asyncio.Task[int]) -> None:
        self.pid = pid
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader | None = None
        self._ended = ended

    @property
    def returncode(self) -> int | None:
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)


Start = Callable[[int, int], Any]


@asynccontextmanager
async def warm(used: Used) -> AsyncIterator[Start]:
    """Run the server; yield what starts one child, to be put in the place of `process._start`."""
    mine, theirs = socket.socketpair()
    root = Path(__file__).resolve().parents[3]
    paths = [str(root), process._PACKAGE_ROOT, *(path for path in sys.path if path)]
    assert locution_gateway.__file__.startswith(process._PACKAGE_ROOT)
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(theirs.fileno()), ":".join(paths)],
        env={},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(theirs.fileno(),),
    )
    theirs.close()
    mine.setblocking(False)
    loop = asyncio.get_running_loop()

    async def answer() -> tuple[int, int, float]:
        data = b""
        while len(data) < _ANSWER.size:
            piece = await loop.sock_recv(mine, _ANSWER.size - len(data))
            assert piece, "the fork server died"
            data += piece
        status, memory, seconds = _ANSWER.unpack(data)
        return status, memory, seconds

    async def end() -> int:
        status, memory, seconds = await answer()
        used.add(status, memory, seconds)
        return status

    async def start(report: int, scratch: int) -> Forked:
        feed, output = _pipe(), _pipe()
        given = array.array("i", [feed[0], output[1], report, scratch])
        mine.sendmsg([_REQUEST], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, given)])
        os.close(feed[0])
        os.close(output[1])
        pid, _, _ = await answer()
        child = Forked(pid, asyncio.create_task(end()))
        child.stdout = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(child.stdout)
        await loop.connect_read_pipe(lambda: protocol, os.fdopen(output[0], "rb", buffering=0))
        transport, writing = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, os.fdopen(feed[1], "wb", buffering=0)
        )
        child.stdin = asyncio.StreamWriter(transport, writing, None, loop)
        return child

    try:
        yield start
    finally:
        mine.close()
        server.wait(10)


def _pipe() -> tuple[int, int]:
    return os.pipe2(os.O_CLOEXEC)


def serve() -> None:
    """Fork a child for each request until the socket closes; answer with its pid, then with its status and use."""
    from locution_gateway.media import child  # imported in the server alone, before it forks

    connection = socket.socket(fileno=int(sys.argv[1]))
    while True:
        request, ancillary, _, _ = connection.recvmsg(len(_REQUEST), socket.CMSG_SPACE(64))
        if not request:
            os._exit(0)
        descriptors = array.array("i", ancillary[0][2])
        pid = os.fork()
        if pid == 0:
            _become(child.main, list(descriptors), connection)
        for descriptor in descriptors:
            os.close(descriptor)
        connection.sendall(_ANSWER.pack(pid, 0, 0.0))
        _, status, use = os.wait4(pid, 0)
        seconds = use.ru_utime + use.ru_stime
        connection.sendall(_ANSWER.pack(os.waitstatus_to_exitcode(status), use.ru_maxrss * 1024, seconds))


def _become(main: Callable[[], None], given: list[int], connection: socket.socket) -> None:
    """Lay the descriptors out as `process._start` does, and run the child's program."""
    try:
        os.setsid()
        connection.close()
        high = [os.dup2(descriptor, 100 + number, inheritable=False) for number, descriptor in enumerate(given)]
        for descriptor in given:
            os.close(descriptor)
        for number, descriptor in zip((0, 1, 3, 4), high, strict=False):
            os.dup2(descriptor, number)
            os.close(descriptor)
        sys.argv[1:] = [json.dumps({"report": 3, "scratch": 4, "parent": os.getppid()})]
        main()
    except BaseException:  # noqa: BLE001 (a fork must never go on as the server)
        os._exit(1)
    os._exit(1)
