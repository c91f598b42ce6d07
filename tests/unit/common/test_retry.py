from __future__ import annotations

import random

import pytest
from locution_common.errors import DependencyUnavailable, Reason, Refused
from locution_common.retry import Backoff, retry

from tests.support.clock import ManualClock
from tests.support.refusals import refusal


class Flaky:
    """Fail with the given errors, one a call, then answer."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_delays_stay_below_their_growing_bound() -> None:
    backoff = Backoff(base=1, factor=2, cap=5, attempts=6, random=random.Random(1))
    for delay, bound in zip(backoff.delays(), [1, 2, 4, 5, 5], strict=True):
        assert 0 <= delay <= bound


async def test_transient_errors_are_tried_again() -> None:
    clock, flaky = ManualClock(), Flaky(DependencyUnavailable("a"), DependencyUnavailable("b", retry_after=7))
    assert await retry(flaky, clock=clock) == "answer"
    assert flaky.calls == 3
    assert clock.monotonic() >= 8  # 1 s is stated by the first error, 7 s by the second


async def test_other_errors_are_not() -> None:
    flaky = Flaky(Refused(Reason.INVALID_REQUEST, "no"))
    with refusal(Reason.INVALID_REQUEST):
        await retry(flaky, clock=ManualClock())
    assert flaky.calls == 1


async def test_attempts_run_out() -> None:
    flaky = Flaky(*[DependencyUnavailable(str(number)) for number in range(9)])
    with pytest.raises(DependencyUnavailable, match="2"):
        await retry(flaky, backoff=Backoff(attempts=3), clock=ManualClock())
    assert flaky.calls == 3


async def test_a_manual_clock_moves_with_its_sleepers() -> None:
    clock = ManualClock()
    before = clock.now()
    await clock.sleep(90)
    assert ((clock.now() - before).total_seconds(), clock.monotonic()) == (90, 90)
