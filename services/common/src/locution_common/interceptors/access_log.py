"""Layer 3: one log line per finished call."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .layer import Call

_log = logging.getLogger("locution.access")


class AccessLog:
    """Log method, code, seconds and peer; health checks at DEBUG, because they occur every few seconds."""

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        start, peer = time.monotonic(), call.context.peer()
        try:
            yield
        finally:
            level = logging.DEBUG if call.method.startswith("/grpc.health.") else logging.INFO
            fields = {"method": call.method, "code": call.code, "peer": peer}
            _log.log(level, "call ended", extra=fields | {"seconds": round(time.monotonic() - start, 6)})
