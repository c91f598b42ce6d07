"""Layer 6: a default deadline for unary calls; streams may last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..errors import Reason, Refused
from .layer import Call


class Deadline:
    """End unary calls without a client deadline after `seconds`; gRPC itself enforces the client's deadline."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        if not call.unary or call.context.time_remaining() is not None:
            yield
            return
        limit = asyncio.timeout(self._seconds)
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise Refused(Reason.DEADLINE_EXCEEDED, f"the call took longer than {self._seconds:g} s") from None
