"""What live sessions need of the world."""

from __future__ import annotations

from typing import Protocol


class Transcoder(Protocol):
    """Turns a stream's bytes into mono PCM at 16 kHz, handed to a sink in order."""

    async def feed(self, data: bytes) -> None:
        """Take bytes; waits while the sink does. Refused with a MEDIA reason."""

    async def finish(self) -> None:
        """Hand over what is left. Refused with a MEDIA reason."""
