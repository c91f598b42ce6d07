"""The ports of identity and limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from locution_gateway.identity.models import InvitationRecord, Issuer, KeyRecord, Login, SessionRecord
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
