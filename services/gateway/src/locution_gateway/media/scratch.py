"""Unnamed scratch files, for containers that must be seekable."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

_WRITE_BYTES: Final = 1 << 20


class Scratch:
    """A file without a name. `reading` is its read-only descriptor, for the child.

    The disk frees the space when the last descriptor closes, however the processes end.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.reading = os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY | os.O_CLOEXEC)

    def close_reading(self) -> None:
        """Close the child's descriptor in this process."""
        os.close(self.reading)

    async def fill(self, source: AsyncIterator[bytes]) -> None:
        """Copy a source into the file."""
        held = bytearray()
        async for data in source:
            held += data
            if len(held) >= _WRITE_BYTES:
                await asyncio.to_thread(self._file.write, bytes(held))
                held.clear()
        await asyncio.to_thread(self._file.write, bytes(held))
        await asyncio.to_thread(self._file.flush)


@contextmanager
def scratch_file(folder: Path | None) -> Iterator[Scratch]:
    """Yield a file in `folder`, closed afterwards."""
    with tempfile.TemporaryFile(dir=folder) as file:
        yield Scratch(file)
