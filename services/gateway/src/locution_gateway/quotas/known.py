"""What a tenant may use, remembered for a few seconds; what it uses is always read."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from locution_common.clock import Clock

from locution_gateway.platform.principal import TenantId, system
from locution_gateway.platform.remember import Remembered
from locution_gateway.quotas.models import Limits
from locution_gateway.quotas.postgres.quotas import PostgresQuotas

TTL: Final = 4.0
REMEMBERED: Final = 10_000


class KnownQuotas:
    """Knows the limits that hold for each tenant."""

    def __init__(self, store: PostgresQuotas, clock: Clock) -> None:
        self._store = store
        self._limits: Remembered[TenantId, Limits] = Remembered(self._read, clock, TTL, REMEMBERED)
        self._shares: Remembered[TenantId, int] = Remembered(self._read_share, clock, TTL, REMEMBERED)

    async def limits(self, tenant_id: TenantId) -> Limits:
        """Return what holds for a tenant."""
        return await self._limits.get(tenant_id)

    async def share(self, tenant_id: TenantId) -> int:
        """Return a tenant's share of what tenants compete for."""
        return await self._shares.get(tenant_id)

    def told(self, notice: str) -> None:
        """Forget what a notice of the database is about."""
        kind, _, name = notice.partition(":")
        if kind == "quotas":
            self._limits.forget(TenantId(UUID(name)))
        elif not kind:
            self._limits.clear()

    async def _read(self, tenant_id: TenantId) -> Limits:
        return (await self._store.get(system(tenant_id))).effective

    async def _read_share(self, tenant_id: TenantId) -> int:
        return await self._store.share(system(tenant_id))
