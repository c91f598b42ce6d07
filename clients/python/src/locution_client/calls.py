"""Calls with the API key, a deadline, and retries where they are safe."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import grpc
from locution.reasons.v1.catalogue import Retry

from locution_client.errors import ApiError, from_rpc
from locution_client.settings import Connection

Answer = TypeVar("Answer")
Metadata: TypeAlias = tuple[tuple[str, str], ...]

DEADLINE = 30.0
"""Seconds for a call that reads or changes a row."""

PATIENCE = 120.0
"""Seconds that a caller goes on without progress: a server that restarts is back long before."""

FIRST_PATIENCE = 5.0
"""The same before the server's first answer: its address may be wrong."""

FIRST_WAIT = 0.2
LONGEST_WAIT = 10.0

OPTIONS = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
)


def open_channel(connection: Connection) -> grpc.aio.Channel:
    """Open a channel: plain for `host:port` and `http://`, TLS for `https://`."""
    scheme, separator, rest = connection.address.rpartition("://")
    target = rest.rstrip("/")
    if separator and scheme == "https":
        roots = connection.ca_file.read_bytes() if connection.ca_file else None
        target = target if ":" in target else f"{target}:443"
        return grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(roots), options=OPTIONS)
    return grpc.aio.insecure_channel(target, options=OPTIONS)


def credentials(api_key: str) -> Metadata:
    """Return the metadata that authenticates calls; empty without a key."""
    return (("authorization", f"Bearer {api_key}"),) if api_key else ()


@dataclass(slots=True)
class Access:
    """What the callers of one client share: the key, and whether the server has answered yet."""

    metadata: Metadata
    answered: bool = False

    @property
    def patience(self) -> float:
        """Return for how many seconds to go on without progress."""
        return PATIENCE if self.answered else FIRST_PATIENCE

    def heard(self, failure: ApiError) -> None:
        """Note a failure: the server's own names a reason."""
        self.answered = self.answered or failure.reason is not None


class Tries:
    """Count the tries without progress, and the seconds they take."""

    def __init__(self) -> None:
        self._count = 0
        self._since: float | None = None

    def progress(self) -> None:
        """Begin to count anew."""
        self._count, self._since = 0, None

    async def wait(self, failure: ApiError, patience: float) -> None:
        """Sleep until the next try; raise the failure when `patience` seconds have passed without progress."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        pause = wait_before(self._count, failure)
        if now + pause - self._since >= patience:
            raise failure
        self._count += 1
        await asyncio.sleep(pause)


async def retrying(call: Callable[[], Awaitable[Answer]], access: Access) -> Answer:
    """Make a call and repeat it where the reason allows; raise ApiError when it finally fails."""
    tries = Tries()
    while True:
        try:
            answer = await once(call)
        except ApiError as failure:
            access.heard(failure)
            if not may_repeat(failure):
                raise
            await tries.wait(failure, access.patience)
        else:
            access.answered = True
            return answer


async def once(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """Make a call that must not be repeated; raise ApiError if it fails."""
    try:
        return await call()
    except grpc.aio.AioRpcError as error:
        raise from_rpc(error) from error


def may_repeat(failure: ApiError) -> bool:
    """Tell whether the same call may succeed a moment later. Every create carries a request_id, so retries are safe.

    The server's own INTERNAL always names a reason. One without a reason comes from the transport, when a stream ends
    during a write.
    """
    if failure.known is not None and failure.known.retry is not Retry.LATER:
        return False
    lost = failure.code == "UNAVAILABLE" or (failure.code == "INTERNAL" and failure.reason is None)
    return lost or failure.retry_after is not None


def may_resume(failure: ApiError) -> bool:
    """Tell whether another call may resume where this one ended."""
    return may_repeat(failure) or (failure.known is not None and failure.known.retry is Retry.RESUME)


def wait_before(attempt: int, failure: ApiError) -> float:
    """Return the seconds before the next attempt: the server's RetryInfo, else exponential backoff with jitter."""
    if failure.retry_after is not None:
        return min(failure.retry_after, LONGEST_WAIT)
    longest: float = min(LONGEST_WAIT, FIRST_WAIT * 2**attempt)
    return random.uniform(0.5, 1.0) * longest  # noqa: S311 - no secret
