"""Unnamed scratch files, for containers that must be seekable."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

_WRITE_BYTES: Final = 1 << 20


@asynccontextmanager
async def scratch_copy(source: AsyncIterator[bytes], folder: Path | None) -> AsyncIterator[int]:
    """Copy a source into an unnamed file; yield a read-only descriptor, closed afterwards.

    The disk frees the space when the last descriptor closes, however the process ends.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        held = bytearray()
        async for data in source:
            held += data
            if len(held) >= _WRITE_BYTES:
                await asyncio.to_thread(file.write, bytes(held))
                held.clear()
        await asyncio.to_thread(file.write, bytes(held))
        await asyncio.to_thread(file.flush)
        descriptor = os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
