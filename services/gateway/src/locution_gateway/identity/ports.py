"""What identity and limits need of the world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from locution_gateway.identity.models import InvitationRecord, Issuer, KeyRecord, Login, SessionRecord
from locution_gateway.platform.principal import SessionId


class CredentialStore(Protocol):
    """Finds who calls, before the tenant is known."""

    async def api_key(self, key_id: str) -> KeyRecord | None:
        """Return what is known of a key id."""

    async def session(self, session_id: SessionId) -> SessionRecord | None:
        """Return what is known of a session."""

    async def issuers(self, issuer: str) -> Sequence[Issuer]:
        """Return the tenants' issuers of this `iss`."""

    async def login(self, tenant: str, email: str) -> Login | None:
        """Return what is known of a user by tenant and e-mail address."""

    async def invitation(self, invitation_id: UUID) -> InvitationRecord | None:
        """Return what is known of an invitation."""

    async def touch(self, used: Mapping[str, datetime]) -> None:
        """Keep when keys were last used."""

    async def forget(self, limit: int) -> None:
        """Drop what is over: sessions, invitations, streams, buckets."""
