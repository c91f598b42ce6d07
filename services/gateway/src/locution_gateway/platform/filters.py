"""Parse filters: a subset of AIP-160.

    filter     = group { "AND" group }
    group      = "(" term { "OR" term } ")" | term { "OR" term }
    term       = field operator value | field ":" "(" value { "OR" value } ")"
    operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | ":"
    value      = "quoted text" | word

As in AIP-160, OR binds tighter than AND. A value that ends in `*` after `=` matches by prefix.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from locution_common.errors import Reason, Refused

from locution_gateway.platform.bounds import FIRST_YEAR, LAST_YEAR
from locution_gateway.platform.listing import Column, Filter, Kind, Operator, Order, Term, Value
from locution_gateway.platform.names import JOBS

MAX_TERMS: Final = 32

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<operator>!=|<=|>=|[=<>:])|(?P<bracket>[()])|(?P<word>[^\s"=<>!:()]+))"""
)
_ORDERED: Final = frozenset(set(Operator) - {Operator.HAS, Operator.BEGINS})


_OPERATORS: Final[Mapping[Kind, frozenset[Operator]]] = {
    Kind.TEXT: frozenset({Operator.EQUAL, Operator.NOT_EQUAL, Operator.BEGINS}),
    Kind.TAGS: frozenset({Operator.HAS}),
    Kind.TIME: _ORDERED,
    Kind.STATE: frozenset({Operator.EQUAL, Operator.NOT_EQUAL}),
    Kind.JOB: frozenset({Operator.EQUAL}),
}


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a filter: `kind` is the name of the matching group."""

    kind: str
    text: str


def parse_filter(text: str, columns: Mapping[str, Column]) -> Filter:
    """Parse a filter. Refuses with FILTER_INVALID, naming the part that does not parse."""
    tokens = _Tokens(_tokens(text))
    if not tokens.left():
        return Filter()
    groups = [_group(tokens, columns)]
    while tokens.left():
        tokens.expect("word", "AND")
        groups.append(_group(tokens, columns))
    if sum(map(len, groups)) > MAX_TERMS:
        raise _invalid(f"a filter may have at most {MAX_TERMS} terms")
    return Filter(tuple(groups))


def parse_order(text: str, columns: Mapping[str, Column], default: Order) -> Order:
    """Parse an order: a field, optionally with " desc"."""
    words = text.split()
    if not words:
        return default
    known = sorted(name for name, column in columns.items() if column.ordered)
    if words[0] not in known or words[1:] not in ([], ["asc"], ["desc"]):
        raise _invalid(f"order_by takes one of {', '.join(known)}, with desc or without", "order_by")
    return Order(words[0], words[1:] == ["desc"])


def _invalid(message: str, field: str = "filter") -> Refused:
    return Refused(Reason.FILTER_INVALID, message, field=field)


class _Tokens:
    """The remaining tokens."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def left(self) -> bool:
        return self._next < len(self._tokens)

    def take(self, *kinds: str) -> Token:
        if not self.left():
            raise _invalid(f"the filter ends where {' or '.join(kinds)} should come")
        token = self._tokens[self._next]
        if token.kind not in kinds:
            raise _invalid(f"{token.text!r} stands where {' or '.join(kinds)} should")
        self._next += 1
        return token

    def expect(self, kind: str, text: str) -> None:
        token = self.take(kind)
        if token.text != text:
            raise _invalid(f"{token.text!r} stands where {text} should")

    def skip(self, kind: str, text: str) -> bool:
        found = self.left() and self._tokens[self._next] == Token(kind, text)
        self._next += found
        return found


def _tokens(text: str) -> list[Token]:
    tokens, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise _invalid(f"the filter does not parse at {text[place:].strip()[:20]!r}")
        tokens.append(Token(match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return tokens


def _group(tokens: _Tokens, columns: Mapping[str, Column]) -> tuple[Term, ...]:
    bracketed = tokens.skip("bracket", "(")
    terms = _term(tokens, columns)
    while tokens.skip("word", "OR"):
        terms += _term(tokens, columns)
    if bracketed:
        tokens.expect("bracket", ")")
    return tuple(terms)


def _term(tokens: _Tokens, columns: Mapping[str, Column]) -> list[Term]:
    name = tokens.take("word").text
    column = columns.get(name)
    if column is None:
        raise _invalid(f"{name!r} is no field to filter by; these are: {', '.join(sorted(columns))}")
    operator = Operator(tokens.take("operator").text)
    several = operator is Operator.HAS and tokens.skip("bracket", "(")
    values = [tokens.take("text", "word")]
    while several and tokens.skip("word", "OR"):
        values.append(tokens.take("text", "word"))
    if several:
        tokens.expect("bracket", ")")
    return [_checked(name, column, operator, _unquoted(value)) for value in values]


def _checked(name: str, column: Column, operator: Operator, text: str) -> Term:
    if column.kind is Kind.TEXT and operator is Operator.EQUAL and text.endswith("*"):
        return Term(name, Operator.BEGINS, text[:-1])
    if operator not in _OPERATORS[column.kind]:
        allowed = ", ".join(sorted(known.value for known in _OPERATORS[column.kind] - {Operator.BEGINS}))
        raise _invalid(f"{name} takes {allowed}, not {operator.value}")
    return Term(name, operator, _value(name, column, text))


def _value(name: str, column: Column, text: str) -> Value:
    match column.kind:
        case Kind.TIME:
            return _time(name, text)
        case Kind.JOB:
            return _job(name, text)
        case Kind.STATE if text not in column.values:
            raise _invalid(f"{name} is one of {', '.join(sorted(column.values))}, not {text!r}")
        case _:
            return text


def _time(name: str, text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise _invalid(f"{name} takes a time such as 2026-01-31T12:00:00Z, not {text!r}") from None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    if not FIRST_YEAR <= time.year < LAST_YEAR:
        raise _invalid(f"{name} takes a time from {FIRST_YEAR} to {LAST_YEAR}, not {text!r}")
    return time


def _job(name: str, text: str) -> UUID:
    job_id = JOBS.find(text)
    if job_id is None:
        raise _invalid(f'{name} takes a name such as "jobs/...", not {text!r}')
    return job_id


def _unquoted(token: Token) -> str:
    return token.text if token.kind == "word" else re.sub(r"\\(.)", r"\1", token.text[1:-1])
