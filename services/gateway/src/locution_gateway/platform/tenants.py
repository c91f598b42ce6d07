"""Find tenants by their names."""

from __future__ import annotations

from typing import Final

from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.principal import TenantId

FIND: Final = "SELECT tenant_id FROM gateway.find_tenant($1)"


class TenantNames:
    """Names of tenants in a TenantDatabase."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def find(self, name: str) -> TenantId | None:
        """Return the tenant with a name."""
        async with self._database.across_tenants() as connection:
            found = await connection.fetchval(FIND, name)
        return None if found is None else TenantId(found)
