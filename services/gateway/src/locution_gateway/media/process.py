"""Start and end decode children. Each waits for its order, decodes one file, and ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, cast

from locution_common.errors import Reason, Refused

from .models import DecodeSpec, spec_to_dict
from .orders import packed
from .reporting import MAX_LINE_BYTES
from .scratch import Scratch, scratch_file

_PACKAGE_ROOT: Final = str(Path(__file__).resolve().parents[2])
_FAULTS: Final = (signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGBUS, signal.SIGILL)
_START: Final = "import sys; sys.path.insert(0, sys.argv.pop()); from locution_gateway.media.child import main; main()"


class Child:
    """A child, its pipes, and its scratch file for containers that must be seekable."""

    def __init__(self, process: asyncio.subprocess.Process, report: asyncio.StreamReader, scratch: Scratch) -> None:
        self._process = process
        self._report = report
        self._input = cast("asyncio.StreamWriter", process.stdin)
        self._output = cast("asyncio.StreamReader", process.stdout)
        self.scratch = scratch

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Tell whether the child has not ended."""
        return self._process.returncode is None

    def order(self, spec: DecodeSpec, seekable: bool, size: int | None) -> None:
        """Tell the child what to decode: its scratch file, or what `write` sends; `size` in bytes if known."""
        order = {"spec": spec_to_dict(spec), "seekable": seekable, "size": size}
        self._input.write(packed(order))

    async def write(self, data: bytes) -> None:
        """Send media to the child, waiting until it keeps up."""
        self._input.write(data)
        await self._input.drain()

    def close_input(self) -> None:
        """Tell the child that the media has ended."""
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
async def spawn(folder: Path | None) -> AsyncIterator[Child]:
    """Run a child without environment, in its own session, with only its own descriptors.

    Its scratch file lies in `folder`, in the system's temporary folder for None.
    """
    async with AsyncExitStack() as stack:
        with ExitStack() as childs:
            report, writer = await stack.enter_async_context(_report_pipe())
            childs.callback(os.close, writer)
            scratch = stack.enter_context(scratch_file(folder))
            childs.callback(scratch.close_reading)
            process = await _start(writer, scratch.reading)
        child = Child(process, report, scratch)
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
    file = os.fdopen(read_end, "rb", buffering=0)
    try:
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
    except BaseException:
        file.close()
        os.close(write_end)
        raise
    try:
        yield reader, write_end
    finally:
        transport.close()


async def _start(report: int, scratch: int) -> asyncio.subprocess.Process:
    given: dict[str, Any] = {"report": report, "scratch": scratch, "parent": os.getpid()}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-c", _START, json.dumps(given), _PACKAGE_ROOT),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,
        pass_fds=(report, scratch),
    )
