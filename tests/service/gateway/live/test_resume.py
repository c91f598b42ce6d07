"""Sessions that survive: every break, and what stands after it, to the sample."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import grpc
import pytest
from locution.v1 import live_service_pb2 as pb
from locution_gateway.live.settle import SettleLive

from tests.service.gateway.live.conftest import House, ServeLive
from tests.service.gateway.live.fake_engine import expected
from tests.service.gateway.live.talk import SECOND, noise


@pytest.mark.parametrize("seed", range(5))
async def test_a_dropped_client_goes_on_without_a_lost_sample(house: House, seed: int) -> None:
    chance = random.Random(seed)
    audio, token, last, offset = noise(6.0, seed), "", 0, 0
    finals: dict[int, str] = {}
    for _ in range(4):
        talk = house.speaker.talk()
        started = await (talk.resume(token, last) if token else talk.begin())
        token, offset = started.resume_token, started.next_offset
        sent = min(len(audio), offset + chance.randrange(SECOND // 2, 2 * SECOND))
        await talk.send(audio[offset:sent], offset)
        for _ in range(chance.randrange(6)):
            await talk.hear()
        await talk.leave()
        finals |= talk.finals
        last = max(finals, default=0)
    talk = house.speaker.talk()
    started = await talk.resume(token, last)
    await talk.send(audio[started.next_offset :], started.next_offset)
    finals |= (await talk.finish()).finals
    assert [finals[number] for number in sorted(finals)] == expected(audio)
    assert sorted(finals) == list(range(1, len(finals) + 1))


async def test_finals_behind_the_last_one_that_came_are_sent_again(house: House) -> None:
    audio, talk = noise(3.0), house.speaker.talk()
    token = (await talk.begin()).resume_token
    await talk.send(audio)
    await talk.until_final(3)
    await talk.until_ack(len(audio))
    await talk.leave()
    again = house.speaker.talk()
    await again.resume(token, 1)
    assert (await again.finish()).finals == {2: talk.finals[2], 3: talk.finals[3]}


async def test_an_engine_that_dies_is_replaced_and_hears_again_what_is_not_done(house: House) -> None:
    audio, talk = noise(8.0), house.speaker.talk()
    await talk.begin()
    await talk.send(audio[: 5 * SECOND + 700])
    await talk.until_final(5)
    house.engine.lose()
    await talk.send(audio[5 * SECOND + 700 :], 5 * SECOND + 700)
    await talk.finish()
    assert talk.texts == expected(audio)
    assert [notice.kind for notice in talk.notices] == [pb.StreamNotice.KIND_ENGINE_REPLACED]
    assert house.engine.starts[1].done_sample >= 4 * SECOND
    assert house.engine.starts[1].first_sample >= SECOND


async def test_another_replica_goes_on_when_one_is_stopped(serve_live: ServeLive) -> None:
    audio = noise(4.0)
    async with serve_live() as other:
        async with serve_live(shutdown_grace=2) as house:
            talk = house.speaker.talk()
            token = (await talk.begin()).resume_token
            await talk.send(audio[: 2 * SECOND + 100])
            await talk.until_final(2)
            house.gateway.running.stop()
            house.gateway.running.context.stopping.set()
            refusal = await talk.refusal()
        assert refusal.reason == "LIVE_DRAINING"
        assert [notice.kind for notice in talk.notices] == [pb.StreamNotice.KIND_DRAINING]
        again = other.speaker.talk()
        started = await again.resume(token, 2)
        assert started.next_offset == talk.acks[-1]
        await again.send(audio[started.next_offset :], started.next_offset)
        await again.finish()
    assert (talk.finals | again.finals) == dict(enumerate(expected(audio), 1))


async def test_a_stream_that_resumes_takes_over_from_the_one_before(serve_live: ServeLive) -> None:
    async with serve_live() as house, serve_live() as other:
        first = house.speaker.talk()
        token = (await first.begin()).resume_token
        second = other.speaker.talk()
        await second.resume(token)
        await first.send(noise(0.2))
        assert (await first.refusal()).reason == "LIVE_SESSION_TAKEN_OVER"
        audio = noise(1.0)
        await second.send(audio)
        assert (await second.finish()).texts == expected(audio)


async def test_a_session_that_nobody_resumes_is_given_up(serve_live: ServeLive) -> None:
    async with serve_live(live_resume_seconds=1, live_lease_seconds=1) as house:
        talk = house.speaker.talk()
        started = await talk.begin()
        await talk.send(noise(1.0))
        await talk.until_ack(SECOND)
        await talk.leave()
        session = pb.LiveSession()
        async with asyncio.timeout(30):
            while session.state != pb.LiveSession.STATE_ENDED:
                session = await house.speaker.stub.GetSession(pb.GetSessionRequest(name=started.session))
                await asyncio.sleep(0.1)
        assert session.end_reason == "ABANDONED"
        again = house.speaker.talk()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await again.resume(started.resume_token)
        assert "LIVE_SESSION_ENDED" in str(caught.value.trailing_metadata())


async def test_a_stream_that_breaks_behind_finish_is_told_the_end(house: House) -> None:
    first = house.speaker.talk()
    started = await first.begin()
    audio = noise(3.0)
    await first.send(audio)
    told = await first.finish()
    again = house.speaker.talk()
    resumed = await again.resume(started.resume_token, max(told.finals))
    assert resumed.next_offset == len(audio)
    assert (await again.finish()).done == told.done
    assert again.finals == {}
    behind = house.speaker.talk()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await behind.resume(started.resume_token, max(told.finals) - 1)
    assert "LIVE_SESSION_ENDED" in str(caught.value.trailing_metadata())


async def test_finals_that_a_broken_stream_missed_come_before_the_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    settling = asyncio.Event()
    settle = SettleLive.run

    async def broken(*_: Any) -> Any:
        settling.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(SettleLive, "run", broken)
    first = house.speaker.talk()
    started = await first.begin()
    audio = noise(3.0)
    await first.send(audio)
    await first.say(finish=pb.StreamFinish())
    await asyncio.wait_for(settling.wait(), 60)
    await first.leave()
    monkeypatch.setattr(SettleLive, "run", settle)
    again = house.speaker.talk()
    await again.resume(started.resume_token)
    assert (await again.finish()).texts == expected(audio)
    assert again.done is not None


async def test_ending_a_session_ends_its_stream(house: House) -> None:
    talk = house.speaker.talk()
    started = await talk.begin()
    ended = await house.speaker.stub.EndSession(pb.EndSessionRequest(name=started.session))
    assert (ended.state, ended.end_reason) == (pb.LiveSession.STATE_ENDED, "ENDED")
    assert (await talk.refusal()).reason == "LIVE_SESSION_ENDED"
    again = await house.speaker.stub.EndSession(pb.EndSessionRequest(name=started.session))
    assert again.end_time == ended.end_time


async def test_a_client_that_never_reads_is_let_go_and_may_resume(serve_live: ServeLive) -> None:
    async with serve_live(live_slow_seconds=1) as house:
        house.engine.padding = 50_000
        audio, deaf = noise(150), house.speaker.talk()
        await deaf.begin()
        sending = asyncio.create_task(deaf.send(audio, size=64000))
        async with asyncio.timeout(30):
            while not house.engine.calls:
                await asyncio.sleep(0.05)
            while house.engine.calls:
                await asyncio.sleep(0.05)
        assert (await deaf.refusal()).reason == "LIVE_CLIENT_TOO_SLOW"
        await sending
        again = house.speaker.talk()
        started = await again.resume(deaf.started.resume_token, max(deaf.finals))
        hearing = asyncio.create_task(again.rest())
        await again.send(audio[started.next_offset :], started.next_offset)
        await again.say(finish=pb.StreamFinish())
        await hearing
        finals = deaf.finals | again.finals
        assert [finals[number].split()[0] for number in sorted(finals)] == expected(audio)
