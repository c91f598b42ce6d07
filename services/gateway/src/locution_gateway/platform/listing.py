"""Filters, orders and pages of lists, as the core and the stores speak of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

T = TypeVar("T")


class Operator(StrEnum):
    """How a field is compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    HAS = ":"
    # `=` with a value that ends in "*".
    BEGINS = "=*"


Value: TypeAlias = str | datetime | UUID


class Kind(Enum):
    """What a column's values are."""

    TEXT = auto()
    TAGS = auto()
    TIME = auto()
    STATE = auto()
    JOB = auto()


@dataclass(frozen=True, slots=True)
class Column:
    """A column by which a list is filtered: its SQL and its kind; `values` are those of a STATE.

    Clients may order the list by it where it is `ordered`.
    """

    expression: str
    kind: Kind
    values: frozenset[str] = frozenset()
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison of a field."""

    field: str
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Filter:
    """Every group must have a term that holds."""

    groups: tuple[tuple[Term, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """By one field, then by id in the same direction."""

    field: str = "create_time"
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of a page: the ordered field as text, and the id."""

    key: str
    row_id: UUID


@dataclass(frozen=True, slots=True)
class PageQuery:
    """One page of a list: at most `size` rows behind `after`."""

    size: int
    filter: Filter = field(default_factory=Filter)
    order: Order = field(default_factory=Order)
    after: Position | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows of a page; `last` is where the next page goes on, None on the last page."""

    rows: tuple[T, ...]
    last: Position | None
