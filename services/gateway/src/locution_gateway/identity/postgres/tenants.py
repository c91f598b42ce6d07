"""Tenants. An operator acts in a tenant under that tenant's row level security; only the list covers all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg
from locution_common.errors import Reason, Refused

from locution_gateway.identity.models import Standing, Tenant, TenantChange
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.principal import Principal, TenantId
from locution_gateway.platform.tenants import TenantNames

LIST: Final = "SELECT * FROM gateway.list_tenants($1, $2)"
GET: Final = "SELECT * FROM gateway.tenants WHERE tenant_id = $1"
LOCK: Final = f"{GET} FOR UPDATE"
CREATE: Final = """
INSERT INTO gateway.tenants (tenant_id, name, display_name, share, created_by) VALUES ($1, $2, $3, $4, $5)
"""
UPDATE: Final = """
UPDATE gateway.tenants SET display_name = coalesce($2, display_name), share = coalesce($3, share),
    state = coalesce($4, state), version = version + 1
WHERE tenant_id = $1
"""


class PostgresTenants(TenantNames):
    """Tenants. Absent ones are refused with TENANT_NOT_FOUND."""

    async def create(self, principal: Principal, tenant: Tenant) -> Tenant:
        """Create a tenant. Refuses with TENANT_EXISTS."""
        values = (tenant.tenant_id, tenant.name, tenant.display_name, tenant.share, principal.subject)
        try:
            async with self._database.transaction(principal.within(tenant.tenant_id)) as connection:
                await connection.execute(CREATE, *values)
                return tenant_of(await connection.fetchrow(GET, tenant.tenant_id))
        except asyncpg.UniqueViolationError:
            raise Refused(Reason.TENANT_EXISTS) from None

    async def get(self, principal: Principal) -> Tenant:
        """Read the principal's tenant."""
        async with self._database.transaction(principal) as connection:
            row = await connection.fetchrow(GET, principal.tenant_id)
        if row is None:
            raise Refused(Reason.TENANT_NOT_FOUND)
        return tenant_of(row)

    async def list(self, after: str, limit: int) -> Sequence[Tenant]:
        """Read tenants by name, after a given one."""
        async with self._database.across_tenants() as connection:
            return [tenant_of(row) for row in await connection.fetch(LIST, after, limit)]

    async def update(self, principal: Principal, version: int | None, change: TenantChange) -> Tenant:
        """Change the principal's tenant. Refuses with ETAG_MISMATCH."""
        async with self._database.transaction(principal) as connection:
            row = await connection.fetchrow(LOCK, principal.tenant_id)
            if row is None:
                raise Refused(Reason.TENANT_NOT_FOUND)
            if version not in (None, row["version"]):
                raise Refused(Reason.ETAG_MISMATCH)
            values = (change.display_name, change.share, change.state)
            await connection.execute(UPDATE, principal.tenant_id, *values)
            return tenant_of(await connection.fetchrow(GET, principal.tenant_id))


def tenant_of(row: Mapping[str, Any] | None) -> Tenant:
    """Return the tenant of a row."""
    if row is None:
        raise Refused(Reason.TENANT_NOT_FOUND)
    return Tenant(
        TenantId(row["tenant_id"]),
        row["name"],
        row["display_name"],
        row["share"],
        Standing(row["state"]),
        row["create_time"],
        row["version"],
    )


ENSURE: Final = """
INSERT INTO gateway.tenants (tenant_id, name, created_by) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""


async def ensure_tenant(database: TenantDatabase, principal: Principal, name: str) -> None:
    """Create the principal's tenant unless it exists."""
    async with database.transaction(principal) as connection:
        await connection.execute(ENSURE, principal.tenant_id, name, principal.subject)
