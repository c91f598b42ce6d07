"""Read and end live sessions."""

from __future__ import annotations

from locution_gateway.live.models import LiveId, LiveSession
from locution_gateway.live.postgres import LISTED, PostgresLive
from locution_gateway.live.settle import SettleLive
from locution_gateway.platform.authorise import require
from locution_gateway.platform.filters import parse_filter
from locution_gateway.platform.listing import PageQuery
from locution_gateway.platform.pages import Binding, page_size
from locution_gateway.platform.principal import Principal, Role


class ReadLive:
    """Reads a tenant's sessions."""

    def __init__(self, store: PostgresLive) -> None:
        self._store = store

    async def get(self, principal: Principal, session_id: LiveId) -> LiveSession:
        """Read one. Refuses with LIVE_SESSION_NOT_FOUND."""
        return await self._store.get(principal, session_id)

    async def list(
        self, principal: Principal, size: int, token: str, wanted: str
    ) -> tuple[tuple[LiveSession, ...], str]:
        """Read a page, newest first, and the token of the next. Refuses with FILTER_INVALID, PAGE_TOKEN_INVALID."""
        binding = Binding(principal, "liveSessions", wanted)
        query = PageQuery(page_size(size), parse_filter(wanted, LISTED), after=binding.position(token))
        page = await self._store.list(principal, query)
        return page.rows, binding.token(page.last)


class EndLive:
    """Ends sessions."""

    def __init__(self, store: PostgresLive, settle: SettleLive) -> None:
        self._store = store
        self._settle = settle

    async def run(self, principal: Principal, session_id: LiveId) -> LiveSession:
        """End one and settle it. Refuses with LIVE_SESSION_NOT_FOUND."""
        require(principal, Role.MEMBER)
        await self._store.end(principal, session_id, None, "ENDED")
        return await self._settle.run(principal, session_id)
