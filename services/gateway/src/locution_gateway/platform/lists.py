"""Compose the statement of a list from constants; values are parameters always."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from locution_gateway.platform.listing import Column, Filter, Kind, Operator, Order, PageQuery, Position, Term

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


# What a value is passed as; columns of tags are compared with one.
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
        """Demand that a column has a value."""
        self.conditions.append(f"{column} = {self.parameter(value, kind)}")

    def narrow(self, wanted: Filter) -> None:
        """Demand what a filter says."""
        for group in wanted.groups:
            self.conditions.append(f"({' OR '.join(self._term(term) for term in group)})")

    def behind(self, position: Position | None, order: Order) -> None:
        """Demand rows that come behind a position."""
        if position is None:
            return
        column = self.columns[order.field]
        key = self.parameter(position.key, "text") + f"::{_TYPES[column.kind]}"
        row_id = self.parameter(position.row_id, "uuid")
        sign = "<" if order.descending else ">"
        self.conditions.append(f"({column.expression}, {self.row_id}) {sign} ({key}, {row_id})")

    def page(self, select: str, query: PageQuery) -> Statement:
        """Return the statement of a page, with one row more than its size to tell whether more come."""
        self.narrow(query.filter)
        self.behind(query.after, query.order)
        direction = "DESC" if query.order.descending else "ASC"
        column = self.columns[query.order.field].expression
        limit = self.parameter(query.size + 1, "bigint")
        order = f"ORDER BY {column} {direction}, {self.row_id} {direction} LIMIT {limit}"
        return Statement(f"{select} WHERE {' AND '.join(self.conditions)} {order}", self.values)

    def select(self, select: str, end: str = "") -> Statement:
        """Return a statement over the conditions."""
        return Statement(f"{select} WHERE {' AND '.join(self.conditions)} {end}", self.values)

    def _term(self, term: Term) -> str:
        column = self.columns[term.field]
        value = self.parameter(term.value, _TYPES[column.kind])
        return _COMPARISONS[term.operator].format(column=column.expression, value=value)
