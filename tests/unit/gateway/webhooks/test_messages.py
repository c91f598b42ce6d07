"""What is sent, how it is signed, and when it is tried again."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from uuid import UUID

import pytest
from locution_common.errors import Reason
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.principal import TenantId
from locution_gateway.webhooks.manage import masked
from locution_gateway.webhooks.message import body_of, headers_of
from locution_gateway.webhooks.models import (
    ENDS,
    DeliveryId,
    Dispatch,
    EventType,
    Outcome,
    SignatureScheme,
    WebhookChange,
    WebhookId,
)
from locution_gateway.webhooks.schedule import Schedule
from locution_gateway.webhooks.sign import new_secret, public_key, scheme_of, signatures

from tests.support import standard_webhooks
from tests.support.refusals import refusal
from tests.support.standard_webhooks import WebhookVerificationError, verify, verify_by_public_key

TIME = datetime(2026, 11, 21, 13, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))
SECRETS = tuple(f"whsec_{base64.b64encode(name.encode() * 8).decode()}" for name in ("one", "two"))
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
        secrets=SECRETS,
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
    assert {name for name in first if first[name] != second[name]} == {"webhook-timestamp", "webhook-signature"}
    assert (first["webhook-id"], first["webhook-timestamp"]) == (str(UUID(int=1)), "100")


# The vectors of the specification (standard-webhooks, spec/standard-webhooks.md) and of its libraries.
ID, SECONDS, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SHARED = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
PRIVATE = (
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==",
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
)


def test_signatures_are_those_of_the_specification_one_by_each_secret() -> None:
    assert signatures([SHARED[0], PRIVATE[0]], ID, SECONDS, BODY) == f"{SHARED[1]} {PRIVATE[1]}"
    assert public_key(PRIVATE[0]) == "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
    assert public_key(SHARED[0]) is None


def test_secrets_are_long_and_never_the_same() -> None:
    for scheme, prefix, size in ((SignatureScheme.HMAC_SHA256, "whsec_", 32), (SignatureScheme.ED25519, "whsk_", 64)):
        made = {new_secret(scheme) for _ in range(100)}
        assert len(made) == 100
        assert all(scheme_of(secret) is scheme for secret in made)
        assert {len(base64.b64decode(secret.removeprefix(prefix), validate=True)) for secret in made} == {size}


@pytest.mark.parametrize("secret", SECRETS)
def test_receivers_take_any_secret_that_is_good(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one = dispatch(EventType.JOB_SUCCEEDED)
    body = body_of(one)
    headers = headers_of(one, body, 1000, "agent/1")
    standard_webhooks.now_is(1000, monkeypatch)
    assert verify(headers, body, secret)["type"] == "job.succeeded"
    standard_webhooks.now_is(1299.9, monkeypatch)
    assert verify({name.upper(): value for name, value in headers.items()}, body, secret)


def test_receivers_take_the_public_key_of_any_private_one_that_is_good() -> None:
    keys = [new_secret(SignatureScheme.ED25519) for _ in range(2)]
    one = replace(dispatch(EventType.JOB_SUCCEEDED), secrets=tuple(keys))
    body = body_of(one)
    headers = headers_of(one, body, 1000, "agent/1")
    for key in keys:
        assert verify_by_public_key(headers, body, public_key(key) or "")["type"] == "job.succeeded"
    other = public_key(new_secret(SignatureScheme.ED25519)) or ""
    for wrong in ((headers, body, other), (headers, body + b" ", public_key(keys[0]) or "")):
        with pytest.raises(WebhookVerificationError):
            verify_by_public_key(*wrong)


@pytest.mark.parametrize(
    ("change", "now"),
    [
        ({}, 1301),
        ({}, 699),
        ({"webhook-signature": ""}, 1000),
        ({"webhook-signature": "v1,"}, 1000),
        ({"webhook-signature": "v1a,AA=="}, 1000),
        ({"webhook-timestamp": ""}, 1000),
        ({"webhook-timestamp": "-5"}, 1000),
        ({"webhook-timestamp": "9" * 400}, 1000),
        ({"webhook-id": ""}, 1000),
        ({"webhook-id": "another"}, 1000),
    ],
)
def test_receivers_refuse_what_is_old_or_not_signed(
    change: dict[str, str], now: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = dispatch(EventType.JOB_SUCCEEDED)
    headers = headers_of(one, body_of(one), 1000, "agent/1") | change
    standard_webhooks.now_is(now, monkeypatch)
    with pytest.raises(WebhookVerificationError):
        verify(headers, body_of(one), SECRETS[0])


def test_receivers_refuse_another_body_secret_or_time(monkeypatch: pytest.MonkeyPatch) -> None:
    one = dispatch(EventType.JOB_SUCCEEDED)
    body, other = body_of(one), body_of(dispatch(EventType.JOB_FAILED))
    headers = headers_of(one, body, 1000, "agent/1")
    moved = headers | {"webhook-timestamp": "1001"}
    standard_webhooks.now_is(1000, monkeypatch)
    mine = SECRETS[0]
    for wrong in ((headers, other, mine), (headers, body, SHARED[0]), (moved, body, mine), ({}, body, mine)):
        with pytest.raises(WebhookVerificationError):
            verify(*wrong)


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
