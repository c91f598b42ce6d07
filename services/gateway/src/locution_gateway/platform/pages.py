"""Page tokens: where a list continues, bound to the list, its filter and its order.

A token holds no secret and grants nothing. The check only reveals mistakes; the caller's tenant bounds every list.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Final
from uuid import UUID

from locution_common.errors import Reason, Refused

from locution_gateway.platform.listing import Position
from locution_gateway.platform.principal import Principal

MAX_PAGE: Final = 1000
DEFAULT_PAGE: Final = 50


def page_size(asked: int, default: int = DEFAULT_PAGE) -> int:
    """Return the size of a page (AIP-158)."""
    return min(asked or default, MAX_PAGE)


class Binding:
    """Creates and reads the tokens of one list."""

    def __init__(self, principal: Principal, *context: str) -> None:
        bound = json.dumps([str(principal.tenant_id), *context]).encode()
        self._digest = hashlib.sha256(bound).hexdigest()[:24]

    def token(self, position: Position | None) -> str:
        """Return the token of the page after a position, or "" without one."""
        if position is None:
            return ""
        fields = [self._digest, position.key, str(position.row_id)]
        return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")

    def position(self, token: str) -> Position | None:
        """Return the position of a token, or None for "". Refuses a token of another list with PAGE_TOKEN_INVALID."""
        if not token:
            return None
        try:
            digest, key, row_id = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True))
            position = Position(str(key), UUID(row_id))
        except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error):
            raise Refused(Reason.PAGE_TOKEN_INVALID, field="page_token") from None
        if digest != self._digest:
            raise Refused(Reason.PAGE_TOKEN_INVALID, field="page_token")
        return position
