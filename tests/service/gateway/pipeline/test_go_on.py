"""A short job's stages follow each other in one worker: leased anew each time, and lost to nobody when it dies."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from locution_gateway.jobs.models import StageKind
from locution_gateway.pipeline.models import SHORT, Decoded, LeaseLostError, Onward, SectionResult, StageWork
from locution_gateway.pipeline.policy import RetryPolicy
from locution_gateway.pipeline.postgres import LEAST_CHARGE, PostgresStages
from locution_gateway.pipeline.worker import Limits, Worker
from locution_gateway.platform.ids import JobId

from tests.service.gateway.pipeline.conftest import Queue, tenant, unmeasured, until
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
        self.gates: dict[StageKind, asyncio.Event] = {}
        """A stage of the kind waits for its event before it is finished."""

    async def do(self, work: StageWork, _progress: Any, onward: Onward) -> StageWork | None:
        kind = work.lease.kind
        self.asked.append((kind, None))
        place = len(self.asked) - 1
        if kind in self.gates:
            await self.gates[kind].wait()
        if kind is StageKind.JOIN:
            await self.stages.finish_join(work.lease, joined())
            return None
        duration = onward()
        self.asked[place] = (kind, duration)
        if kind is StageKind.DECODE:
            return await self.stages.finish_decode(work.lease, self.decoded, duration)
        return await self.stages.finish_section(work.lease, RESULT, duration)

    def kinds(self) -> list[StageKind]:
        """Return the kinds of the stages that began."""
        return [kind for kind, _ in self.asked]


@pytest.mark.parametrize(("stages", "onward"), [(1, None), (2, LEASE)])
@pytest.mark.parametrize("result", [CLIP, decoded(2)], ids=["short", "long"])
async def test_no_stage_waits_for_a_poll(queue: Queue, stages: int, onward: timedelta | None, result: Decoded) -> None:
    """A full worker goes on with nothing: the next stage belongs to the tenant whose turn it is."""
    hand = Hand(queue, result)
    job_id = await queue.job(diarize=False)
    async with working(queue.stages, hand, stages):
        await until(lambda: succeeded(queue, job_id))
    assert hand.kinds() == [StageKind.DECODE, *[StageKind.TRANSCRIBE] * len(result.sections), StageKind.JOIN]
    assert hand.asked[0] == (StageKind.DECODE, onward)


async def test_the_place_of_a_decode_is_free_for_another_job_when_its_worker_goes_on(queue: Queue) -> None:
    hand = Hand(queue)
    hand.gates[StageKind.TRANSCRIBE] = asyncio.Event()
    jobs = [await queue.job(diarize=False) for _ in range(2)]
    both = [StageKind.DECODE, StageKind.TRANSCRIBE] * 2
    async with working(queue.stages, hand, 3) as worker:
        await until(lambda: _is(hand.kinds() == both))
        assert worker._running == Counter({StageKind.TRANSCRIBE: 2})
        hand.gates[StageKind.TRANSCRIBE].set()
        for job_id in jobs:
            await until(lambda job_id=job_id: succeeded(queue, job_id))
    assert worker._running.total() == 0


async def test_room_is_looked_for_when_a_stage_ends(queue: Queue) -> None:
    """The worker had room when the first stage began; the second job filled it."""
    hand = Hand(queue)
    hand.gates = {StageKind.DECODE: asyncio.Event(), StageKind.TRANSCRIBE: asyncio.Event()}
    await queue.job(diarize=False)
    async with working(queue.stages, hand, 2, decodes=2) as worker:
        await until(lambda: _is(hand.kinds() == [StageKind.DECODE]))
        await queue.job(diarize=False)
        worker._freed.set()
        await until(lambda: _is(hand.kinds() == [StageKind.DECODE] * 2 and worker._running.total() == 2))
        hand.gates[StageKind.DECODE].set()
        await until(lambda: _is(hand.kinds()[2:] == [StageKind.TRANSCRIBE] * 2))
    assert (StageKind.DECODE, None) in hand.asked[:2]


class Late:
    """The queue, whose answer to a finished stage comes only when the test lets it, after the transaction."""

    def __init__(self, stages: PostgresStages) -> None:
        self._stages = stages
        self.committed, self.answered = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stages, name)

    async def finish_decode(self, *arguments: Any) -> StageWork | None:
        following = await self._stages.finish_decode(*arguments)
        self.committed.set()
        await self.answered.wait()
        return following

    async def renew(self, *arguments: Any) -> bool:
        await self.committed.wait()
        try:
            return await self._stages.renew(*arguments)
        finally:
            self.answered.set()


async def test_a_heartbeat_that_meets_the_end_of_its_stage_loses_nothing(queue: Queue) -> None:
    stages: Any = Late(queue.stages)
    hand = Hand(queue)
    hand.stages = stages
    job_id = await queue.job(diarize=False)
    async with working(stages, hand, 2, lease=timedelta(seconds=3)):
        await until(lambda: succeeded(queue, job_id))
    assert hand.kinds() == [StageKind.DECODE, StageKind.TRANSCRIBE, StageKind.JOIN]
    assert await queue.owner.fetchval("SELECT max(attempts) FROM gateway.stages") == 1


async def test_a_drain_that_meets_the_end_of_a_stage_gives_back_the_next(queue: Queue) -> None:
    stages: Any = Late(queue.stages)
    hand = Hand(queue)
    hand.stages = stages
    job_id = await queue.job(diarize=False)
    stopping = asyncio.Event()
    async with working(stages, hand, 2, stopping=stopping) as worker:
        await stages.committed.wait()
        stopping.set()
        await until(lambda: _is(all(task.cancelling() for task in worker._held)))
        stages.answered.set()
    row = await queue.owner.fetchrow("SELECT state, attempts FROM gateway.stages WHERE kind = 'TRANSCRIBE'")
    assert tuple(row) == ("READY", 0)
    assert await queue.stage_states(job_id) == {"DECODE": ["DONE"], "TRANSCRIBE": ["READY"]}


async def test_a_next_row_at_the_end_of_its_bounds_is_leased(queue: Queue) -> None:
    await queue.job()
    await queue.stages.finish_decode((await begun(queue)).lease, CLIP)
    transcribe = await queue.stages.begin(await claim(queue, StageKind.TRANSCRIBE))
    await queue.owner.execute("UPDATE gateway.stages SET attempts = 1000000000 WHERE kind = 'DIARIZE'")
    following = await queue.stages.finish_section(transcribe.lease, RESULT, LEASE)
    assert following is not None
    assert (following.lease.kind, following.lease.attempts) == (StageKind.DIARIZE, 1_000_000_000)


async def test_a_next_row_that_cannot_be_leased_costs_no_result(queue: Queue) -> None:
    job_id = await queue.job(diarize=False)
    await queue.stages.finish_decode((await begun(queue)).lease, CLIP)
    transcribe = await begun(queue)
    await queue.owner.execute(
        "ALTER TABLE gateway.stages ADD CONSTRAINT damaged CHECK (kind <> 'JOIN' OR state <> 'LEASED')"
    )
    assert await queue.stages.finish_section(transcribe.lease, RESULT, LEASE) is None
    assert await queue.stage_states(job_id) == {"DECODE": ["DONE"], "TRANSCRIBE": ["DONE"], "JOIN": ["READY"]}
    assert await queue.owner.fetchval("SELECT body FROM gateway.stage_results") == RESULT.body


@asynccontextmanager
async def working(
    stages: PostgresStages,
    hand: Any,
    places: int,
    *,
    decodes: int = 1,
    lease: timedelta = LEASE,
    stopping: asyncio.Event | None = None,
) -> AsyncIterator[Worker]:
    """Run a worker that never polls, until `stopping` or the end of the block."""
    policy = RetryPolicy(5, timedelta(seconds=1), timedelta(seconds=60), timedelta(days=1))
    worker = Worker("test", stages, hand, policy, Limits(places, decodes, lease, FOREVER), unmeasured())
    stopping, wake = stopping or asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(worker.run(stopping, wake))
    try:
        yield worker
    finally:
        stopping.set()
        await running


async def succeeded(queue: Queue, job_id: JobId) -> bool:
    return await queue.state(job_id) == "SUCCEEDED"


async def _is(value: bool) -> bool:
    return value
