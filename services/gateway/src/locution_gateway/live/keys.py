"""Keys of a session's audio in the object store."""

from __future__ import annotations

from uuid import UUID

from locution_gateway.live.models import LiveId
from locution_gateway.platform.principal import TenantId


def chunk(tenant_id: TenantId, session_id: LiveId, start: int, end: int, owner: UUID) -> str:
    """Return the key of a chunk: no other audio, of this owner or another, is ever written to it."""
    return f"live/{tenant_id}/{session_id}/{start:016d}-{end:016d}-{owner.hex}"


def section(tenant_id: TenantId, session_id: LiveId, final_id: int, owner: UUID) -> str:
    """Return the key of the diarizer's result for a final's audio."""
    return f"live/{tenant_id}/{session_id}/speakers/{final_id:09d}-{owner.hex}"
