"""Page tokens, etags, names and cursors: ours come back, everything else is refused."""

from __future__ import annotations

import base64
import json
from uuid import UUID, uuid4

import pytest
from locution_common.errors import Reason
from locution_gateway.jobs.watch import cursor_of, parse_cursor
from locution_gateway.platform.etags import etag, version
from locution_gateway.platform.ids import JobId, new_id
from locution_gateway.platform.listing import Position
from locution_gateway.platform.names import JOBS
from locution_gateway.platform.pages import Binding, page_size
from locution_gateway.platform.principal import Principal, Role, TenantId

from tests.support.refusals import refusal

WHO = Principal(TenantId(uuid4()), "somebody", Role.MEMBER)
POSITION = Position("2026-01-01T00:00:00+00:00", uuid4())


def test_a_token_comes_back_as_the_position() -> None:
    binding = Binding(WHO, "jobs", "state = QUEUED")
    assert binding.position(binding.token(POSITION)) == POSITION
    assert binding.token(None) == ""
    assert binding.position("") is None


@pytest.mark.parametrize("context", [("uploads", "state = QUEUED"), ("jobs", ""), ("jobs", "state = QUEUED", "")])
def test_a_token_of_another_list_is_refused(context: tuple[str, ...]) -> None:
    token = Binding(WHO, "jobs", "state = QUEUED").token(POSITION)
    with refusal(Reason.PAGE_TOKEN_INVALID):
        Binding(WHO, *context).position(token)
    with refusal(Reason.PAGE_TOKEN_INVALID):
        Binding(Principal(TenantId(uuid4()), "x", Role.MEMBER), "jobs", "state = QUEUED").position(token)


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "é",
        "====",
        encoded(1),
        encoded([]),
        encoded(["a", "b", "c"]),
        encoded({"a": 1}),
        encoded([1, 2, 3]),
        "\x00",
    ],
)
def test_a_malformed_token_is_refused(token: str) -> None:
    with refusal(Reason.PAGE_TOKEN_INVALID):
        Binding(WHO, "jobs").position(token)


def test_page_sizes() -> None:
    assert (page_size(0), page_size(7), page_size(5000), page_size(0, 200)) == (50, 7, 1000, 200)


def test_etags() -> None:
    assert version(etag(12)) == 12
    assert version("") is None
    for wrong in ("x", '"x"', "-1", "9" * 40):
        with refusal(Reason.ETAG_MISMATCH):
            version(wrong)


def test_names() -> None:
    found = uuid4()
    assert JOBS.find(f"jobs/{found}") == found
    for wrong in (
        "jobs/none",
        f"uploads/{found}",
        f"jobs/{found.hex}",
        f"jobs/{{{found}}}",
        "jobs/",
        "",
        f"jobs/{found}/x",
    ):
        assert JOBS.find(wrong) is None


def test_cursors() -> None:
    job = JobId(uuid4())
    assert parse_cursor(job, cursor_of(job, 17)) == 17
    assert parse_cursor(job, "") == 0
    for wrong in (
        cursor_of(JobId(uuid4()), 1),
        job.hex,
        f"{job.hex}.",
        f"{job.hex}.-1",
        f"{job.hex}.²",
        f"{job.hex}.{'9' * 30}",
    ):
        with refusal(Reason.CURSOR_INVALID):
            parse_cursor(job, wrong)


def test_ids_rise_with_time_and_are_version_seven() -> None:
    made = [new_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(one.version == 7 and one.variant == UUID(int=made[0].int).variant for one in made)
    assert [one.int >> 80 for one in made] == sorted(one.int >> 80 for one in made)
