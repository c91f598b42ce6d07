"""Access tokens of sessions: JWTs (RFC 7519) signed with HMAC-SHA-256 under the key of the settings.

A token only names a session; the user's role and state are looked up for every call.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import OctKey
from locution_common.clock import Clock
from locution_common.errors import Reason, Refused

from locution_gateway.identity.credentials.claims import text, unverified
from locution_gateway.platform.principal import Principal, SessionId

ALGORITHM: Final = "HS256"
AUDIENCE: Final = "locution"


class JwtAccessTokens:
    """Signs and reads access tokens; without a key there are no sessions."""

    def __init__(self, key: str | None, issuer: str, lifetime: timedelta, clock: Clock) -> None:
        self._key = OctKey.import_key(key if key is not None else secrets.token_hex(32))
        self._enabled = key is not None
        self._issuer = issuer
        self._lifetime = lifetime
        self._clock = clock

    def issue(self, principal: Principal, session_id: SessionId) -> tuple[str, datetime]:
        """Return a token and its expiry. Refuses with SESSIONS_DISABLED."""
        if not self._enabled:
            raise Refused(Reason.SESSIONS_DISABLED)
        now = self._clock.now().replace(microsecond=0)
        end = now + self._lifetime
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": principal.subject,
            "sid": str(session_id),
            "iat": int(now.timestamp()),
            "exp": int(end.timestamp()),
            "jti": secrets.token_hex(8),
        }
        return jwt.encode({"alg": ALGORITHM, "typ": "JWT"}, claims, self._key, algorithms=[ALGORITHM]), end

    def read(self, token: str) -> SessionId:
        """Return the session of a token. Refuses with UNAUTHENTICATED, CREDENTIAL_EXPIRED."""
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
            self._registry().validate(claims)
            return SessionId(UUID(text(claims, "sid")))
        except ExpiredTokenError:
            raise Refused(Reason.CREDENTIAL_EXPIRED) from None
        except (JoseError, ValueError, TypeError):
            raise Refused(Reason.UNAUTHENTICATED) from None

    def is_ours(self, token: str) -> bool:
        """Tell whether a token claims to be ours; this verifies nothing."""
        return text(unverified(token, 1), "iss") == self._issuer

    def _registry(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=0,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": AUDIENCE},
            sub={"essential": True},
            exp={"essential": True},
            sid={"essential": True},
        )
