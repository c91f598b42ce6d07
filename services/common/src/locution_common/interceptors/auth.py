"""Layer 7: authentication; every method requires a credential except the open ones."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from ..auth import Authenticator, set_caller
from ..cancellation import Ending, endable
from ..errors import Refused, Retry
from .layer import Call

HEALTH: Final = "/grpc.health.v1.Health/"
REFLECTION: Final = "/grpc.reflection."

CONFIRM_SECONDS: Final = 1.0
"""Time between two confirmations of a stream's credential. A replica's cache adds 4 s at most."""

_log = logging.getLogger(__name__)


class Auth:
    """Authenticate each call and make its principal the `caller()`; methods under `open_prefixes` are open.

    The credential of an open stream is confirmed again and again. Once it is no longer valid, the stream ends with the
    reason that a new call would get.
    """

    def __init__(self, authenticator: Authenticator, open_prefixes: Sequence[str]) -> None:
        self._authenticator = authenticator
        self._open = tuple(open_prefixes)

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        if call.method.startswith(self._open):
            yield
            return
        principal = await self._authenticator.authenticate(call.method, call.metadata)
        set_caller(principal)
        if call.unary:
            yield
            return
        async with self._confirmed(call, principal):
            yield

    @asynccontextmanager
    async def _confirmed(self, call: Call, principal: object) -> AsyncIterator[None]:
        """End the current task's work once its credential is no longer valid."""
        with endable() as ending:
            watching = asyncio.create_task(self._watch(call, principal, ending))
            try:
                yield
            finally:
                watching.cancel()

    async def _watch(self, call: Call, principal: object, ending: Ending) -> None:
        ending.end(await self._refusal(call, principal))

    async def _refusal(self, call: Call, principal: object) -> Refused:
        while True:
            await asyncio.sleep(CONFIRM_SECONDS)
            try:
                await self._authenticator.confirm(call.method, call.metadata, principal)
            except Refused as error:
                if error.reason.retry is not Retry.LATER:
                    return error
                _log.info("a stream's credential cannot be confirmed now", extra={"reason": error.reason})
            except Exception:  # noqa: BLE001 - logged; a fault of ours must not end the caller's stream
                _log.exception("a stream's credential cannot be confirmed")
