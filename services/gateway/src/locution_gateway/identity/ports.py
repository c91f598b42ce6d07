"""The ports of identity and limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from locution_gateway.identity.models import Allowance, InvitationRecord, Issuer, KeyRecord, Login, SessionRecord
from locution_gateway.platform.principal import SessionId


class CredentialStore(Protocol):
    """Finds callers before their tenant is known."""

    async def api_key(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key id."""

    async def session(self, session_id: SessionId) -> SessionRecord | None:
        """Return the record of a session."""

    async def issuers(self, issuer: str) -> Sequence[Issuer]:
        """Return the tenants' issuers with this `iss`."""

    async def login(self, tenant: str, email: str) -> Login | None:
        """Return a user's record by tenant and e-mail address."""

    async def invitation(self, invitation_id: UUID) -> InvitationRecord | None:
        """Return an invitation's record."""

    async def touch(self, used: Mapping[str, datetime]) -> None:
        """Store when keys were last used."""

    async def forget(self, limit: int) -> None:
        """Delete what has expired: sessions, invitations, streams, buckets."""


class AttemptStore(Protocol):
    """Counts attempts at passwords, over all replicas. `who` names a user, known or not."""

    async def begin(self, who: bytes, address: str, each: Allowance, together: Allowance) -> float:
        """Count a failure and return 0, or return the seconds until the next attempt is allowed."""

    async def take_back(self, who: bytes, address: str) -> None:
        """Count an attempt no longer: the password was not checked."""

    async def succeed(self, who: bytes, address: str) -> None:
        """Forget an address's failures, and remember that the user knows the password there."""
