"""Pages of what is listed newest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from locution_gateway.platform.listing import Column, Kind, Page, PageQuery, Position
from locution_gateway.platform.lists import Builder, Statement
from locution_gateway.platform.principal import Principal

T = TypeVar("T")

COLUMNS: Final[Mapping[str, Column]] = {"create_time": Column("r.create_time", Kind.TIME)}


def builder(principal: Principal, row_id: str) -> Builder:
    """Begin a list of a tenant's rows of a table called r."""
    found = Builder(COLUMNS, f"r.{row_id}")
    found.where("r.tenant_id", "uuid", principal.tenant_id)
    return found


def page_of(
    rows: Sequence[Any], query: PageQuery, read: Callable[[Any], T], place: Callable[[T], tuple[datetime, UUID]]
) -> Page[T]:
    """Return the page of rows that a statement gave, one more than asked for where there are more."""
    found = tuple(map(read, rows[: query.size]))
    if len(rows) <= query.size:
        return Page(found, None)
    create_time, row_id = place(found[-1])
    return Page(found, Position(create_time.isoformat(), row_id))


__all__ = ["Statement", "builder", "page_of"]
