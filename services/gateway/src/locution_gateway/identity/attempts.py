"""How often a password may be tried: per client address and user, and per user over all addresses.

Attempts are counted over all replicas, for known and unknown users alike. An attempt counts as a failure before the
password is checked, so that attempts at the same time do not pass unseen.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from locution_common.errors import Reason, Refused

from locution_gateway.identity.models import Allowance
from locution_gateway.identity.ports import AttemptStore

ADDRESS: Final = Allowance(free=5, longest=900.0)
"""One address and one user."""
USER: Final = Allowance(free=100, longest=30.0)
"""One user over all addresses. Addresses from which the user logged in recently are exempt."""


class Attempts:
    """Limits attempts at passwords."""

    def __init__(self, store: AttemptStore) -> None:
        self._store = store

    @asynccontextmanager
    async def attempt(self, tenant: str, email: str, address: str) -> AsyncIterator[None]:
        """Count an attempt, which fails if an error leaves the context. Refuses with RATE_LIMITED."""
        who = hashlib.sha256(f"{tenant}\n{email.lower()}".encode()).digest()
        wait = await self._store.begin(who, address, ADDRESS, USER)
        if wait > 0:
            raise Refused(Reason.RATE_LIMITED, "too many attempts at this password failed", retry_after=wait)
        try:
            yield
        except Refused as error:
            if error.reason is Reason.OVERLOADED:
                await self._store.take_back(who, address)
            raise
        await self._store.succeed(who, address)
