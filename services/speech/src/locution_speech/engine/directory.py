"""Ask the registry which models are usable, and report which are loaded."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

import grpc
from locution_common.errors import Code, DependencyUnavailable, Reason, Refused
from locution_common.interceptors import remote_failure

from .models import ModelName, ModelRecord

TIMEOUT: Final = 5.0
"""Timeout of a call to the registry in seconds; the callers of this module apply it."""

FRESH: Final = 2.0
STALE: Final = 300.0
RETRY: Final = 5.0
SHORTEST: Final = 1.0

R = TypeVar("R", bound=ModelRecord)

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class CachedDirectory(Generic[R]):
    """Read models from the registry by `read`, which passes gRPC's errors through.

    A record is cached for 2 s, and for 5 min while the registry is unavailable.
    """

    read: Callable[[ModelName], Awaitable[R]]
    _cache: dict[ModelName, tuple[float, R]] = field(default_factory=dict)

    async def get(self, name: ModelName) -> R:
        """Return the record. Refuses with MODEL_NOT_FOUND or DependencyUnavailable."""
        now = asyncio.get_running_loop().time()
        read_at, known = self._cache.get(name, (float("-inf"), None))
        if known is not None and now - read_at < FRESH:
            return known
        try:
            record = await self.read(name)
        except grpc.aio.AioRpcError as error:
            return self._without_answer(name, error, known if now - read_at < STALE else None)
        self._cache[name] = (now, record)
        return record

    def _without_answer(self, name: ModelName, error: grpc.aio.AioRpcError, known: R | None) -> R:
        failure = remote_failure(error)
        if failure.code in (Code.NOT_FOUND, Code.INVALID_ARGUMENT):
            self._cache.pop(name, None)
            raise Refused(Reason.MODEL_NOT_FOUND, f"there is no model {name}") from error
        if known is not None:
            return known
        raise DependencyUnavailable("the registry cannot be reached") from error


@dataclass(slots=True)
class ServingReports:
    """Report which models are in memory until stopped; `send` returns the seconds until the next report."""

    send: Callable[[str, Sequence[ModelName]], Awaitable[float]]
    loaded: Callable[[], Sequence[ModelName]]
    replica: str

    async def run(self, stopping: asyncio.Event) -> None:
        """Report as often as the registry asks."""
        while not stopping.is_set():
            wait = await self._report(list(self.loaded()))
            try:
                async with asyncio.timeout(wait):
                    await stopping.wait()
            except TimeoutError:
                continue
        await self._report([])

    async def _report(self, loaded: Sequence[ModelName]) -> float:
        try:
            return max(SHORTEST, await self.send(self.replica, loaded))
        except grpc.aio.AioRpcError as error:
            _log.info("the report to the registry failed", extra={"code": error.code().name})
            return RETRY


def replica_name(service: str) -> str:
    """Return a unique name for this process."""
    return f"{service}-{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
