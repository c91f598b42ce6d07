"""Manage OIDC issuers."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from locution_common.errors import Reason, Refused

from locution_gateway.identity.models import Issuer
from locution_gateway.identity.postgres.issuers import PostgresIssuers
from locution_gateway.platform.ids import new_id
from locution_gateway.platform.listing import PageQuery
from locution_gateway.platform.pages import Binding, page_size
from locution_gateway.platform.principal import Principal, Role
from locution_gateway.platform.reach import Reach

ALGORITHMS: Final = frozenset(
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
)
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class ManageIssuers:
    """Issuers of a tenant, for operators; administrators may list them."""

    def __init__(self, issuers: PostgresIssuers, reach: Reach) -> None:
        self._issuers = issuers
        self._reach = reach

    async def create(self, principal: Principal, tenant: str, issuer: Issuer) -> Issuer:
        """Allow one. Refuses with TENANT_NOT_FOUND, ISSUER_EXISTS, INVALID_REQUEST."""
        within = await self._reach.within(principal, tenant, Reason.TENANT_NOT_FOUND)
        _check(issuer)
        named = replace(issuer, issuer_id=new_id(), tenant_id=within.tenant_id, tenant=tenant)
        return await self._issuers.create(within, named)

    async def list(self, principal: Principal, tenant: str, size: int, token: str) -> tuple[tuple[Issuer, ...], str]:
        """Read a page, newest first. Refuses with TENANT_NOT_FOUND, PAGE_TOKEN_INVALID."""
        within = await self._reach.within(principal, tenant, Reason.TENANT_NOT_FOUND)
        binding = Binding(within, "issuers")
        page = await self._issuers.list(within, PageQuery(page_size(size), after=binding.position(token)))
        return page.rows, binding.token(page.last)

    async def delete(self, principal: Principal, tenant: str, issuer_id: UUID) -> None:
        """Remove one. Refuses with ISSUER_NOT_FOUND."""
        within = await self._reach.within(principal, tenant, Reason.ISSUER_NOT_FOUND)
        await self._issuers.delete(within, issuer_id)


def _check(issuer: Issuer) -> None:
    if issuer.algorithm not in ALGORITHMS:
        raise Refused(
            Reason.INVALID_REQUEST,
            f"{issuer.algorithm!r} is not one of {', '.join(sorted(ALGORITHMS))}",
            field="issuer.algorithm",
        )
    if issuer.default_role.rank > Role.ADMIN.rank:
        raise Refused(Reason.INVALID_REQUEST, "an issuer gives at most the role ADMIN", field="issuer.default_role")
    for field, value in (("issuer", issuer.issuer), ("jwks_uri", issuer.jwks_uri)):
        if not _is_safe_url(value):
            raise Refused(
                Reason.INVALID_REQUEST, "it must be an https URL, or http on loopback", field=f"issuer.{field}"
            )
    if not issuer.audience:
        raise Refused(Reason.INVALID_REQUEST, "it is required", field="issuer.audience")


def _is_safe_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))
