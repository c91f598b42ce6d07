"""Resume tokens: the session's id and 256 random bits, of which the server stores the SHA-256."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from typing import Final
from uuid import UUID

from locution_common.errors import Reason, Refused

from locution_gateway.live.models import LiveId

SECRET_BYTES: Final = 32
ID_BYTES: Final = 16


def new_token(session_id: LiveId) -> str:
    """Return a new token of a session."""
    return base64.urlsafe_b64encode(session_id.bytes + secrets.token_bytes(SECRET_BYTES)).decode().rstrip("=")


def session_of(token: str) -> LiveId:
    """Return the session of a token. Refuses a malformed one with LIVE_TOKEN_INVALID."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise Refused(Reason.LIVE_TOKEN_INVALID) from None
    if len(raw) != ID_BYTES + SECRET_BYTES:
        raise Refused(Reason.LIVE_TOKEN_INVALID)
    return LiveId(UUID(bytes=raw[:ID_BYTES]))


def digest(token: str) -> bytes:
    """Return the hash to store for a token."""
    return hashlib.sha256(token.encode()).digest()
