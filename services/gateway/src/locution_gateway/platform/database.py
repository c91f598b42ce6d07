"""Connections that see one tenant's rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from locution_common.errors import InternalError
from locution_common.postgres import Connection, Pool, translated

from locution_gateway.platform.principal import Principal

BOUND: Final = """
SELECT bool_and(row_security_active(oid)) FROM pg_class
WHERE relnamespace = to_regnamespace('gateway') AND relrowsecurity
"""
SET_TENANT: Final = "SELECT set_config('locution.tenant_id', $1, true)"


class TenantDatabase:
    """A pool whose transactions are bound to a tenant by row level security.

    Raises DependencyUnavailable, so that callers may retry, if Postgres is unreachable or other changes came first.
    A transaction that raised it in its commit may have been committed.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def transaction(self, principal: Principal) -> AsyncIterator[Connection]:
        """Yield a connection in a transaction that sees only the principal's tenant; an error rolls it back."""
        async with self._connection() as connection, connection.transaction():
            await connection.execute(SET_TENANT, str(principal.tenant_id))
            yield connection

    async def probe(self) -> None:
        """Raise if row level security does not bind this process's role: it owns the tables, or may bypass it."""
        async with self._connection() as connection:
            if await connection.fetchval(BOUND) is False:
                raise InternalError(
                    "row level security does not bind this database role: give the service a role that owns no table"
                )

    @asynccontextmanager
    async def across_tenants(self) -> AsyncIterator[Connection]:
        """Yield a connection that sees no tenant's rows, for the functions that find work of all tenants."""
        async with self._connection() as connection:
            yield connection

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with translated():
            async with self._pool.acquire() as connection:
                yield connection


__all__ = ["Connection", "TenantDatabase"]
