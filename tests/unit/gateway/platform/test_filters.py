"""Filters and orders: what parses, and that everything else is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from locution_common.errors import Reason
from locution_gateway.jobs.postgres.jobs import COLUMNS
from locution_gateway.platform.filters import MAX_TERMS, parse_filter, parse_order
from locution_gateway.platform.listing import Filter, Operator, Order, Term

from tests.support.refusals import refusal

ID = UUID("01a1fca5-0ba2-7f5e-80dd-8eea55713406")


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("", ()),
        ("  ", ()),
        ("state = RUNNING", ((Term("state", Operator.EQUAL, "RUNNING"),),)),
        ("state!=RUNNING", ((Term("state", Operator.NOT_EQUAL, "RUNNING"),),)),
        ("tags:finance", ((Term("tags", Operator.HAS, "finance"),),)),
        ('display_name = "call*"', ((Term("display_name", Operator.BEGINS, "call"),),)),
        ('display_name = "a \\"b\\" \\\\ c"', ((Term("display_name", Operator.EQUAL, 'a "b" \\ c'),),)),
        (
            'create_time > "2026-01-01T00:00:00Z"',
            ((Term("create_time", Operator.GREATER, datetime(2026, 1, 1, tzinfo=UTC)),),),
        ),
        ("create_time <= 2026-01-01", ((Term("create_time", Operator.AT_MOST, datetime(2026, 1, 1, tzinfo=UTC)),),)),
        (f'retry_of = "jobs/{ID}"', ((Term("retry_of", Operator.EQUAL, ID),),)),
        (
            "(tags:a OR tags:b) AND tags:c",
            (
                (Term("tags", Operator.HAS, "a"), Term("tags", Operator.HAS, "b")),
                (Term("tags", Operator.HAS, "c"),),
            ),
        ),
        (
            "tags:a OR tags:b AND tags:c",
            (
                (Term("tags", Operator.HAS, "a"), Term("tags", Operator.HAS, "b")),
                (Term("tags", Operator.HAS, "c"),),
            ),
        ),
        ('tags:"AND"', ((Term("tags", Operator.HAS, "AND"),),)),
    ],
)
def test_what_parses(text: str, groups: tuple[tuple[Term, ...], ...]) -> None:
    assert parse_filter(text, COLUMNS) == Filter(groups)


@pytest.mark.parametrize(
    "text",
    [
        'colour = "red"',
        "state",
        "state =",
        "= RUNNING",
        "state = ASLEEP",
        "state > RUNNING",
        "tags = finance",
        "tags:a tags:b",
        "tags:a AND",
        "AND tags:a",
        "(tags:a",
        "tags:a)",
        "tags:a OR OR tags:b",
        "create_time > yesterday",
        'retry_of = "uploads/x"',
        f'retry_of = "jobs/{str(ID).upper()}"',
        'display_name = "open',
        "NOT tags:a",
        "state = RUNNING; DROP TABLE jobs",
        "((tags:a))",
        "\x00",
        " AND ".join(["tags:a"] * (MAX_TERMS + 1)),
    ],
)
def test_what_is_refused(text: str) -> None:
    with refusal(Reason.FILTER_INVALID) as refused:
        parse_filter(text, COLUMNS)
    assert refused.value.violations[0].field == "filter"


def test_orders() -> None:
    assert parse_order("", COLUMNS, Order()) == Order("create_time", True)
    assert parse_order("end_time", COLUMNS, Order()) == Order("end_time", False)
    assert parse_order(" display_name  desc ", COLUMNS, Order()) == Order("display_name", True)
    for wrong in ("colour", "create_time down", "create_time desc desc", "create_time, end_time"):
        with refusal(Reason.FILTER_INVALID):
            parse_order(wrong, COLUMNS, Order())
