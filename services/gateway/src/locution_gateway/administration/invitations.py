"""Invite users."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from locution_common.clock import Clock
from locution_common.errors import Reason

from locution_gateway.identity import tokens
from locution_gateway.identity.models import Invitation
from locution_gateway.identity.postgres.invitations import PostgresInvitations
from locution_gateway.platform.ids import new_id
from locution_gateway.platform.listing import PageQuery
from locution_gateway.platform.pages import Binding, page_size
from locution_gateway.platform.principal import Principal, Role
from locution_gateway.platform.reach import Reach, require_rank
from locution_gateway.platform.requests import RequestKey

TTL: Final = timedelta(days=7)


class ManageInvitations:
    """Invitations to a tenant, for administrators."""

    def __init__(self, invitations: PostgresInvitations, reach: Reach, clock: Clock) -> None:
        self._invitations = invitations
        self._reach = reach
        self._clock = clock

    async def create(
        self,
        principal: Principal,
        tenant: str,
        email: str,
        role: Role,
        ttl: timedelta | None,
        request: RequestKey | None,
    ) -> tuple[Invitation, str]:
        """Create one with its token. Refuses with TENANT_NOT_FOUND, USER_EXISTS, PERMISSION_DENIED."""
        within = await self._reach.within(principal, tenant, Reason.TENANT_NOT_FOUND)
        require_rank(principal, role)
        now, row_id = self._clock.now(), new_id()
        fresh = tokens.new_numbered(tokens.INVITATION, row_id)
        invitation = Invitation(row_id, email.lower(), role, now + (ttl or TTL), now)
        return await self._invitations.create(within, invitation, fresh.secret_hash, request), fresh.token

    async def list(
        self, principal: Principal, tenant: str, size: int, token: str
    ) -> tuple[tuple[Invitation, ...], str]:
        """Read a page, newest first. Refuses with TENANT_NOT_FOUND, PAGE_TOKEN_INVALID."""
        within = await self._reach.within(principal, tenant, Reason.TENANT_NOT_FOUND)
        binding = Binding(within, "invitations")
        page = await self._invitations.list(within, PageQuery(page_size(size), after=binding.position(token)))
        return page.rows, binding.token(page.last)

    async def delete(self, principal: Principal, tenant: str, invitation_id: UUID) -> None:
        """Revoke one. Refuses with INVITATION_NOT_FOUND."""
        within = await self._reach.within(principal, tenant, Reason.INVITATION_NOT_FOUND)
        await self._invitations.delete(within, invitation_id)
