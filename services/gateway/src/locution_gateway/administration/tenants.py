"""Create, read and change tenants."""

from __future__ import annotations

from collections.abc import Iterable

from locution_common.clock import Clock
from locution_common.errors import Reason, Refused

from locution_gateway.identity.models import Standing, Tenant, TenantChange
from locution_gateway.identity.postgres.tenants import PostgresTenants
from locution_gateway.platform.ids import new_id
from locution_gateway.platform.listing import Position
from locution_gateway.platform.masks import masked
from locution_gateway.platform.pages import Binding, page_size
from locution_gateway.platform.principal import Principal, TenantId
from locution_gateway.platform.reach import Reach


class ManageTenants:
    """Tenants, for operators; administrators may read their own."""

    def __init__(self, tenants: PostgresTenants, reach: Reach, clock: Clock) -> None:
        self._tenants = tenants
        self._reach = reach
        self._clock = clock

    async def create(
        self, principal: Principal, name: str, display_name: str, share: int, *, validate_only: bool = False
    ) -> Tenant:
        """Create one. Refuses with TENANT_EXISTS."""
        tenant_id = TenantId(new_id())
        tenant = Tenant(tenant_id, name, display_name, share or 1, Standing.ACTIVE, self._clock.now(), 1)
        if not validate_only:
            return await self._tenants.create(principal, tenant)
        if await self._tenants.find(name) is not None:
            raise Refused(Reason.TENANT_EXISTS)
        return tenant

    async def get(self, principal: Principal, name: str) -> Tenant:
        """Read one. Refuses with TENANT_NOT_FOUND."""
        return await self._tenants.get(await self._reach.within(principal, name, Reason.TENANT_NOT_FOUND))

    async def list(self, principal: Principal, size: int, token: str) -> tuple[list[Tenant], str]:
        """Read a page, ordered by name. Refuses with PAGE_TOKEN_INVALID."""
        binding, rows = Binding(principal, "tenants"), page_size(size)
        after = binding.position(token)
        found = list(await self._tenants.list("" if after is None else after.key, rows + 1))
        if len(found) <= rows:
            return found, ""
        return found[:rows], binding.token(Position(found[rows - 1].name, found[rows - 1].tenant_id))

    async def update(
        self, principal: Principal, name: str, version: int | None, mask: Iterable[str], values: TenantChange
    ) -> Tenant:
        """Change one. Refuses with TENANT_NOT_FOUND, ETAG_MISMATCH, UPDATE_MASK_INVALID."""
        change = masked(mask, values, TenantChange())
        within = await self._reach.within(principal, name, Reason.TENANT_NOT_FOUND)
        return await self._tenants.update(within, version, change)
