"""A pool of asyncpg connections with JSON and timeouts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

from .. import telemetry
from ..errors import DependencyUnavailable, Refused

if TYPE_CHECKING:
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Pool = asyncpg.Pool
    Connection = asyncpg.Connection

_UNAVAILABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,  # the protocol's state after a connection that was lost in mid-statement
)

_OVERTAKEN = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)


@asynccontextmanager
async def open_pool(
    url: str, *, application: str = "locution", schema: str = "", size: int = 10, timeout: float = 15.0
) -> AsyncIterator[Pool]:
    """Open a pool of at most `size` connections; json and jsonb are Python values.

    Each statement may take `timeout` seconds. With `schema`, unqualified names are looked up there, then in public.
    Raises DependencyUnavailable if Postgres cannot be reached.
    """
    server_settings = {"application_name": application}
    if schema:
        server_settings["search_path"] = f"{schema},public"
    pool = asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        command_timeout=timeout,
        timeout=timeout,
        server_settings=server_settings,
        init=_speak_json,
        reset=_reset,
    )
    with translated():
        await pool
    try:
        yield pool
    finally:
        await pool.close()


def probe(pool: Pool) -> Callable[[], Awaitable[object]]:
    """Return a health probe that passes while the pool answers."""

    async def answers() -> object:
        return await pool.fetchval("SELECT true", timeout=3.0)

    return answers


def is_unavailable(error: BaseException) -> bool:
    """Tell whether an error means that Postgres is unreachable, rather than that a statement is wrong."""
    if isinstance(error, asyncpg.InterfaceError):
        return "connection" in str(error)
    return isinstance(error, _UNAVAILABLE)


def translate(error: Exception) -> Refused | None:
    """Return the domain error of a retryable asyncpg error, else None; for `Service.translators`."""
    if isinstance(error, _OVERTAKEN):
        return DependencyUnavailable("other changes of the same rows came first")
    return DependencyUnavailable("the database cannot be reached") if is_unavailable(error) else None


@contextmanager
def translated() -> Iterator[None]:
    """Convert retryable asyncpg errors to DependencyUnavailable; others pass."""
    try:
        yield
    except Exception as error:
        known = translate(error)
        if known is None:
            raise
        raise known from error


async def _reset(connection: Any) -> None:
    """Reset a connection as asyncpg does by default, but without a span in the caller's trace."""
    with telemetry.suppressed():
        await connection.execute(connection.get_reset_query())


def read_json(text: str) -> Any:
    """Return a value of a json column; None for one that is nested too deeply to be read."""
    try:
        return json.loads(text)
    except RecursionError:
        return None


async def _speak_json(connection: Any) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=json.dumps, decoder=read_json, schema="pg_catalog")
