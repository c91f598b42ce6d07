"""A session from its start to its end, and what is left of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from locution.v1 import live_service_pb2 as pb

from tests.service.gateway.live.conftest import House, ServeLive
from tests.service.gateway.live.fake_engine import expected
from tests.service.gateway.live.talk import SECOND, config, noise


def stored_keys(house: House) -> list[str]:
    return house.gateway.keys()


async def test_every_sample_is_heard_and_acknowledged(house: House) -> None:
    audio = noise(5.3)
    talk = await house.speaker.whole(audio)
    assert talk.texts == expected(audio)
    assert talk.acks == sorted(talk.acks)
    assert talk.acks[-1] == len(audio)
    assert talk.done is not None
    assert talk.done.final_count == 6
    assert talk.done.audio_duration.ToTimedelta().total_seconds() == pytest.approx(5.3)


async def test_acknowledgements_come_while_the_client_goes_on(house: House) -> None:
    talk = house.speaker.talk()
    await talk.begin()
    await talk.send(noise(0.5))
    async with asyncio.timeout(30):
        await talk.until_ack(SECOND // 2)
    await talk.leave()


async def test_a_flush_gives_the_text_so_far(house: House) -> None:
    audio, talk = noise(0.4), house.speaker.talk()
    await talk.begin()
    await talk.send(audio)
    await talk.say(flush=pb.StreamFlush())
    await talk.until_final(1)
    assert talk.texts == expected(audio)
    await talk.leave()


async def test_an_update_reaches_the_engine_and_the_session(house: House) -> None:
    talk = house.speaker.talk()
    started = await talk.begin()
    await talk.say(update=pb.StreamUpdate(vocabulary=pb.LiveVocabulary(hotwords=["Locution"])))
    await talk.send(noise(1.0))
    await talk.until_final(1)
    assert [list(update.vocabulary.hotwords) for update in house.engine.updates] == [["Locution"]]
    session = await house.speaker.stub.GetSession(pb.GetSessionRequest(name=started.session))
    assert list(session.config.hotwords) == ["Locution"]
    await talk.leave()


@pytest.mark.parametrize(("written", "taken"), [("en-US", "en"), ("EN_gb", "en")])
async def test_a_region_that_the_model_ignores_is_noticed(house: House, written: str, taken: str) -> None:
    talk = house.speaker.talk()
    started = await talk.begin(config(language=written))
    assert started.config.language == taken
    await talk.finish()
    assert [each.kind for each in talk.notices] == [pb.StreamNotice.KIND_LANGUAGE_REGION_IGNORED]


async def test_a_language_without_a_region_needs_no_notice(house: House) -> None:
    talk = house.speaker.talk()
    await talk.begin(config(language="EN"))
    await talk.finish()
    assert talk.notices == []


async def test_a_change_of_language_reaches_the_engine_in_the_code_of_the_model(house: House) -> None:
    talk = house.speaker.talk()
    started = await talk.begin(config(language=None))
    await talk.say(update=pb.StreamUpdate(language="en-AU"))
    await talk.send(noise(1.0))
    await talk.until_final(1)
    assert [update.language for update in house.engine.updates] == ["en"]
    assert [each.kind for each in talk.notices] == [pb.StreamNotice.KIND_LANGUAGE_REGION_IGNORED]
    session = await house.speaker.stub.GetSession(pb.GetSessionRequest(name=started.session))
    assert session.config.language == "en"
    await talk.leave()


async def test_a_change_is_taken_while_the_registry_does_not_know_the_model(house: House) -> None:
    talk = house.speaker.talk()
    await talk.begin()
    house.gateway.registry.models.clear()
    await talk.say(update=pb.StreamUpdate(vocabulary=pb.LiveVocabulary(hotwords=["Locution"])))
    await talk.send(noise(1.0))
    await talk.until_final(1)
    assert [list(update.vocabulary.hotwords) for update in house.engine.updates] == [["Locution"]]
    await talk.leave()


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
async def test_other_rates_give_as_many_samples_at_16_khz(house: House, rate: int) -> None:
    talk = house.speaker.talk()
    await talk.begin(config(sample_rate_hertz=rate))
    data = noise(1.0)[: rate if rate < SECOND else SECOND].tobytes() * (3 if rate > SECOND else 1)
    await talk.send(data[: rate * 2])
    done = (await talk.finish()).done
    assert done is not None
    assert done.audio_duration.ToTimedelta().total_seconds() == pytest.approx(
        len(data[: rate * 2]) / 2 / rate, abs=1e-3
    )


async def test_floats_are_heard_as_the_integers_that_they_stand_for(house: House) -> None:
    audio, talk = noise(1.0), house.speaker.talk()
    await talk.begin(config(encoding=pb.LiveConfig.ENCODING_PCM_F32LE))
    data = (audio.astype(np.float32) / 32768).astype("<f4").tobytes()
    for at in range(0, len(data), 6400):
        await talk.say(audio=pb.StreamAudio(offset=at // 4, data=data[at : at + 6400]))
    assert (await talk.finish()).texts == expected(audio)


async def test_a_deleted_session_leaves_no_object_and_no_text(house: House) -> None:
    talk = await house.speaker.whole(noise(2.0))
    session = await house.speaker.stub.GetSession(pb.GetSessionRequest(name=talk.started.session))
    assert (session.state, session.end_reason) == (pb.LiveSession.STATE_ENDED, "FINISHED")
    assert await house.gateway.owner.fetchval("SELECT count(*) FROM gateway.live_finals") == 0
    async with asyncio.timeout(30):
        while [key for key in stored_keys(house) if key.startswith("live/")]:
            await asyncio.sleep(0.1)


async def test_a_kept_session_becomes_a_job_of_the_same_audio(house: House) -> None:
    audio = noise(3.0)
    talk = await house.speaker.whole(audio, config(afterwards=pb.LiveConfig.AFTERWARDS_JOB, display_name="a call"))
    assert talk.done is not None
    job = await house.gateway.client.get_job(talk.done.job)
    upload = await house.gateway.client.get_upload(job.upload)
    assert (job.display_name, upload.display_name, upload.size_bytes) == ("a call", "a call", audio.nbytes)
    assert job.effective_config.audio_format.sample_rate_hertz == SECOND
    keys = [key for key in stored_keys(house) if key.startswith("uploads/")]
    stored = b"".join(house.gateway.store.get_object(house.gateway.bucket, key).data for key in keys)
    assert stored == audio.tobytes()


async def test_sessions_are_listed_newest_first_and_found_by_state(house: House) -> None:
    first = await house.speaker.whole(noise(0.2))
    talk = house.speaker.talk()
    second = await talk.begin()
    listed = await house.speaker.stub.ListSessions(pb.ListSessionsRequest())
    assert [session.name for session in listed.sessions] == [second.session, first.started.session]
    assert [session.state for session in listed.sessions] == [pb.LiveSession.STATE_ACTIVE, pb.LiveSession.STATE_ENDED]
    open_ones = await house.speaker.stub.ListSessions(pb.ListSessionsRequest(filter="state = OPEN"))
    assert [session.name for session in open_ones.sessions] == [second.session]
    page = await house.speaker.stub.ListSessions(pb.ListSessionsRequest(page_size=1))
    rest = await house.speaker.stub.ListSessions(pb.ListSessionsRequest(page_token=page.next_page_token))
    assert [session.name for session in rest.sessions] == [first.started.session]
    await talk.leave()


async def test_a_session_is_one_trace_with_a_span_an_utterance(serve_live: ServeLive, tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    async with serve_live(trace_file=trace) as house:
        audio, talk = noise(3.0), house.speaker.talk()
        token = (await talk.begin()).resume_token
        await talk.send(audio[: 2 * SECOND])
        await talk.until_ack(2 * SECOND)
        await talk.leave()
        again = house.speaker.talk()
        await again.resume(token)
        await again.send(audio[2 * SECOND :], 2 * SECOND)
        await again.finish()
    spans = [json.loads(line) for line in trace.read_text().splitlines()]
    utterances = [span for span in spans if span["name"] == "live.utterance"]
    assert sorted(span["attributes"]["locution.live.final_id"] for span in utterances) == [1, 2, 3]
    assert len({span["trace_id"] for span in utterances}) == 1
    assert not [span for span in spans if span["name"].startswith(("INSERT", "UPDATE", "PUT"))]
