"""Compose the statement of a list from constants; values are always parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from locution_common.errors import Reason, Refused

from locution_gateway.platform.bounds import FIRST_YEAR, LAST_YEAR
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.each import each
from locution_gateway.platform.listing import Column, Filter, Kind, Operator, Order, Page, PageQuery, Position, Term
from locution_gateway.platform.principal import Principal

T = TypeVar("T")

_COMPARISONS: Final[Mapping[Operator, str]] = {
    Operator.EQUAL: "{column} = {value}",
    Operator.NOT_EQUAL: "{column} <> {value}",
    Operator.LESS: "{column} < {value}",
    Operator.AT_MOST: "{column} <= {value}",
    Operator.GREATER: "{column} > {value}",
    Operator.AT_LEAST: "{column} >= {value}",
    Operator.HAS: "{column} @> ARRAY[{value}]::text[]",
    Operator.BEGINS: "starts_with({column}, {value})",
}


# The SQL type of a parameter; tag columns are compared with one tag.
_TYPES: Final[Mapping[Kind, str]] = {
    Kind.TEXT: "text",
    Kind.TAGS: "text",
    Kind.TIME: "timestamptz",
    Kind.STATE: "text",
    Kind.JOB: "uuid",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with its parameters."""

    text: str
    values: list[Any]


@dataclass(slots=True)
class Builder:
    """Collects conditions and their parameters; `row_id` is the column that breaks ties."""

    columns: Mapping[str, Column]
    row_id: str
    values: list[Any] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)

    def parameter(self, value: Any, kind: str) -> str:
        """Add a parameter and return its placeholder."""
        self.values.append(value)
        return f"${len(self.values)}::{kind}"

    def where(self, column: str, kind: str, value: Any) -> None:
        """Require a value of a column."""
        self.conditions.append(f"{column} = {self.parameter(value, kind)}")

    def narrow(self, wanted: Filter) -> None:
        """Require what a filter states."""
        for group in wanted.groups:
            self.conditions.append(f"({' OR '.join(self._term(term) for term in group)})")

    def behind(self, position: Position | None, order: Order) -> None:
        """Require rows after a position."""
        if position is None:
            return
        column = self.columns[order.field]
        if not _fits(position.key, column.kind):
            raise Refused(Reason.PAGE_TOKEN_INVALID, field="page_token")
        key = self.parameter(position.key, "text") + f"::{_TYPES[column.kind]}"
        row_id = self.parameter(position.row_id, "uuid")
        sign = "<" if order.descending else ">"
        self.conditions.append(f"({column.expression}, {self.row_id}) {sign} ({key}, {row_id})")

    def page(self, select: str, query: PageQuery) -> Statement:
        """Return the statement of a page, with one additional row that tells whether more follow."""
        self.narrow(query.filter)
        self.behind(query.after, query.order)
        direction = "DESC" if query.order.descending else "ASC"
        column = self.columns[query.order.field].expression
        limit = self.parameter(query.size + 1, "bigint")
        order = f"ORDER BY {column} {direction}, {self.row_id} {direction} LIMIT {limit}"
        return Statement(f"{select} WHERE {' AND '.join(self.conditions)} {order}", self.values)

    def select(self, select: str, end: str = "") -> Statement:
        """Return a statement with the conditions."""
        return Statement(f"{select} WHERE {' AND '.join(self.conditions)} {end}", self.values)

    def _term(self, term: Term) -> str:
        column = self.columns[term.field]
        value = self.parameter(term.value, _TYPES[column.kind])
        return _COMPARISONS[term.operator].format(column=column.expression, value=value)


def _fits(key: str, kind: Kind) -> bool:
    """Tell whether a position's key is of its column's type: it may be forged, because a token holds no secret."""
    if kind is not Kind.TIME or key == "infinity":
        return re.search("[\0\ud800-\udfff]", key) is None
    try:
        time = datetime.fromisoformat(key)
    except ValueError:
        return False
    return time.tzinfo is not None and FIRST_YEAR <= time.year < LAST_YEAR


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A tenant's rows as clients list them.

    `select` names the table by `alias`, `row_id` is the column that breaks ties, and `read` converts a row. The row
    holds each field that it can be ordered by under the field's own name.
    """

    select: str
    alias: str
    row_id: str
    read: Callable[[Any], T]
    columns: Mapping[str, Column]

    def builder(self, principal: Principal) -> Builder:
        """Start a statement over the tenant's rows."""
        found = Builder(self.columns, f"{self.alias}.{self.row_id}")
        found.where(f"{self.alias}.tenant_id", "uuid", principal.tenant_id)
        return found

    async def page(
        self, database: TenantDatabase, principal: Principal, query: PageQuery, builder: Builder | None = None
    ) -> Page[T]:
        """Read a page; `builder` holds additional conditions."""
        statement = (builder or self.builder(principal)).page(self.select, query)
        async with database.transaction(principal) as connection:
            rows = await connection.fetch(statement.text, *statement.values)
        found = tuple(await each(self.read, rows[: query.size]))
        return Page(found, self._position(rows[query.size - 1], query.order) if len(rows) > query.size else None)

    def _position(self, row: Mapping[str, Any], order: Order) -> Position:
        key = row[order.field]
        text = key.isoformat() if isinstance(key, datetime) else "infinity" if key is None else key
        return Position(text, row[self.row_id])


def newest_first(alias: str) -> Mapping[str, Column]:
    """Return the columns of a list with a single order."""
    return {"create_time": Column(f"{alias}.create_time", Kind.TIME)}
