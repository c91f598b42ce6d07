"""Filters, orders and pages of lists, for use cases and stores."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

T = TypeVar("T")


class Operator(StrEnum):
    """A comparison operator."""

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
    """The type of a column."""

    TEXT = auto()
    TAGS = auto()
    TIME = auto()
    STATE = auto()
    JOB = auto()


@dataclass(frozen=True, slots=True)
class Column:
    """A column for filters: its SQL and its kind; `values` are those of a STATE.

    If it is `ordered`, clients may order the list by it.
    """

    expression: str
    kind: Kind
    values: frozenset[str] = frozenset()
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """A comparison of a field."""

    field: str
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Filter:
    """At least one term of every group must hold."""

    groups: tuple[tuple[Term, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """Ordered by one field, then by id in the same direction."""

    field: str = "create_time"
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of a page: the value of the ordered field as text, and the id."""

    key: str
    row_id: UUID


@dataclass(frozen=True, slots=True)
class PageQuery:
    """One page of a list: at most `size` rows after `after`."""

    size: int
    filter: Filter = field(default_factory=Filter)
    order: Order = field(default_factory=Order)
    after: Position | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The rows of a page; `last` is where the next page starts, None on the last page."""

    rows: tuple[T, ...]
    last: Position | None
