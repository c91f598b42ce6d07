"""Invitations to a tenant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from locution_common.errors import Reason, Refused

from locution_gateway.identity.models import Invitation
from locution_gateway.platform import requests
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.listing import Page, PageQuery
from locution_gateway.platform.lists import Listing, newest_first
from locution_gateway.platform.principal import Principal, Role
from locution_gateway.platform.requests import RequestKey

SELECT: Final = "SELECT r.invitation_id, r.email, r.role, r.expire_time, r.create_time FROM gateway.invitations r"
CREATE: Final = """
INSERT INTO gateway.invitations (invitation_id, tenant_id, email, role, token_hash, expire_time, created_by)
VALUES ($1, $2, lower($3), $4, $5, $6, $7)
"""
EXISTS: Final = "SELECT EXISTS (SELECT FROM gateway.users WHERE tenant_id = $1 AND email = lower($2))"
DELETE: Final = "DELETE FROM gateway.invitations WHERE invitation_id = $1 AND tenant_id = $2 RETURNING invitation_id"


class PostgresInvitations:
    """Invitations of a tenant. Absent ones and those of other tenants are refused with INVITATION_NOT_FOUND."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def create(
        self, principal: Principal, invitation: Invitation, token_hash: bytes, request: RequestKey | None
    ) -> Invitation:
        """Create one. Refuses with USER_EXISTS, REQUEST_ID_REUSED."""
        async with self._database.transaction(principal) as connection:
            if await requests.claim(connection, principal, request, invitation.invitation_id) is not None:
                raise Refused(Reason.REQUEST_ID_REUSED)
            if await connection.fetchval(EXISTS, principal.tenant_id, invitation.email):
                raise Refused(Reason.USER_EXISTS)
            await connection.execute(
                CREATE,
                invitation.invitation_id,
                principal.tenant_id,
                invitation.email,
                invitation.role,
                token_hash,
                invitation.expire_time,
                principal.subject,
            )
        return invitation

    async def list(self, principal: Principal, query: PageQuery) -> Page[Invitation]:
        """Read a page of valid ones, newest first."""
        chosen = LISTING.builder(principal)
        chosen.conditions.append("r.expire_time > clock_timestamp()")
        return await LISTING.page(self._database, principal, query, chosen)

    async def delete(self, principal: Principal, invitation_id: UUID) -> None:
        """Revoke one."""
        async with self._database.transaction(principal) as connection:
            if await connection.fetchval(DELETE, invitation_id, principal.tenant_id) is None:
                raise Refused(Reason.INVITATION_NOT_FOUND)


def _invitation(row: Mapping[str, Any]) -> Invitation:
    return Invitation(row["invitation_id"], row["email"], Role(row["role"]), row["expire_time"], row["create_time"])


LISTING: Final = Listing(SELECT, "r", "invitation_id", _invitation, newest_first("r"))
