"""Tenants."""

from __future__ import annotations

from typing import Final

from locution_gateway.adapters.postgres.pool import TenantDatabase
from locution_gateway.domain.identity import TenantId

ENSURE: Final = """
INSERT INTO gateway.tenants (tenant_id, name, created_by) VALUES ($1, $2, 'system') ON CONFLICT DO NOTHING
"""


async def ensure_tenant(database: TenantDatabase, tenant_id: TenantId, name: str) -> None:
    """Make a tenant unless it is there."""
    async with database.across_tenants() as connection:
        await connection.execute(ENSURE, tenant_id, name)
