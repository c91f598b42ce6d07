"""Slices of token buckets, on a clock that the test moves."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message
from locution.v1 import job_service_pb2 as jobs
from locution_common.errors import Reason, Refused
from locution_gateway.quotas.layers import extra_tokens
from locution_gateway.quotas.models import Slice
from locution_gateway.quotas.rates import Rates, burst, slice_size

from tests.support.clock import ManualClock
from tests.support.refusals import refusal

RATE = 20.0


class Buckets:
    """Buckets as the database keeps them, on the test's clock."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[float, float]] = {}
        self.leases = 0

    async def lease(self, bucket: str, rate: float, burst: float, want: float) -> Slice:
        self.leases += 1
        now = self._clock.monotonic()
        tokens, time = self._kept.get(bucket, (burst, now))
        full = min(burst, tokens + rate * (now - time))
        granted = float(min(want, int(full))) if full >= 1 else 0.0
        self._kept[bucket] = (full - granted, now)
        return Slice(granted, full - granted)


async def spend(rates: Rates, attempts: int) -> int:
    served = 0
    for _ in range(attempts):
        try:
            await rates.take("b", RATE, "principal")
            served += 1
        except Refused:
            pass
    return served


async def test_a_slice_is_spent_without_asking() -> None:
    clock = ManualClock()
    buckets = Buckets(clock)
    assert await spend(Rates(buckets, clock), 5) == 5
    assert buckets.leases == 1


async def test_an_empty_bucket_is_not_asked_again_before_it_can_hold_a_token() -> None:
    clock = ManualClock()
    buckets = Buckets(clock)
    rates = Rates(buckets, clock)
    assert await spend(rates, 1000) == burst(RATE)
    asked = buckets.leases
    assert await spend(rates, 1000) == 0
    assert buckets.leases == asked
    clock.advance(1 / RATE)
    assert await spend(rates, 10) == 1


async def test_replicas_together_overshoot_by_a_slice_each_at_most() -> None:
    clock = ManualClock()
    buckets = Buckets(clock)
    replicas = [Rates(buckets, clock) for _ in range(4)]
    served = 0
    for _ in range(100):
        for replica in replicas:
            served += await spend(replica, 5)
        clock.advance(0.05)
    assert served <= burst(RATE) + RATE * 5 + len(replicas) * slice_size(RATE)
    assert served >= RATE * 5


async def test_a_large_request_costs_more_and_never_more_than_the_bucket_holds() -> None:
    clock = ManualClock()
    rates = Rates(Buckets(clock), clock)
    for _ in range(int(burst(RATE) // 8)):
        await rates.take("b", RATE, "principal", 8)
    with refusal(Reason.RATE_LIMITED):
        await rates.take("b", RATE, "principal", 8)
    clock.advance(60)
    await rates.take("b", RATE, "principal", 1_000_000)
    with refusal(Reason.RATE_LIMITED):
        await rates.take("b", RATE, "principal")


@pytest.mark.parametrize(
    ("request_", "tokens"),
    [
        (jobs.ListJobsRequest(), 0),
        (jobs.ListJobsRequest(page_size=1000), 10),
        (jobs.GetJobRequest(name="x" * 100_000), 6),
    ],
)
def test_bytes_and_rows_are_what_a_request_costs(request_: Message, tokens: int) -> None:
    assert extra_tokens(request_) == tokens


async def test_the_refusal_says_when_to_come_back() -> None:
    clock = ManualClock()
    rates = Rates(Buckets(clock), clock)
    await spend(rates, 1000)
    with refusal(Reason.RATE_LIMITED) as refused:
        await rates.take("b", RATE, "principal")
    assert refused.value.retry_after == pytest.approx(1 / RATE, abs=0.01)
