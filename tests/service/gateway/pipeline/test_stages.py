"""The lease rules and the way of a job through its stages, on a real Postgres."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from locution_common.errors import Reason, Refused
from locution_gateway.jobs.convert import job_to_proto
from locution_gateway.jobs.models import Failure, JobWarning, Section, StageKind, StageLease, WarningCode
from locution_gateway.jobs.postgres import rows
from locution_gateway.media.models import AudioTrack, Media
from locution_gateway.pipeline.models import Decoded, Joined, LeaseLostError, SectionResult
from locution_gateway.transcripts.models import TranscriptSummary
from locution_speech.transcript import CoverageSpan, Outcome, Segment

from tests.service.gateway.pipeline.conftest import Queue, tenant

LEASE = timedelta(seconds=30)
ALL = tuple(StageKind)
MINUTE = 60 * 16_000
CORRUPT = Failure(Reason.MEDIA_CORRUPT, "nothing decodes")
CRASH = Failure(Reason.MEDIA_DECODER_CRASHED, "the decoder died")


async def claim(queue: Queue, *kinds: StageKind) -> StageLease:
    lease = await queue.stages.claim("test", LEASE, kinds or ALL)
    assert lease is not None
    return lease


def decoded(sections: int) -> Decoded:
    cuts = tuple(Section(index, index * MINUTE, (index + 1) * MINUTE) for index in range(sections))
    return Decoded("tenant/pcm", sections * MINUTE, 1, cuts)


def joined() -> Joined:
    coverage = (CoverageSpan(0, MINUTE, Outcome.TRANSCRIBED),)
    summary = TranscriptSummary(MINUTE, "en", None, None, coverage, 1.0, 2)
    return Joined(summary, (Segment(0, 10, "one"), Segment(10, 20, "two")), (), MINUTE)


async def finish(queue: Queue, *kinds: StageKind, body: bytes = b"x") -> None:
    """Finish every stage of the kinds that is ready."""
    while lease := await queue.stages.claim("test", LEASE, kinds):
        await queue.stages.begin(lease)
        await queue.stages.finish_section(lease, SectionResult(body, 1.5))


async def test_a_job_goes_through_all_its_stages_to_a_transcript(queue: Queue) -> None:
    job_id = await queue.job()
    lease = await claim(queue)
    work = await queue.stages.begin(lease)
    assert (lease.kind, lease.attempts, work.job.job_id) == (StageKind.DECODE, 1, job_id)
    assert await queue.state(job_id) == "RUNNING"
    await queue.stages.finish_decode(lease, decoded(2))
    assert await queue.stage_states(job_id) == {
        "DECODE": ["DONE"], "TRANSCRIBE": ["READY", "READY"], "DIARIZE": ["READY", "READY"],
    }  # fmt: skip
    await finish(queue, StageKind.TRANSCRIBE)
    assert "JOIN" not in await queue.stage_states(job_id)
    await finish(queue, StageKind.DIARIZE)
    assert (await queue.stage_states(job_id))["CLUSTER"] == ["READY"]
    await finish(queue, StageKind.CLUSTER)
    lease = await claim(queue)
    assert lease.kind is StageKind.JOIN
    siblings = await queue.stages.finished(lease, (StageKind.TRANSCRIBE, StageKind.CLUSTER))
    assert [(s.kind, s.section, s.body) for s in siblings] == [
        (StageKind.CLUSTER, 0, b"x"), (StageKind.TRANSCRIBE, 0, b"x"), (StageKind.TRANSCRIBE, 1, b"x"),
    ]  # fmt: skip
    await queue.stages.finish_join(lease, joined())
    assert await queue.state(job_id) == "SUCCEEDED"
    texts = await queue.owner.fetch("SELECT body->>'text' FROM gateway.segments ORDER BY position")
    assert [text for (text,) in texts] == ["one", "two"]


async def test_events_tell_the_whole_story_with_rising_ids(queue: Queue) -> None:
    job_id = await queue.job(diarize=False)
    lease = await claim(queue)
    await queue.stages.begin(lease)
    await queue.stages.finish_decode(lease, decoded(1))
    await finish(queue, StageKind.TRANSCRIBE)
    await queue.stages.finish_join(await claim(queue), joined())
    rows = await queue.owner.fetch(
        "SELECT event_id, kind, payload FROM gateway.job_events WHERE job_id = $1 ORDER BY event_id", job_id
    )
    assert [row["event_id"] for row in rows] == list(range(1, len(rows) + 1))
    states = [row["payload"]["state"] for row in rows if row["kind"] == "STATE_CHANGED"]
    assert states == ["RUNNING", "SUCCEEDED"]
    assert "SECTION_FINISHED" in {row["kind"] for row in rows}


async def test_a_live_lease_is_not_claimed_again(queue: Queue) -> None:
    await queue.job()
    await claim(queue)
    assert await queue.stages.claim("other", LEASE, ALL) is None


async def test_a_stale_holder_changes_nothing(queue: Queue) -> None:
    job_id = await queue.job()
    stale = await queue.stages.claim("stale", timedelta(), ALL)
    assert stale is not None
    assert await queue.stages.reap(5, timedelta(), 10) == 1
    fresh = await claim(queue)
    before = await queue.owner.fetch("SELECT * FROM gateway.stages")
    for write in (
        queue.stages.begin(stale),
        queue.stages.renew(stale, LEASE, 5),
        queue.stages.finish_decode(stale, decoded(1)),
        queue.stages.finish_section(stale, SectionResult(b"late", 1.0)),
        queue.stages.finish_join(stale, joined()),
        queue.stages.fail(stale, CRASH, timedelta(), 5),
        queue.stages.give_back(stale, CRASH, timedelta(), LEASE),
        queue.stages.cancel(stale),
    ):
        with pytest.raises(LeaseLostError):
            await write
    assert await queue.owner.fetch("SELECT * FROM gateway.stages") == before
    assert (fresh.attempts, await queue.state(job_id)) == (2, "QUEUED")


async def test_the_attempts_cap_buries_a_stage_whose_workers_die(queue: Queue) -> None:
    job_id = await queue.job()
    for _ in range(3):
        assert await queue.stages.claim("dies", timedelta(), ALL)
        assert await queue.stages.reap(3, timedelta(), 10) == 1
    assert await queue.state(job_id) == "FAILED"
    error = await queue.owner.fetchval("SELECT error FROM gateway.jobs")
    assert error["reason"] == "JOB_ATTEMPTS_EXHAUSTED"


async def test_a_permanent_failure_of_decoding_fails_the_job_with_its_reason(queue: Queue) -> None:
    job_id = await queue.job()
    lease = await claim(queue)
    await queue.stages.begin(lease)
    await queue.stages.fail(lease, CORRUPT, None, 5)
    assert await queue.state(job_id) == "FAILED"
    assert (await queue.owner.fetchval("SELECT error FROM gateway.jobs"))["reason"] == "MEDIA_CORRUPT"


async def test_a_failed_attempt_waits_its_backoff(queue: Queue) -> None:
    await queue.job()
    lease = await claim(queue)
    await queue.stages.fail(lease, CRASH, timedelta(seconds=60), 5)
    assert await queue.stages.claim("test", LEASE, ALL) is None
    await queue.owner.execute("UPDATE gateway.stages SET ready_time = now()")
    assert (await claim(queue)).attempts == 2


async def test_giving_back_uses_no_attempt_until_the_job_is_too_old(queue: Queue) -> None:
    job_id = await queue.job()
    for _ in range(3):
        lease = await claim(queue)
        assert lease.attempts == 1
        await queue.stages.give_back(lease, CRASH, timedelta(), timedelta(hours=1))
    await queue.owner.execute("UPDATE gateway.jobs SET create_time = now() - interval '2 hours'")
    await queue.stages.give_back(await claim(queue), CRASH, timedelta(), timedelta(hours=1))
    assert await queue.state(job_id) == "FAILED"
    assert (await queue.owner.fetchval("SELECT error FROM gateway.jobs"))["reason"] == "JOB_EXPIRED"


async def test_one_failed_section_leaves_the_job_to_succeed(queue: Queue) -> None:
    await queue.job(diarize=False)
    await queue.stages.finish_decode(await claim(queue), decoded(2))
    await queue.stages.fail(await claim(queue), CRASH, None, 5)
    await finish(queue, StageKind.TRANSCRIBE)
    lease = await claim(queue)
    assert lease.kind is StageKind.JOIN
    failures = [stage.failure for stage in await queue.stages.finished(lease, (StageKind.TRANSCRIBE,))]
    assert [failure and failure.reason for failure in failures] == ["MEDIA_DECODER_CRASHED", None]


async def test_a_job_without_any_section_fails(queue: Queue) -> None:
    job_id = await queue.job()
    await queue.stages.finish_decode(await claim(queue), decoded(2))
    for _ in range(2):
        await queue.stages.fail(await claim(queue, StageKind.TRANSCRIBE), CRASH, None, 5)
    assert await queue.state(job_id) == "FAILED"
    assert (await queue.stage_states(job_id))["DIARIZE"] == ["CANCELLED", "CANCELLED"]


async def test_failed_diarization_goes_on_without_speakers(queue: Queue) -> None:
    job_id = await queue.job()
    await queue.stages.finish_decode(await claim(queue), decoded(1))
    await queue.stages.fail(await claim(queue, StageKind.DIARIZE), CRASH, None, 5)
    await finish(queue, StageKind.TRANSCRIBE)
    states = await queue.stage_states(job_id)
    assert (states["JOIN"], "CLUSTER" in states) == (["READY"], False)


async def test_cancelling_ends_ready_stages_and_the_job_with_its_last_leased_one(queue: Queue) -> None:
    job_id = await queue.job()
    await queue.stages.finish_decode(await claim(queue), decoded(2))
    held = await claim(queue)
    await queue.owner.execute("UPDATE gateway.jobs SET cancel_requested = true")
    assert await queue.stages.renew(held, LEASE, 100)
    await queue.stages.cancel(held)
    assert await queue.state(job_id) == "CANCELLED"
    assert "READY" not in {state for states in (await queue.stage_states(job_id)).values() for state in states}


async def test_terminal_states_never_change(queue: Queue) -> None:
    await queue.job()
    await queue.stages.fail(await claim(queue), CORRUPT, None, 5)
    with pytest.raises(Exception, match="cannot go from FAILED to RUNNING"):
        await queue.owner.execute("UPDATE gateway.jobs SET state = 'RUNNING', error = NULL, end_time = NULL")


async def test_warnings_of_decoding_stand_on_the_job(queue: Queue) -> None:
    await queue.job()
    short = Decoded("k", MINUTE, 1, (Section(0, 0, MINUTE),), (JobWarning(WarningCode.MEDIA_TRUNCATED, "at 1 s"),))
    await queue.stages.finish_decode(await claim(queue), short)
    assert [w["code"] for w in await queue.owner.fetchval("SELECT warnings FROM gateway.jobs")] == ["MEDIA_TRUNCATED"]


async def test_what_the_recording_is_stands_on_the_job(queue: Queue) -> None:
    job_id = await queue.job()
    track = AudioTrack("aac", 48_000, 2, "ger", "Erzählerin", 60.5, True, True)
    decoded = Decoded("k", MINUTE, 1, (Section(0, 0, MINUTE),), media=Media("matroska,webm", (track,), 61.25))
    await queue.stages.finish_decode(await claim(queue), decoded)
    row = await queue.owner.fetchrow(f"{rows.SELECT} WHERE j.job_id = $1", job_id)
    assert rows.job_from_row(row).media == decoded.media
    media = job_to_proto(rows.job_from_row(row)).media
    assert (media.container, media.duration.ToTimedelta()) == ("matroska,webm", timedelta(seconds=61.25))
    (shown,) = media.tracks
    assert (shown.index, shown.codec, shown.sample_rate_hertz, shown.channels) == (0, "aac", 48_000, 2)
    assert (shown.language, shown.title, shown.default_track, shown.used) == ("ger", "Erzählerin", True, True)
    assert shown.duration.ToTimedelta() == timedelta(seconds=60.5)


async def test_tenants_take_turns_by_audio_and_priority_orders_within_one(queue: Queue) -> None:
    loud, quiet = tenant(1), tenant(2)
    for _ in range(4):
        await queue.job(tenant=loud)
    urgent = await queue.job(tenant=loud, priority=5)
    await queue.job(tenant=quiet)
    leases = [await claim(queue) for _ in range(4)]
    assert [lease.tenant_id for lease in leases[:2]] in ([loud, quiet], [quiet, loud])
    first_of_loud = next(lease for lease in leases if lease.tenant_id == loud)
    assert first_of_loud.job_id == urgent


async def test_a_tenant_that_was_idle_saves_up_no_credit(queue: Queue) -> None:
    idle, busy = tenant(1), tenant(2)
    await queue.job(tenant=idle)
    await claim(queue)
    for _ in range(20):
        await queue.job(tenant=busy)
        await claim(queue)
    for each in (idle, busy):
        for _ in range(6):
            await queue.job(tenant=each)
    turns = [(await claim(queue)).tenant_id for _ in range(8)]
    assert 3 <= turns.count(busy) <= 5


async def test_many_workers_claim_each_stage_once(queue: Queue) -> None:
    for _ in range(30):
        await queue.job()
    claims = await asyncio.gather(*(queue.stages.claim(f"w{n}", LEASE, ALL) for n in range(40)))
    held = [lease.stage_id for lease in claims if lease]
    assert len(held) == len(set(held)) == 30


async def test_a_database_that_is_away_is_a_documented_error(queue: Queue, postgres: object) -> None:
    await queue.job()
    postgres.stop()  # type: ignore[attr-defined]
    try:
        with pytest.raises(Refused) as caught:
            await queue.stages.claim("test", LEASE, ALL)
        assert caught.value.reason == "DEPENDENCY_UNAVAILABLE"
    finally:
        postgres.start()  # type: ignore[attr-defined]
