"""List models by set and name, page by page."""

from __future__ import annotations

from dataclasses import dataclass

from ..domain.models import Kind, Model
from ..domain.ports import ModelStore
from . import page_token

DEFAULT_PAGE = 50
LARGEST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """A page of models; `next_token` is empty on the last page."""

    models: tuple[Model, ...]
    next_token: str


class ListModels:
    """List models in pages. Tokens stay valid while models are added and removed."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store

    async def run(self, kind: Kind | None, page_size: int, token: str) -> Page:
        """Return a page; size 0 means the default, too large ones are lowered. Refuses with PAGE_TOKEN_INVALID."""
        size = min(page_size or DEFAULT_PAGE, LARGEST_PAGE)
        found = await self._store.page(kind, page_token.decode(kind, token), size + 1)
        page = tuple(found[:size])
        return Page(page, page_token.encode(kind, page[-1].path) if len(found) > size else "")
