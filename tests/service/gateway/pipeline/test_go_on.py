"""A short job's stages follow each other in one worker: leased anew each time, and lost to nobody when it dies."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from locution_gateway.jobs.models import StageKind
from locution_gateway.pipeline.models import SHORT, Decoded, LeaseLostError, SectionResult, StageWork
from locution_gateway.pipeline.policy import RetryPolicy
from locution_gateway.pipeline.postgres import LEAST_CHARGE
from locution_gateway.pipeline.worker import Limits, Worker

from tests.service.gateway.pipeline.conftest import Queue, tenant, until
from tests.service.gateway.pipeline.test_stages import ALL, LEASE, claim, decoded, joined

RESULT = SectionResult(b"x", 1.5)
CLIP = replace(decoded(1), audio_samples=SHORT, pcm=(b"pcm",))
FOREVER = timedelta(hours=1)


async def begun(queue: Queue) -> StageWork:
    """Claim and begin the next stage."""
    return await queue.stages.begin(await claim(queue))


async def test_a_short_job_is_worked_through_in_one_claim(queue: Queue) -> None:
    job_id = await queue.job(diarize=False)
    decode = await begun(queue)
    transcribe = await queue.stages.finish_decode(decode.lease, CLIP, LEASE)
    assert transcribe is not None
    assert (transcribe.lease.kind, transcribe.lease.attempts, transcribe.pcm) == (StageKind.TRANSCRIBE, 1, (b"pcm",))
    assert (transcribe.job.pcm_key, transcribe.sections) == (CLIP.pcm_key, CLIP.sections)
    assert await queue.stages.claim("other", LEASE, ALL) is None
    join = await queue.stages.finish_section(transcribe.lease, RESULT, LEASE)
    assert join is not None
    assert join.lease.kind is StageKind.JOIN
    (text,) = await queue.stages.finished(join.lease, (StageKind.TRANSCRIBE,))
    assert text.body == b"x"
    await queue.stages.finish_join(join.lease, joined())
    assert await queue.state(job_id) == "SUCCEEDED"
    rows = await queue.owner.fetch("SELECT worker, attempts, start_time < end_time AS ran FROM gateway.stages")
    assert [tuple(row) for row in rows] == [("test", 1, True)] * 3


async def test_a_long_job_takes_its_turns_in_the_queue(queue: Queue) -> None:
    await queue.job(diarize=False)
    decode = await begun(queue)
    assert await queue.stages.finish_decode(decode.lease, replace(CLIP, audio_samples=SHORT + 1), LEASE) is None
    transcribe = await begun(queue)
    assert await queue.stages.finish_section(transcribe.lease, RESULT, LEASE) is None
    assert (await claim(queue)).kind is StageKind.JOIN


async def test_what_a_worker_does_not_go_on_with_is_everybodys(queue: Queue) -> None:
    job_id = await queue.job()
    decode = await begun(queue)
    transcribe = await queue.stages.finish_decode(decode.lease, CLIP, LEASE)
    assert transcribe is not None
    assert await queue.stage_states(job_id) == {"DECODE": ["DONE"], "TRANSCRIBE": ["LEASED"], "DIARIZE": ["READY"]}
    diarize = await queue.stages.claim("other", LEASE, ALL)
    assert diarize is not None
    assert await queue.stages.finish_section(transcribe.lease, RESULT, LEASE) is None, "diarization is not over"
    cluster = await queue.stages.finish_section(diarize, RESULT, LEASE)
    assert cluster is not None
    assert cluster.lease.kind is StageKind.CLUSTER


@pytest.mark.parametrize("last", [StageKind.DECODE, StageKind.TRANSCRIBE])
async def test_another_worker_resumes_after_the_last_finished_stage(queue: Queue, last: StageKind) -> None:
    job_id = await queue.job(diarize=False)
    decode = await begun(queue)
    held = await queue.stages.finish_decode(decode.lease, CLIP, LEASE if last is StageKind.TRANSCRIBE else timedelta())
    assert held is not None
    if last is StageKind.TRANSCRIBE:
        held = await queue.stages.finish_section(held.lease, RESULT, timedelta())
        assert held is not None
    assert await queue.stages.reap(5, timedelta(), 10) == 1
    again = await begun(queue)
    assert (again.lease.stage_id, again.lease.attempts) == (held.lease.stage_id, 2)
    assert (await queue.stage_states(job_id))["DECODE"] == ["DONE"]
    for late in (
        queue.stages.renew(held.lease, LEASE, 0),
        queue.stages.finish_section(held.lease, RESULT, LEASE),
        queue.stages.finish_join(held.lease, joined()),
    ):
        with pytest.raises(LeaseLostError):
            await late
    join = again
    if last is StageKind.DECODE:
        following = await queue.stages.finish_section(again.lease, RESULT, LEASE)
        assert following is not None
        join = following
    await queue.stages.finish_join(join.lease, joined())
    assert await queue.state(job_id) == "SUCCEEDED"


async def test_a_cancellation_between_stages_is_seen(queue: Queue) -> None:
    job_id = await queue.job(diarize=False)
    decode = await begun(queue)
    transcribe = await queue.stages.finish_decode(decode.lease, CLIP, LEASE)
    assert transcribe is not None
    await queue.owner.execute("UPDATE gateway.jobs SET cancel_requested = true")
    assert await queue.stages.finish_section(transcribe.lease, RESULT, LEASE) is None
    assert await queue.state(job_id) == "CANCELLED"
    assert await queue.stage_states(job_id) == {"DECODE": ["DONE"], "TRANSCRIBE": ["DONE"]}


async def test_a_stage_without_a_claim_costs_its_tenant_the_same(queue: Queue) -> None:
    costs = {}
    for number, onward in ((1, None), (2, LEASE)):
        await queue.owner.execute("DELETE FROM gateway.queue_clocks")
        await queue.job(tenant=tenant(number), diarize=False)
        decode = await begun(queue)
        work = await queue.stages.finish_decode(decode.lease, CLIP, onward)
        work = work or await begun(queue)
        join = await queue.stages.finish_section(work.lease, RESULT, onward) or await begun(queue)
        await queue.stages.finish_join(join.lease, joined())
        costs[number] = await queue.owner.fetchval("SELECT finish_tag FROM gateway.queue_clocks")
    samples = CLIP.sections[0].end
    assert costs[1] == costs[2] == LEAST_CHARGE + SHORT + samples + SHORT


class Hand:
    """Finishes every stage at once, and keeps what it was asked."""

    def __init__(self, queue: Queue, result: Decoded = CLIP) -> None:
        self.stages = queue.stages
        self.decoded = result
        self.asked: list[tuple[StageKind, timedelta | None]] = []

    async def do(self, work: StageWork, _progress: Any, onward: timedelta | None) -> StageWork | None:
        self.asked.append((work.lease.kind, onward))
        if work.lease.kind is StageKind.DECODE:
            return await self.stages.finish_decode(work.lease, self.decoded, onward)
        if work.lease.kind is StageKind.JOIN:
            await self.stages.finish_join(work.lease, joined())
            return None
        return await self.stages.finish_section(work.lease, RESULT, onward)


@pytest.mark.parametrize(("stages", "onward"), [(1, None), (2, LEASE)])
@pytest.mark.parametrize("result", [CLIP, decoded(2)], ids=["short", "long"])
async def test_no_stage_waits_for_a_poll(queue: Queue, stages: int, onward: timedelta | None, result: Decoded) -> None:
    """A full worker goes on with nothing: the next stage belongs to the tenant whose turn it is."""
    hand: Any = Hand(queue, result)
    policy = RetryPolicy(5, timedelta(seconds=1), timedelta(seconds=60), timedelta(days=1))
    worker = Worker("test", queue.stages, hand, policy, Limits(stages, 1, LEASE, FOREVER))
    stopping, wake = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(worker.run(stopping, wake))
    try:
        job_id = await queue.job(diarize=False)
        wake.set()

        async def succeeded() -> bool:
            return await queue.state(job_id) == "SUCCEEDED"

        await until(succeeded)
    finally:
        stopping.set()
        await running
    kinds = [StageKind.DECODE, *[StageKind.TRANSCRIBE] * len(result.sections), StageKind.JOIN]
    assert [kind for kind, _ in hand.asked] == kinds
    assert hand.asked[0] == (StageKind.DECODE, onward)
