"""Tenants."""

from __future__ import annotations

from typing import Final

from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.principal import Principal

ENSURE: Final = """
INSERT INTO gateway.tenants (tenant_id, name, created_by) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""


async def ensure_tenant(database: TenantDatabase, principal: Principal, name: str) -> None:
    """Make the principal's tenant unless it is there."""
    async with database.transaction(principal) as connection:
        await connection.execute(ENSURE, principal.tenant_id, name, principal.subject)
