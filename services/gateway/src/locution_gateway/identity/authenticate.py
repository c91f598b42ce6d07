"""Authenticate a caller by any credential, and check its permission."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime
from typing import Final
from uuid import UUID

from locution_common.auth import Metadata, bearer_token
from locution_common.clock import Clock
from locution_common.errors import Reason, Refused

from locution_gateway.identity import policy, tokens
from locution_gateway.identity.credentials.access import JwtAccessTokens
from locution_gateway.identity.credentials.oidc import JwksOidcTokens
from locution_gateway.identity.models import KeyRecord, SessionRecord
from locution_gateway.identity.ports import CredentialStore
from locution_gateway.platform.principal import ANONYMOUS, Principal, SessionId
from locution_gateway.platform.remember import Remembered

TTL: Final = 4.0
"""Seconds that a replica caches a credential: the delay of a revocation whose notice is lost."""
REMEMBERED: Final = 20_000
MAX_TOKEN: Final = 8192
"""Characters; longer credentials are refused unread."""


class KeyAuthenticator:
    """Authenticates API keys, and records their use."""

    def __init__(self, store: CredentialStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._keys = Remembered(self._find, clock, TTL, REMEMBERED)
        self._used: dict[str, datetime] = {}

    async def authenticate(self, token: str) -> Principal:
        """Return the principal of a key. Refuses with UNAUTHENTICATED, CREDENTIAL_EXPIRED.

        Known and unknown ids take the same path: one look-up, one digest, one comparison in constant time.
        """
        parts = tokens.parse_key(token)
        if parts is None:
            raise Refused(Reason.UNAUTHENTICATED)
        key_id, secret = parts
        record = await self._keys.get(key_id)
        fits = hmac.compare_digest(tokens.digest(secret), record.secret_hash)
        if not (fits & record.known):
            raise Refused(Reason.UNAUTHENTICATED)
        now = self._clock.now()
        if record.expire_time is not None and record.expire_time <= now:
            raise Refused(Reason.CREDENTIAL_EXPIRED)
        self._used[key_id] = now
        return record.principal

    def forget(self, key_id: str | None) -> None:
        """Drop a key from the cache, or all of them."""
        if key_id is None:
            self._keys.clear()
        else:
            self._keys.forget(key_id)

    async def flush(self) -> None:
        """Store when keys were used since the last call."""
        used, self._used = self._used, {}
        if used:
            await self._store.touch(used)

    async def _find(self, key_id: str) -> KeyRecord:
        """Return a key's record. An unknown id gets a dummy record, so that both take equally long to compare."""
        found = await self._store.api_key(key_id)
        stranger = KeyRecord(ANONYMOUS, secrets.token_bytes(32), None, known=False)
        return stranger if found is None else found


class SessionAuthenticator:
    """Authenticates access tokens; each names a session that must still be valid."""

    def __init__(self, store: CredentialStore, access: JwtAccessTokens, clock: Clock) -> None:
        self._access = access
        self._sessions: Remembered[SessionId, SessionRecord | None] = Remembered(store.session, clock, TTL, REMEMBERED)

    async def authenticate(self, token: str) -> Principal:
        """Return the user of a session. Refuses with UNAUTHENTICATED, CREDENTIAL_EXPIRED."""
        return await self.confirm(self._access.read(token))

    async def confirm(self, session_id: SessionId) -> Principal:
        """Return the user of a session. Refuses with UNAUTHENTICATED once it has ended."""
        record = await self._sessions.get(session_id)
        if record is None or not record.usable:
            raise Refused(Reason.UNAUTHENTICATED)
        return record.principal

    def forget(self, session_id: SessionId | None) -> None:
        """Drop a session from the cache, or all of them."""
        if session_id is None:
            self._sessions.clear()
        else:
            self._sessions.forget(session_id)


class BootstrapAuthenticator:
    """Authenticates the operator key of the settings, if there is one."""

    def __init__(self, key: str | None, principal: Principal) -> None:
        self._known = tokens.digest(key if key is not None else secrets.token_hex(32))
        self._principal = principal

    def fits(self, token: str) -> Principal | None:
        """Return the operator if the token is its key; compares in constant time."""
        return self._principal if hmac.compare_digest(tokens.digest(token), self._known) else None


class CompositeAuthenticator:
    """The api's authenticator: API keys, sessions, OIDC issuers, the operator key; then the method's policy."""

    def __init__(
        self,
        bootstrap: BootstrapAuthenticator,
        keys: KeyAuthenticator,
        sessions: SessionAuthenticator,
        access: JwtAccessTokens,
        oidc: JwksOidcTokens,
    ) -> None:
        self._bootstrap = bootstrap
        self._keys = keys
        self._sessions = sessions
        self._access = access
        self._oidc = oidc

    async def authenticate(self, method: str, metadata: Metadata) -> Principal:
        """Return the caller of a method. Refuses with UNAUTHENTICATED, CREDENTIAL_EXPIRED, PERMISSION_DENIED."""
        wanted = policy.POLICIES.get(method)
        if wanted is None:
            raise Refused(Reason.PERMISSION_DENIED, "no role may call this method")
        if wanted.public:
            return ANONYMOUS
        principal = await self._principal(bearer_token(metadata))
        policy.check(wanted, principal)
        return principal

    async def confirm(self, method: str, metadata: Metadata, principal: object) -> None:
        """Refuse as `authenticate` does once an open stream must end. A session's streams outlive access tokens."""
        if not isinstance(principal, Principal) or principal.session_id is None:
            await self.authenticate(method, metadata)
            return
        policy.check(policy.POLICIES[method], await self._sessions.confirm(principal.session_id))

    def told(self, notice: str) -> None:
        """Drop the subject of a database notice from the caches: "key:<id>", "session:<id>", or everything."""
        kind, _, name = notice.partition(":")
        if kind == "key":
            self._keys.forget(name)
        elif kind == "session":
            self._sessions.forget(SessionId(UUID(name)))
        elif kind != "quotas":
            self._keys.forget(None)
            self._sessions.forget(None)

    async def _principal(self, token: str) -> Principal:
        if not token or len(token) > MAX_TOKEN:
            raise Refused(Reason.UNAUTHENTICATED)
        if token.startswith(tokens.KEY_PREFIX):
            return await self._keys.authenticate(token)
        operator = self._bootstrap.fits(token)
        if operator is not None:
            return operator
        if token.count(".") != 2:
            raise Refused(Reason.UNAUTHENTICATED)
        if self._access.is_ours(token):
            return await self._sessions.authenticate(token)
        return await self._oidc.read(token)


__all__ = [
    "BootstrapAuthenticator",
    "CompositeAuthenticator",
    "KeyAuthenticator",
    "SessionAuthenticator",
]
