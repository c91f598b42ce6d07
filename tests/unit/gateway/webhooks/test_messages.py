"""What is sent, how it is signed, and when it is tried again."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone
from uuid import UUID

import pytest
from locution_client.webhooks import SignatureInvalid, verify
from locution_common.errors import Reason
from locution_gateway.core.webhooks.manage import masked
from locution_gateway.core.webhooks.message import body_of, headers_of
from locution_gateway.core.webhooks.schedule import Schedule
from locution_gateway.core.webhooks.sign import new_secret, signature
from locution_gateway.domain.identity import TenantId
from locution_gateway.domain.jobs import JobId
from locution_gateway.domain.webhooks import (
    ENDS,
    DeliveryId,
    Dispatch,
    EventType,
    Outcome,
    WebhookChange,
    WebhookId,
)

from tests.support.refusals import refusal

TIME = datetime(2026, 11, 21, 13, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))
FAILED = Outcome(500, "answered 500")


def dispatch(event: EventType, job: int | None = 7, reason: Reason | None = None) -> Dispatch:
    return Dispatch(
        delivery_id=DeliveryId(UUID(int=1)),
        webhook_id=WebhookId(UUID(int=2)),
        tenant_id=TenantId(UUID(int=3)),
        event_type=event,
        job_id=None if job is None else JobId(UUID(int=job)),
        event_id=4,
        event_time=TIME,
        reason=reason,
        attempts=2,
        token=UUID(int=5),
        url="https://a.example/",
        secrets=("one", "two"),
        trace_context="",
    )


def test_a_body_names_and_does_not_quote() -> None:
    told = json.loads(body_of(dispatch(EventType.JOB_FAILED, reason=Reason.MEDIA_CORRUPT)))
    assert told == {
        "id": str(UUID(int=1)),
        "type": "job.failed",
        "create_time": "2026-11-21T12:00:00.000005Z",
        "sequence": 4,
        "job": {
            "name": f"jobs/{UUID(int=7)}",
            "state": "FAILED",
            "error": {"code": "INVALID_ARGUMENT", "reason": "MEDIA_CORRUPT"},
        },
    }
    assert set(json.loads(body_of(dispatch(EventType.TEST, None)))) == {"id", "type", "create_time"}


def test_a_body_stays_the_same_and_only_the_signature_is_fresh() -> None:
    one = dispatch(EventType.JOB_SUCCEEDED)
    body = body_of(one)
    assert body == body_of(one)
    first, second = (headers_of(one, body, seconds, "agent/1") for seconds in (100, 101))
    assert {name for name in first if first[name] != second[name]} == {"Locution-Signature"}
    assert (first["Locution-Event"], first["Locution-Attempt"]) == ("job.succeeded", "2")


def test_a_signature_is_an_hmac_over_time_and_body_by_each_secret() -> None:
    expected = [hmac.new(key, b"1700000000.{}", hashlib.sha256).hexdigest() for key in (b"one", b"two")]
    assert signature(("one", "two"), 1_700_000_000, b"{}") == f"t=1700000000,v1={expected[0]},v1={expected[1]}"


def test_secrets_are_long_and_never_the_same() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(secret.startswith("whsec_") and len(secret) == 49 and secret.isascii() for secret in made)


@pytest.mark.parametrize("secret", ["one", "two"])
def test_receivers_take_any_secret_that_is_good(secret: str) -> None:
    one = dispatch(EventType.JOB_SUCCEEDED)
    body = body_of(one)
    headers = headers_of(one, body, 1000, "agent/1")
    assert verify(headers, body, secret, now=1000)["type"] == "job.succeeded"
    assert verify({name.lower(): value for name, value in headers.items()}, body, secret, now=1299.9)


@pytest.mark.parametrize(
    ("change", "now"),
    [
        ({}, 1301),
        ({}, 699),
        ({"Locution-Signature": ""}, 1000),
        ({"Locution-Signature": "t=1000"}, 1000),
        ({"Locution-Signature": "v1=00"}, 1000),
        ({"Locution-Signature": "t=1000,v1="}, 1000),
        ({"Locution-Signature": "t=1000,t=1001,v1=00"}, 1000),
        ({"Locution-Signature": "t=-5,v1=00"}, 1000),
        ({"Locution-Signature": "t=1000,v1=ä"}, 1000),
        ({"Locution-Signature": "t=" + "9" * 400 + ",v1=00"}, 1000),
    ],
)
def test_receivers_refuse_what_is_old_or_not_signed(change: dict[str, str], now: float) -> None:
    one = dispatch(EventType.JOB_SUCCEEDED)
    headers = headers_of(one, body_of(one), 1000, "agent/1") | change
    with pytest.raises(SignatureInvalid):
        verify(headers, body_of(one), "one", now=now)


def test_receivers_refuse_another_body_secret_or_time() -> None:
    one = dispatch(EventType.JOB_SUCCEEDED)
    body, other = body_of(one), body_of(dispatch(EventType.JOB_FAILED))
    headers = headers_of(one, body, 1000, "agent/1")
    moved = {"Locution-Signature": headers["Locution-Signature"].replace("t=1000", "t=1001")}
    for wrong in ((headers, other, "one"), (headers, body, "three"), (moved, body, "one"), ({}, body, "one")):
        with pytest.raises(SignatureInvalid):
            verify(*wrong, now=1000)


def test_waits_double_to_a_ceiling_with_jitter_and_end() -> None:
    schedule = Schedule(10, timedelta(seconds=5), timedelta(seconds=60), timedelta(days=3))
    for attempt, full in enumerate((5, 10, 20, 40, 60, 60, 60, 60, 60), 1):
        waits = [schedule.delay(FAILED, attempt) for _ in range(50)]
        seconds = [wait.total_seconds() for wait in waits if wait is not None]
        assert len(seconds) == 50
        assert full / 2 <= min(seconds) < max(seconds) <= full
    assert schedule.delay(FAILED, 10) is None
    assert Schedule(1000, timedelta(seconds=5), timedelta(hours=1), timedelta()).delay(FAILED, 900) is not None


def test_a_receiver_is_left_alone_as_long_as_it_asks_within_reason() -> None:
    schedule = Schedule(10, timedelta(seconds=5), timedelta(seconds=60), timedelta(days=3))
    assert schedule.delay(Outcome(429, "answered 429", timedelta(seconds=30)), 1) == timedelta(seconds=30)
    assert schedule.delay(Outcome(429, "answered 429", timedelta(days=30)), 1) == timedelta(seconds=60)


def test_a_mask_names_what_changes() -> None:
    values = WebhookChange("label", "https://a.example/", (), True)
    assert masked(["url", "disabled"], values) == WebhookChange(url="https://a.example/", disabled=True)
    assert masked(["event_types"], values) == WebhookChange(event_types=ENDS)
    for wrong in ("secret", "name", "*"):
        with refusal(Reason.UPDATE_MASK_INVALID):
            masked([wrong], values)
