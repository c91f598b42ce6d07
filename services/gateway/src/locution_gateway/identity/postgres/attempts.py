"""Attempts at passwords that all replicas count."""

from __future__ import annotations

from typing import Final

from locution_gateway.identity.models import Allowance
from locution_gateway.platform.database import TenantDatabase

BEGIN: Final = "SELECT gateway.begin_attempt($1, $2, $3, $4, $5, $6)"
TAKE_BACK: Final = "SELECT gateway.take_back_attempt($1, $2)"
SUCCEED: Final = "SELECT gateway.succeed_attempt($1, $2)"
FORGET: Final = "SELECT gateway.forget_attempts($1)"


class PostgresAttempts:
    """Attempts over a TenantDatabase."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def begin(self, who: bytes, address: str, each: Allowance, together: Allowance) -> float:
        """Count a failure and return 0, or return the seconds until the next attempt is allowed."""
        limits = (each.free, each.longest, together.free, together.longest)
        async with self._database.across_tenants() as connection:
            return float(await connection.fetchval(BEGIN, who, address, *limits))

    async def take_back(self, who: bytes, address: str) -> None:
        """Count an attempt no longer: the password was not checked."""
        async with self._database.across_tenants() as connection:
            await connection.execute(TAKE_BACK, who, address)

    async def succeed(self, who: bytes, address: str) -> None:
        """Forget an address's failures, and remember that the user knows the password there."""
        async with self._database.across_tenants() as connection:
            await connection.execute(SUCCEED, who, address)

    async def forget(self, limit: int) -> None:
        """Delete what no longer counts."""
        async with self._database.across_tenants() as connection:
            await connection.execute(FORGET, limit)
