"""Which failures are tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from locution.v1 import error_reason_pb2
from locution_gateway.core.stages.policy import PERMANENT, RetryPolicy
from locution_gateway.domain.jobs import Failure

POLICY = RetryPolicy(4, timedelta(seconds=1), timedelta(seconds=5), timedelta(hours=1))


def failure(reason: str) -> Failure:
    return Failure("ABORTED", reason, "")


def test_every_permanent_reason_is_in_the_catalogue() -> None:
    known = {name.removeprefix("ERROR_REASON_") for name in list(error_reason_pb2.ErrorReason.keys())}
    assert known >= PERMANENT


@pytest.mark.parametrize("reason", sorted(PERMANENT))
def test_what_cannot_help_is_not_tried_again(reason: str) -> None:
    assert POLICY.delay(failure(reason), 1) is None


def test_backoff_doubles_with_jitter_to_its_ceiling_and_ends_with_the_attempts() -> None:
    for attempts, full in ((1, 1.0), (2, 2.0), (3, 4.0)):
        delay = POLICY.delay(failure("INFERENCE_FAILED"), attempts)
        assert delay is not None
        assert full / 2 <= delay.total_seconds() <= full
    assert POLICY.delay(failure("INFERENCE_FAILED"), 4) is None
    assert POLICY.backoff(30) <= timedelta(seconds=5)
