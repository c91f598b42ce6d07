"""Calls with the API key, a deadline, and retries where they are safe."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc
from locution.reasons.v1.catalogue import Retry

from locution_client.errors import ApiError, from_rpc
from locution_client.settings import Connection

Answer = TypeVar("Answer")

DEADLINE = 30.0
"""Seconds for a call that reads or changes a row."""

ATTEMPTS = 6
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


def credentials(api_key: str) -> tuple[tuple[str, str], ...]:
    """Return the metadata that authenticates calls; empty without a key."""
    return (("authorization", f"Bearer {api_key}"),) if api_key else ()


async def retrying(call: Callable[[], Awaitable[Answer]], *, attempts: int = ATTEMPTS) -> Answer:
    """Make a call and retry it where the reason allows; raise ApiError when it finally fails."""
    for attempt in range(attempts):
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            failure = from_rpc(error)
            if not may_repeat(failure) or attempt == attempts - 1:
                raise failure from error
            await asyncio.sleep(wait_before(attempt, failure))
    raise AssertionError("attempts must be positive")


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
