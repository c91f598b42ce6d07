"""OIDC issuers of a tenant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import asyncpg
from locution_common.errors import Reason, Refused

from locution_gateway.identity.models import Issuer
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.listing import Page, PageQuery
from locution_gateway.platform.lists import Listing, newest_first
from locution_gateway.platform.principal import Principal, Role, TenantId

SELECT: Final = """
SELECT r.issuer_id, r.tenant_id, r.issuer, r.audience, r.jwks_uri, r.algorithm, r.default_role, r.role_claim,
    r.create_time
FROM gateway.oidc_issuers r
"""
CREATE: Final = """
INSERT INTO gateway.oidc_issuers (issuer_id, tenant_id, issuer, audience, jwks_uri, algorithm, default_role, role_claim,
    created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
RETURNING create_time
"""
DELETE: Final = "DELETE FROM gateway.oidc_issuers WHERE issuer_id = $1 AND tenant_id = $2 RETURNING issuer_id"


class PostgresIssuers:
    """OIDC issuers of a tenant. Absent ones and those of other tenants are refused with ISSUER_NOT_FOUND."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def create(self, principal: Principal, issuer: Issuer) -> Issuer:
        """Allow one. Refuses with ISSUER_EXISTS."""
        values = (issuer.issuer, issuer.audience, issuer.jwks_uri, issuer.algorithm, issuer.default_role)
        try:
            async with self._database.transaction(principal) as connection:
                created = await connection.fetchval(
                    CREATE, issuer.issuer_id, principal.tenant_id, *values, issuer.role_claim, principal.subject
                )
        except asyncpg.UniqueViolationError:
            raise Refused(Reason.ISSUER_EXISTS) from None
        return replace(issuer, create_time=created)

    async def list(self, principal: Principal, query: PageQuery) -> Page[Issuer]:
        """Read a page, newest first."""
        return await LISTING.page(self._database, principal, query)

    async def delete(self, principal: Principal, issuer_id: UUID) -> None:
        """Remove one."""
        async with self._database.transaction(principal) as connection:
            if await connection.fetchval(DELETE, issuer_id, principal.tenant_id) is None:
                raise Refused(Reason.ISSUER_NOT_FOUND)


def _issuer(row: Mapping[str, Any]) -> Issuer:
    return Issuer(
        row["issuer_id"],
        TenantId(row["tenant_id"]),
        "",
        row["issuer"],
        row["audience"],
        row["jwks_uri"],
        row["algorithm"],
        Role(row["default_role"]),
        row["role_claim"],
        row["create_time"],
    )


LISTING: Final = Listing(SELECT, "r", "issuer_id", _issuer, newest_first("r"))
