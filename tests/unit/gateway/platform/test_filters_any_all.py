"""Filters by any and by all of several tags."""

from __future__ import annotations

import pytest
from locution_common.errors import Reason
from locution_gateway.jobs.postgres.jobs import COLUMNS
from locution_gateway.platform.filters import parse_filter
from locution_gateway.platform.listing import Operator, Term

from tests.support.refusals import refusal


def tags(*names: str) -> tuple[Term, ...]:
    return tuple(Term("tags", Operator.HAS, name) for name in names)


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("tags:a", (tags("a"),)),
        ("tags:(a OR b)", (tags("a", "b"),)),
        ('tags:("a" OR b OR c)', (tags("a", "b", "c"),)),
        ("tags:a OR tags:(b OR c)", (tags("a", "b", "c"),)),
        ("(tags:(a OR b) OR tags:c) AND tags:d", (tags("a", "b", "c"), tags("d"))),
        ("tags:a AND tags:b", (tags("a"), tags("b"))),
        ("tags:(a)", (tags("a"),)),
    ],
)
def test_any_and_all(text: str, groups: tuple[tuple[Term, ...], ...]) -> None:
    assert parse_filter(text, COLUMNS).groups == groups


@pytest.mark.parametrize(
    "text",
    [
        "tags:(",
        "tags:()",
        "tags:(a",
        "tags:(a b)",
        "tags:(a AND b)",
        "tags:(a OR)",
        "tags:(a OR (b))",
        "state = (QUEUED)",
    ],
)
def test_what_does_not_parse_is_refused(text: str) -> None:
    with refusal(Reason.FILTER_INVALID):
        parse_filter(text, COLUMNS)


def test_every_value_counts_towards_the_limit_on_terms() -> None:
    with refusal(Reason.FILTER_INVALID, match="32 terms"):
        parse_filter(f"tags:({' OR '.join(f't{number}' for number in range(33))})", COLUMNS)
