"""Tokens of allowed OIDC issuers (OpenID Connect Core), each with one algorithm, verified by their JWKS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from locution_common.clock import Clock
from locution_common.errors import Reason, Refused

from locution_gateway.identity.credentials.claims import text, unverified
from locution_gateway.identity.credentials.jwks import JwksCache
from locution_gateway.identity.models import Issuer
from locution_gateway.identity.ports import CredentialStore
from locution_gateway.platform.principal import Credential, Principal, Role
from locution_gateway.platform.remember import Remembered

TTL: Final = 4.0
REMEMBERED: Final = 1000
LEEWAY: Final = 5
"""Tolerance for the issuer's clock in seconds."""
MAX_SUBJECT: Final = 255
ROLES: Final = {"viewer": Role.VIEWER, "member": Role.MEMBER, "admin": Role.ADMIN}


class JwksOidcTokens:
    """Reads tokens of the issuers in the store."""

    def __init__(self, store: CredentialStore, keys: JwksCache, clock: Clock) -> None:
        self._issuers: Remembered[str, Sequence[Issuer]] = Remembered(store.issuers, clock, TTL, REMEMBERED)
        self._keys = keys
        self._clock = clock

    async def read(self, token: str) -> Principal:
        """Return the principal of a token. Refuses with UNAUTHENTICATED, CREDENTIAL_EXPIRED, DependencyUnavailable."""
        issuer = await self._issuer(unverified(token, 1))
        key = await self._keys.key(issuer.jwks_uri, text(unverified(token, 0), "kid"))
        if key is None:
            raise Refused(Reason.UNAUTHENTICATED)
        try:
            claims = jwt.decode(token, key, algorithms=[issuer.algorithm]).claims
            self._registry(issuer).validate(claims)
        except ExpiredTokenError:
            raise Refused(Reason.CREDENTIAL_EXPIRED) from None
        except (JoseError, ValueError, TypeError):
            raise Refused(Reason.UNAUTHENTICATED) from None
        return _principal(issuer, claims)

    def forget(self) -> None:
        """Drop the cached issuers."""
        self._issuers.clear()

    async def _issuer(self, claims: Mapping[str, Any]) -> Issuer:
        """Return the issuer of a token's `iss` and `aud`."""
        name, audience = claims.get("iss"), claims.get("aud")
        if not isinstance(name, str) or not 0 < len(name) <= 512:
            raise Refused(Reason.UNAUTHENTICATED)
        audiences = audience if isinstance(audience, list) else [audience]
        found = [issuer for issuer in await self._issuers.get(name) if issuer.audience in audiences]
        if len(found) != 1:
            raise Refused(Reason.UNAUTHENTICATED)
        return found[0]

    def _registry(self, issuer: Issuer) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=LEEWAY,
            iss={"essential": True, "value": issuer.issuer},
            aud={"essential": True, "value": issuer.audience},
            sub={"essential": True},
            exp={"essential": True},
        )


def _principal(issuer: Issuer, claims: Mapping[str, Any]) -> Principal:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
        raise Refused(Reason.UNAUTHENTICATED)
    email = claims.get("email")
    return Principal(
        tenant_id=issuer.tenant_id,
        subject=f"oidc:{issuer.issuer_id}:{subject}",
        role=_role(issuer, claims),
        tenant=issuer.tenant,
        credential=Credential.OIDC,
        email=email if isinstance(email, str) else None,
    )


def _role(issuer: Issuer, claims: Mapping[str, Any]) -> Role:
    """Return the highest role in the issuer's claim, else its default; never OPERATOR."""
    value = claims.get(issuer.role_claim) if issuer.role_claim else None
    names = value if isinstance(value, list) else [value]
    named = [ROLES[name] for name in names if isinstance(name, str) and name in ROLES]
    return max(named, key=lambda role: role.rank, default=issuer.default_role)
