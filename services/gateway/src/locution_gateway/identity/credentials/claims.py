"""Read parts of a JWT before it is verified."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any


def unverified(token: str, part: int) -> dict[str, Any]:
    """Return a part of a JWT, 0 the header and 1 the claims, unverified; {} if it is not a JSON object."""
    pieces = token.split(".")
    try:
        text = base64.b64decode(pieces[part] + "=" * (-len(pieces[part]) % 4), b"-_", validate=True)
        found = json.loads(text)
    except (ValueError, IndexError, RecursionError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}


def text(claims: dict[str, Any], name: str) -> str:
    """Return a text claim of printable characters, or ""."""
    value = claims.get(name)
    return value if isinstance(value, str) and value.isprintable() else ""
