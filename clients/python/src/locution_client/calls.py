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

LONG_WAIT = 3.0
"""Seconds without progress after which the user is told."""

FIRST_WAIT = 0.2
LONGEST_WAIT = 10.0

OPTIONS = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_reconnect_backoff_ms", 5_000),  # a server that is back is seen soon; by default after up to two minutes
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
    """What a client's callers share: the key, whether the server has answered, and whom to tell of a long wait."""

    metadata: Metadata
    answered: bool = False
    waiting: Callable[[ApiError], None] = lambda failure: None

    @property
    def patience(self) -> float:
        """Return for how many seconds to go on without progress."""
        return PATIENCE if self.answered else FIRST_PATIENCE


class Tries:
    """The tries of one piece of work since its last progress."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self.progress()

    def progress(self) -> None:
        """Begin to count anew."""
        self._count = 0
        self._since: float | None = None
        self._told = False

    async def wait(self, failure: ApiError, patience: float | None = None) -> None:
        """Sleep until the next try; raise the failure after `patience` seconds (default: the client's)."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        left = self._since + (self._access.patience if patience is None else patience) - now
        if left <= 0 or (failure.retry_after or 0) > left:
            raise failure
        pause = min(wait_before(self._count, failure), left)
        self._count += 1
        if now + pause - self._since >= LONG_WAIT and not self._told:
            self._told = True
            self._access.waiting(failure)
        await asyncio.sleep(pause)


async def retrying(call: Callable[[], Awaitable[Answer]], access: Access) -> Answer:
    """Make a call and repeat it where the reason allows; raise ApiError when it finally fails."""
    tries = Tries(access)
    while True:
        try:
            return await once(call, access)
        except ApiError as failure:
            if not may_repeat(failure):
                raise
            await tries.wait(failure)


async def once(call: Callable[[], Awaitable[Answer]], access: Access) -> Answer:
    """Make a call and note whether the server answered; raise ApiError if it fails."""
    try:
        answer = await call()
    except grpc.aio.AioRpcError as error:
        failure = from_rpc(error)
        access.answered = access.answered or failure.reason is not None  # the server's own failures name one
        raise failure from error
    access.answered = True
    return answer


def may_repeat(failure: ApiError) -> bool:
    """Tell whether the same call may succeed a moment later. Every create carries a request_id, so retries are safe.

    The server's own failures name a reason. INTERNAL without one comes from the transport, when a stream ends during a
    write; DEADLINE_EXCEEDED without one, when a machine is gone and its packets with it.
    """
    if failure.known is not None and failure.known.retry is not Retry.LATER:
        return False
    broken = failure.reason is None and failure.code in ("INTERNAL", "DEADLINE_EXCEEDED")
    return broken or failure.code == "UNAVAILABLE" or failure.retry_after is not None


def may_resume(failure: ApiError) -> bool:
    """Tell whether another call may resume where this one ended."""
    return may_repeat(failure) or (failure.known is not None and failure.known.retry is Retry.RESUME)


def wait_before(attempt: int, failure: ApiError) -> float:
    """Return the seconds before the next attempt: the server's RetryInfo, else exponential backoff with jitter."""
    if failure.retry_after is not None:
        return failure.retry_after
    longest: float = min(LONGEST_WAIT, FIRST_WAIT * 2**attempt)
    return random.uniform(0.5, 1.0) * longest  # noqa: S311 - no secret
