"""What clients do wrong: each gets its documented error, or is made to wait, and nobody else notices."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import numpy as np
import psutil
import pytest
from locution.v1 import live_service_pb2 as pb
from locution_common.errors import Reason

from tests.service.gateway.live.conftest import House, ServeLive
from tests.service.gateway.live.fake_engine import expected
from tests.service.gateway.live.talk import SECOND, Talk, config, noise


async def reason(talk: Talk) -> Reason | None:
    return (await talk.refusal()).reason


async def test_audio_before_start(house: House) -> None:
    talk = house.speaker.talk()
    await talk.say(audio=pb.StreamAudio(data=b"\0\0"))
    assert await reason(talk) == "STREAM_PROTOCOL_VIOLATED"


async def test_two_starts(house: House) -> None:
    talk = house.speaker.talk()
    await talk.begin()
    await talk.say(start=pb.StreamStart(config=config()))
    assert await reason(talk) == "STREAM_PROTOCOL_VIOLATED"


async def test_nothing_at_all(house: House) -> None:
    talk = house.speaker.talk()
    await talk.call.done_writing()
    assert await reason(talk) == "STREAM_PROTOCOL_VIOLATED"


@pytest.mark.parametrize("offset", [1, 1600, 10**12])
async def test_an_offset_that_jumps(house: House, offset: int) -> None:
    talk = house.speaker.talk()
    await talk.begin()
    await talk.send(noise(0.1), offset)
    refusal = await talk.refusal()
    assert refusal.reason == "AUDIO_OFFSET_MISMATCH"


async def test_an_offset_that_goes_back(house: House) -> None:
    talk = house.speaker.talk()
    await talk.begin()
    await talk.send(noise(0.1))
    await talk.send(noise(0.1), 800)
    assert await reason(talk) == "AUDIO_OFFSET_MISMATCH"


@pytest.mark.parametrize(
    "wanted",
    [
        config(encoding=0),
        config(encoding=99),
        config(sample_rate_hertz=12345),
        config(sample_rate_hertz=-1),
        config(sample_rate_hertz=None),
        config(encoding=pb.LiveConfig.ENCODING_FLAC),
        config(language="klingon!"),
        config(asr_model="../../etc"),
    ],
)
async def test_a_configuration_that_breaks_a_rule(house: House, wanted: pb.LiveConfig) -> None:
    talk = house.speaker.talk()
    await talk.say(start=pb.StreamStart(config=wanted))
    assert await reason(talk) == "INVALID_REQUEST"


@pytest.mark.parametrize("language", ["German", "zh-Hant", "xx"])
async def test_a_language_that_the_model_does_not_know(house: House, language: str) -> None:
    talk = house.speaker.talk()
    await talk.say(start=pb.StreamStart(config=config(language=language)))
    assert await reason(talk) == "OPTION_UNSUPPORTED"


@pytest.mark.parametrize("language", ["German", "zh-Hant", "xx"])
async def test_a_change_to_a_language_that_the_model_does_not_know(house: House, language: str) -> None:
    talk = house.speaker.talk()
    await talk.begin()
    await talk.say(update=pb.StreamUpdate(language=language))
    assert await reason(talk) == "OPTION_UNSUPPORTED"
    assert house.engine.updates == []


async def test_half_a_sample(house: House) -> None:
    talk = house.speaker.talk()
    await talk.begin()
    await talk.say(audio=pb.StreamAudio(data=b"\0\0\0"))
    assert await reason(talk) == "AUDIO_INCOMPLETE_SAMPLE"


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        (pb.LiveConfig.ENCODING_OGG_OPUS, b"this is no Opus, it is text. " * 400),
        (pb.LiveConfig.ENCODING_FLAC, b"nor is this FLAC, whatever it is called. " * 400),
        (pb.LiveConfig.ENCODING_OGG_OPUS, b"#EXTM3U\nhttp://127.0.0.1/a.wav\n" * 100),
    ],
)
async def test_text_as_compressed_audio(house: House, encoding: int, data: bytes) -> None:
    talk = house.speaker.talk()
    await talk.begin(config(encoding=encoding, sample_rate_hertz=None))
    await talk.say(audio=pb.StreamAudio(data=data))
    await talk.say(finish=pb.StreamFinish())
    assert (await reason(talk) or "").startswith("MEDIA_")


async def test_chunks_of_one_byte(house: House) -> None:
    talk = house.speaker.talk()
    await talk.begin(config(encoding=pb.LiveConfig.ENCODING_MULAW, sample_rate_hertz=8000))
    for at in range(400):
        await talk.say(audio=pb.StreamAudio(offset=at, data=b"\xff"))
    done = (await talk.finish()).done
    assert done is not None
    assert done.audio_duration.ToTimedelta().total_seconds() == pytest.approx(0.05)


async def test_chunks_of_a_megabyte_and_of_more(house: House) -> None:
    talk = house.speaker.talk()
    await talk.begin()
    audio = noise(1024 * 1024 / 2 / SECOND)
    sending = asyncio.create_task(talk.send(audio, size=1024 * 1024))
    await sending
    assert (await talk.finish()).texts == expected(audio)
    too_much = house.speaker.talk()
    await too_much.begin()
    await too_much.say(audio=pb.StreamAudio(data=bytes(1024 * 1024 + 2)))
    assert await reason(too_much) == "INVALID_REQUEST"


async def test_a_client_much_faster_than_real_time_waits(house: House) -> None:
    """An engine that does not move makes its own client wait, and costs the gateway a bounded buffer."""
    house.engine.gate.clear()
    audio, talk = noise(500), house.speaker.talk()
    await talk.begin()
    sending = asyncio.create_task(talk.send(audio, size=32000))
    hearing = asyncio.create_task(talk.rest())
    seen, kept = -1, 0
    async with asyncio.timeout(60):
        while not kept or kept != seen:
            seen = kept
            await asyncio.sleep(0.5)
            kept = await house.gateway.owner.fetchval("SELECT max(kept) FROM gateway.live_sessions")
    assert kept < 120 * SECOND
    assert not sending.done()
    house.engine.gate.set()
    await sending
    await talk.say(finish=pb.StreamFinish())
    await hearing
    assert talk.texts == expected(audio)


async def test_a_client_that_stalls(serve_live: ServeLive) -> None:
    async with serve_live(live_idle_seconds=2.0) as house:
        silent = house.speaker.talk()
        assert await reason(silent) == "LIVE_STREAM_IDLE"
        talk = house.speaker.talk()
        started = await talk.begin()
        await talk.send(noise(0.3))
        assert await reason(talk) == "LIVE_STREAM_IDLE"
        again = house.speaker.talk()
        assert (await again.resume(started.resume_token)).next_offset == 4800
        await again.leave()


async def test_a_client_that_never_reads_costs_a_bounded_buffer_and_nobody_else(serve_live: ServeLive) -> None:
    async with serve_live(live_slow_seconds=1) as house:
        deaf = house.speaker.talk()
        await deaf.say(start=pb.StreamStart(config=config()))
        sending = asyncio.create_task(deaf.send(noise(300), size=64000))
        audio = noise(2.0)
        assert (await house.speaker.whole(audio)).texts == expected(audio)
        sending.cancel()
        await deaf.leave()


@pytest.mark.parametrize("reading", [True, False])
async def test_memory_is_flat_under_a_client_that_never_reads_or_sends_too_fast(house: House, reading: bool) -> None:
    """A minute and a half of audio is held at most, however much comes: 16 times as much costs no more."""
    house.engine.gate.clear()
    growth = []
    for seconds in (120, 1920):
        before = psutil.Process().memory_info().rss
        talk = house.speaker.talk()
        await talk.begin()
        chunk = noise(1.0)
        sending = asyncio.create_task(repeated(talk, chunk, seconds))
        hearing = asyncio.create_task(talk.rest()) if reading else None
        await asyncio.wait([sending], timeout=4)
        growth.append(psutil.Process().memory_info().rss - before)
        for task in (sending, hearing):
            if task is not None:
                task.cancel()
        await talk.leave()
    least = max(0, growth[0])  # below 0 where the tests before gave memory back meanwhile
    assert growth[1] < least + 16 * 1024 * 1024


async def repeated(talk: Talk, chunk: np.ndarray[Any, Any], seconds: int) -> None:
    for at in range(seconds):
        await talk.send(chunk, at * SECOND, size=32_000)


async def test_a_client_that_vanishes_leaves_no_stream_behind(house: House) -> None:
    for _ in range(10):
        talk = house.speaker.talk()
        await talk.begin()
        await talk.send(noise(0.2))
        await talk.leave()
    async with asyncio.timeout(30):
        while house.engine.calls:
            await asyncio.sleep(0.05)
        while await house.gateway.owner.fetchval("SELECT count(*) FROM gateway.live_sessions WHERE owner IS NOT NULL"):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("token", ["x", "AAAA", "ü" * 8, "A" * 64, "A" * 63 + "!"])
async def test_a_token_that_is_none(house: House, token: str) -> None:
    talk = house.speaker.talk()
    await talk.say(start=pb.StreamStart(resume=pb.StreamResume(resume_token=token)))
    assert await reason(talk) in ("LIVE_TOKEN_INVALID", "LIVE_SESSION_NOT_FOUND")


async def test_a_token_that_was_replaced(house: House) -> None:
    talk = house.speaker.talk()
    token = (await talk.begin()).resume_token
    again = house.speaker.talk()
    await again.resume(token)
    third = house.speaker.talk()  # nothing was acknowledged: the client may never have seen the fresh token
    fresh = (await third.resume(token)).resume_token
    await third.send(noise(0.3))
    await third.until_ack(4800)
    await third.leave()
    reused = house.speaker.talk()
    await reused.say(start=pb.StreamStart(resume=pb.StreamResume(resume_token=token)))
    assert await reason(reused) == "LIVE_TOKEN_INVALID"
    last = house.speaker.talk()
    assert (await last.resume(fresh)).next_offset == 4800
    await last.leave()


async def test_another_tenants_session_is_absent(house: House) -> None:
    talk = house.speaker.talk()
    started = await talk.begin()
    await talk.leave()
    await house.gateway.owner.execute("UPDATE gateway.live_sessions SET tenant_id = gen_random_uuid()")
    foreign = house.speaker.talk()
    await foreign.say(start=pb.StreamStart(resume=pb.StreamResume(resume_token=started.resume_token)))
    assert await reason(foreign) == "LIVE_SESSION_NOT_FOUND"
    for call in (
        house.speaker.stub.GetSession(pb.GetSessionRequest(name=started.session)),
        house.speaker.stub.EndSession(pb.EndSessionRequest(name=started.session)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert not (await house.speaker.stub.ListSessions(pb.ListSessionsRequest())).sessions


async def test_the_stream_over_the_limit_is_refused_at_once(serve_live: ServeLive) -> None:
    async with serve_live(live_streams=2) as house:
        talks = [house.speaker.talk() for _ in range(2)]
        for talk in talks:
            await talk.begin()
        assert await reason(house.speaker.talk()) == "LIVE_OVERLOADED"
        assert await house.gateway.running.context.health.check(), "a full api stays ready"
        assert not any(talk.call.done() for talk in talks)
        for talk in talks:
            await talk.leave()


async def test_without_any_engine_the_stream_says_so(serve_live: ServeLive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locution_gateway.live.streaming_session.PATIENCE", 0.3)
    async with serve_live() as house:
        house.engine.refusal = grpc.StatusCode.UNAVAILABLE
        talk = house.speaker.talk()
        await talk.begin()
        assert await reason(talk) == "DEPENDENCY_UNAVAILABLE"


async def test_a_damaged_session_is_listed_as_such_beside_the_others(house: House) -> None:
    names = []
    for _ in range(2):
        talk = house.speaker.talk()
        names.append((await talk.begin()).session)
        await talk.leave()
    damaged = names[0].removeprefix("liveSessions/")
    await house.gateway.owner.execute(
        "UPDATE gateway.live_sessions SET config = '[]' WHERE session_id = $1::uuid", damaged
    )
    listed = (await house.speaker.stub.ListSessions(pb.ListSessionsRequest())).sessions
    assert {session.name: session.end_reason for session in listed} == {names[0]: "ROW_UNREADABLE", names[1]: ""}
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await house.speaker.stub.GetSession(pb.GetSessionRequest(name=names[0]))
    assert caught.value.code() is grpc.StatusCode.DATA_LOSS
