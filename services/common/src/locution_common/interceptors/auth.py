"""Layer 7: authentication; every method requires a credential except the open ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from ..auth import Authenticator, set_caller
from .layer import Call

HEALTH: Final = "/grpc.health.v1.Health/"
REFLECTION: Final = "/grpc.reflection."


class Auth:
    """Authenticate each call and make its principal the `caller()`; methods under `open_prefixes` are open."""

    def __init__(self, authenticator: Authenticator, open_prefixes: Sequence[str]) -> None:
        self._authenticator = authenticator
        self._open = tuple(open_prefixes)

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        if not call.method.startswith(self._open):
            set_caller(await self._authenticator.authenticate(call.method, call.metadata))
        yield
