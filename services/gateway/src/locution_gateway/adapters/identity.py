"""Who calls, until identity lands: one development key, whose bearer is the operator of the default tenant."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final
from uuid import UUID

from locution_common.auth import Metadata, bearer_token

from locution_gateway.domain.errors import Unauthenticated
from locution_gateway.domain.identity import Principal, Role, TenantId

DEFAULT_TENANT: Final = TenantId(UUID("00000000-0000-4000-8000-000000000001"))
DEFAULT_TENANT_NAME: Final = "default"


class ApiKeyAuthenticator:
    """Knows the development key, or nobody when there is none."""

    def __init__(self, development_key: str | None) -> None:
        self._known = None if development_key is None else _digest(development_key)

    async def authenticate(self, method: str, metadata: Metadata) -> Principal:
        """Return the operator of the default tenant. Raises Unauthenticated, along one path for missing and wrong."""
        presented = _digest(bearer_token(metadata))
        if not hmac.compare_digest(presented, self._known or b"") or self._known is None:
            raise Unauthenticated("a valid API key is required")
        return Principal(DEFAULT_TENANT, "development", Role.OPERATOR)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
