"""What all service clients share: calls with the key and a deadline, and lists over all pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from locution_client.calls import DEADLINE, Access, once, retrying

Answer = TypeVar("Answer")

PAGE = 1000
"""Entries in one page."""


class Service:
    """Call one service."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def _call(
        self,
        call: Callable[..., Awaitable[Answer]],
        request: object,
        *,
        timeout: float = DEADLINE,
        repeat: bool = True,
    ) -> Answer:
        """Make a call; with `repeat`, repeat it where that is safe. Raises ApiError when it finally fails."""

        def made() -> Awaitable[Answer]:
            return call(request, metadata=self._access.metadata, timeout=timeout)

        return await (retrying if repeat else once)(made, self._access)

    async def _list(
        self, call: Callable[..., Awaitable[Any]], request: Any, field: str, limit: float = float("inf")
    ) -> list[Any]:
        """Return a field's entries of all pages, at most `limit`."""
        found: list[Any] = []
        while len(found) < limit:
            request.page_size = int(min(PAGE, limit - len(found)))
            page = await self._call(call, request)
            found.extend(getattr(page, field))
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        return found
