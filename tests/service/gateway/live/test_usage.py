"""A live session's audio is charged once as it is delivered: resumed, thrown away, or kept as a job."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from locution.v1 import job_service_pb2 as jobs
from locution.v1 import live_service_pb2 as pb

from tests.service.gateway.client import reason
from tests.service.gateway.live.conftest import House, ServeLive
from tests.service.gateway.live.talk import SECOND, config, noise

CHARGED = "SELECT coalesce(sum(audio_samples), 0)::bigint FROM gateway.usage"


async def charged(house: House) -> int:
    return int(await house.gateway.owner.fetchval(CHARGED))


async def test_a_session_that_is_thrown_away_is_charged_to_the_last_sample(house: House) -> None:
    audio = noise(5.3)
    await house.speaker.whole(audio)
    assert await charged(house) == len(audio)


async def test_text_that_never_became_final_is_charged_when_the_session_ends(house: House) -> None:
    talk = house.speaker.talk()
    started = await talk.begin()
    await talk.send(noise(0.8))
    await talk.until_ack(12_800)
    while not talk.partials:
        assert await talk.hear() is not None
    assert talk.joined
    await talk.leave()
    assert not talk.finals
    assert await charged(house) == 0
    await house.speaker.stub.EndSession(pb.EndSessionRequest(name=started.session))
    assert 0 < await charged(house) <= 12_800


async def test_a_session_that_is_ended_under_its_stream_is_charged(house: House) -> None:
    talk = house.speaker.talk()
    started = await talk.begin()
    await talk.send(noise(0.8))
    await talk.until_ack(12_800)
    await house.speaker.stub.EndSession(pb.EndSessionRequest(name=started.session))
    assert await charged(house) == 12_800
    assert await reason(talk.rest()) == "LIVE_SESSION_ENDED"


async def test_audio_that_a_resumed_stream_hears_again_is_charged_once(house: House) -> None:
    audio, talk = noise(4.0), house.speaker.talk()
    token = (await talk.begin()).resume_token
    await talk.send(audio[: 2 * SECOND])
    await talk.until_ack(2 * SECOND)
    await talk.until_final(1)
    await talk.leave()
    assert 0 < await charged(house) <= 2 * SECOND
    again = house.speaker.talk()
    await again.resume(token)
    await again.send(audio[2 * SECOND :], 2 * SECOND)
    await again.finish()
    assert await charged(house) == len(audio)


@pytest.mark.parametrize("remembered", [True, False], ids=["at once", "when the request is forgotten"])
async def test_the_job_that_a_session_becomes_is_not_charged_again(house: House, remembered: bool) -> None:
    """Sections are finished here as a worker finishes them: by the update that the charge hangs on."""
    audio, owner = noise(3.0), house.gateway.owner
    talk = await house.speaker.whole(audio, config(afterwards=pb.LiveConfig.AFTERWARDS_JOB))
    assert talk.done is not None
    assert await charged(house) == len(audio)
    job = await owner.fetchrow("SELECT job_id, tenant_id FROM gateway.jobs")
    assert job is not None
    if not remembered:
        await owner.execute("DELETE FROM gateway.requests")
    await finish_section(house, job["job_id"], 0, 2 * SECOND)
    assert await charged(house) == len(audio)
    await finish_section(house, job["job_id"], 2 * SECOND, len(audio) + 100)
    assert await charged(house) == len(audio) + 100, "what was not delivered live is charged when the job delivers it"


@pytest.mark.parametrize("named", ["the session", "anything"])
async def test_a_clients_job_is_charged_however_its_request_is_called(house: House, named: str) -> None:
    """A request id says nothing: neither does it save a charge, nor does it stand in the way of the session's own job."""
    audio, owner = noise(3.0), house.gateway.owner
    talk = house.speaker.talk()
    started = await talk.begin(config(afterwards=pb.LiveConfig.AFTERWARDS_JOB))
    session = started.session.split("/")[1] if named == "the session" else "anything"
    upload = await house.gateway.client.upload(audio.tobytes())
    asked = await house.gateway.client.job(upload.name, request_id=f"live-{session}")
    await talk.send(audio)
    await talk.finish()
    assert talk.done is not None
    assert talk.done.job not in ("", asked.name)
    assert await charged(house) == len(audio)
    paid = "SELECT paid_samples FROM gateway.jobs WHERE job_id = $1"
    assert await owner.fetchval(paid, asked.name.split("/")[1]) is None
    assert await owner.fetchval(paid, talk.done.job.split("/")[1]) == len(audio)
    await finish_section(house, asked.name.split("/")[1], 0, len(audio))
    assert await charged(house) == 2 * len(audio)
    await finish_section(house, talk.done.job.split("/")[1], 0, len(audio))
    assert await charged(house) == 2 * len(audio)


async def test_a_retry_of_what_a_session_paid_for_is_paid_for(house: House) -> None:
    audio, owner = noise(3.0), house.gateway.owner
    talk = await house.speaker.whole(audio, config(afterwards=pb.LiveConfig.AFTERWARDS_JOB))
    assert talk.done is not None
    await house.gateway.client.jobs.CancelJob(jobs.CancelJobRequest(name=talk.done.job))
    again = await house.gateway.client.jobs.RetryJob(jobs.RetryJobRequest(name=talk.done.job))
    await owner.execute("DELETE FROM gateway.live_sessions")
    await finish_section(house, again.name.split("/")[1], 0, len(audio) + 100)
    assert await charged(house) == len(audio) + 100


async def test_a_used_up_day_refuses_a_client_whatever_its_request_is_called(serve_live: ServeLive) -> None:
    async with serve_live(quota_audio_seconds_per_day=2) as house:
        await house.speaker.whole(noise(3.0))
        upload = await house.gateway.client.upload(b"sound")
        assert await reason(house.gateway.client.job(upload.name, request_id="live-anything")) == "QUOTA_EXCEEDED"


async def finish_section(house: House, job_id: object, start: int, end: int) -> None:
    section = 0 if start == 0 else 1
    await house.gateway.owner.execute(SECTION, job_id, section, start, end)
    for statement in (STAGE, FINISH):
        await house.gateway.owner.execute(statement, job_id, section)


SECTION = """
INSERT INTO gateway.sections (job_id, tenant_id, section, start_sample, end_sample)
SELECT job_id, tenant_id, $2, $3, $4 FROM gateway.jobs WHERE job_id = $1
"""
STAGE = """
INSERT INTO gateway.stages (stage_id, job_id, tenant_id, kind, section, state, lease_token, lease_until)
SELECT gen_random_uuid(), job_id, tenant_id, 'TRANSCRIBE', $2, 'LEASED', gen_random_uuid(), clock_timestamp() + '1 minute'
FROM gateway.jobs WHERE job_id = $1
"""
FINISH = """
UPDATE gateway.stages SET state = 'DONE', lease_token = NULL, lease_until = NULL, end_time = clock_timestamp()
WHERE job_id = $1 AND section = $2 AND kind = 'TRANSCRIBE'
"""


async def test_a_used_up_day_refuses_sessions_and_lets_what_was_heard_become_a_job(serve_live: ServeLive) -> None:
    async with serve_live(quota_audio_seconds_per_day=2) as house:
        talk = await house.speaker.whole(noise(3.0), config(afterwards=pb.LiveConfig.AFTERWARDS_JOB))
        assert talk.done is not None
        assert talk.done.job, "its audio was let in when the session began"
        refused = house.speaker.talk()
        with pytest.raises(grpc.aio.AioRpcError, match="audio a day") as error:
            async with asyncio.timeout(30):
                await refused.begin()
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
