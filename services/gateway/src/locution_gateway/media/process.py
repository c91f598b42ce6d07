"""Start and end one decode child."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, cast

from locution_common.errors import Reason, Refused

from .models import DecodeSpec, spec_to_dict
from .reporting import MAX_LINE_BYTES

_PACKAGE_ROOT: Final = str(Path(__file__).resolve().parents[2])
_FAULTS: Final = (signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGBUS, signal.SIGILL)
_START: Final = "import sys; sys.path.insert(0, sys.argv.pop()); from locution_gateway.media.child import main; main()"


class Child:
    """The pipes of a running child."""

    def __init__(self, process: asyncio.subprocess.Process, report: asyncio.StreamReader) -> None:
        self._process = process
        self._report = report
        self._input = process.stdin
        self._output = cast("asyncio.StreamReader", process.stdout)

    async def write(self, data: bytes) -> None:
        """Send media to the child, waiting until it keeps up; does nothing if it reads a file."""
        if self._input is not None:
            self._input.write(data)
            await self._input.drain()

    def close_input(self) -> None:
        """Tell the child that the media has ended."""
        if self._input is not None:
            self._input.close()

    async def read(self, size: int) -> bytes:
        """Return up to `size` bytes of PCM, empty at the end."""
        return await self._output.read(size)

    async def report_line(self) -> bytes:
        """Return the next line of the report, empty at its end; MEDIA_DECODER_CRASHED for an endless line."""
        try:
            return await self._report.readline()
        except ValueError as error:
            raise Refused(Reason.MEDIA_DECODER_CRASHED, "the decoder process wrote an invalid report") from error

    async def wait(self) -> int:
        """Wait for the end; return the exit status, negative for a signal."""
        return await self._process.wait()

    @property
    def used_up_its_time(self) -> bool:
        """Tell whether the kernel ended the child for its processor time."""
        return self._process.returncode == -signal.SIGXCPU

    @property
    def fault(self) -> str | None:
        """Name the signal with which the decoder crashed on the media, or return None if it did not."""
        return next((number.name for number in _FAULTS if self._process.returncode == -number), None)

    def kill(self) -> None:
        """Kill the child and its process group."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def reap(self) -> None:
        """Kill the child if it lives, empty its pipes and wait for it, so that nothing remains."""
        self.kill()
        self.close_input()
        while await self.read(MAX_LINE_BYTES):
            pass
        await self._process.wait()


@asynccontextmanager
async def spawn(spec: DecodeSpec, seekable: int | None, size: int | None) -> AsyncIterator[Child]:
    """Run a child without environment, in its own session, with only its own descriptors.

    `seekable` is its media, of `size` bytes if known; without it the media arrives through a pipe.
    """
    async with _report_pipe() as (report, writer):
        process = await _start(spec, seekable, size, writer)
        os.close(writer)
        child = Child(process, report)
        try:
            yield child
        finally:
            await asyncio.shield(child.reap())


@asynccontextmanager
async def _report_pipe() -> AsyncIterator[tuple[asyncio.StreamReader, int]]:
    """Create a pipe; yield a reader of one end, and the other end, which the caller closes."""
    read_end, write_end = os.pipe()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb", buffering=0)
    )
    try:
        yield reader, write_end
    finally:
        transport.close()


async def _start(spec: DecodeSpec, seekable: int | None, size: int | None, report: int) -> asyncio.subprocess.Process:
    arguments: dict[str, Any] = {
        "spec": spec_to_dict(spec),
        "report": report,
        "seekable": seekable,
        "size": size,
        "parent": os.getpid(),
    }
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-c", _START, json.dumps(arguments), _PACKAGE_ROOT),
            stdin=asyncio.subprocess.PIPE if seekable is None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
            pass_fds=(report,) if seekable is None else (report, seekable),
        )
    except BaseException:
        os.close(report)
        raise
