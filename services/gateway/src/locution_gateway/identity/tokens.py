"""Our tokens: a prefix, an id for the look-up, and a secret of which only the SHA-256 is stored.

The secret holds 256 random bits, so one round of a hash is enough: it cannot be guessed. Lowercase base32 (RFC 4648)
makes the token one word to copy, and easy for secret scanners to find.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Final
from uuid import UUID

KEY_PREFIX: Final = "loc_"
_KEY: Final = re.compile(r"loc_([a-z2-7]{16})_([a-z2-7]{52})")
_NUMBERED: Final = re.compile(r"(lo[ir])_([0-9a-f]{32})_([a-z2-7]{52})")
INVITATION: Final = "loi"
REFRESH: Final = "lor"


@dataclass(frozen=True, slots=True)
class Fresh:
    """A new token: the token itself, its id, and the hash to store."""

    token: str
    token_id: str
    secret_hash: bytes


def new_key() -> Fresh:
    """Create an API key: "loc_<16>_<52>"."""
    key_id, secret = _random(10), _random(32)
    return Fresh(f"{KEY_PREFIX}{key_id}_{secret}", key_id, digest(secret))


def new_numbered(kind: str, row_id: UUID) -> Fresh:
    """Create an invitation or refresh token: its kind, the id of its row, its secret."""
    secret = _random(32)
    return Fresh(f"{kind}_{row_id.hex}_{secret}", str(row_id), digest(secret))


def parse_key(token: str) -> tuple[str, str] | None:
    """Return the id and the secret of an API key, or None if it is malformed."""
    found = _KEY.fullmatch(token)
    return None if found is None else (found[1], found[2])


def parse_numbered(kind: str, token: str) -> tuple[UUID, str] | None:
    """Return the row's id and the secret of a token of a kind, or None if it is malformed."""
    found = _NUMBERED.fullmatch(token)
    return None if found is None or found[1] != kind else (UUID(found[2]), found[3])


def digest(secret: str) -> bytes:
    """Return the hash to store for a secret."""
    return hashlib.sha256(secret.encode()).digest()


def _random(size: int) -> str:
    return base64.b32encode(secrets.token_bytes(size)).decode().rstrip("=").lower()
