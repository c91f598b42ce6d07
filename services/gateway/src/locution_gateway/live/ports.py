"""The ports of live sessions."""

from __future__ import annotations

from typing import Protocol


class Transcoder(Protocol):
    """Converts a stream's bytes to mono PCM at 16 kHz, passed to a sink in order."""

    async def feed(self, data: bytes) -> None:
        """Add bytes; waits while the sink does. Refuses with a MEDIA reason."""

    async def finish(self) -> None:
        """Output the rest. Refuses with a MEDIA reason."""
