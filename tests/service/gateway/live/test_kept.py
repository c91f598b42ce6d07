"""Received audio is kept once, to the sample: when streams are cut, when the database fails, and after an upgrade."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
from locution.v1 import live_service_pb2 as pb
from locution_gateway.live import settle
from locution_gateway.live.attach import PAGE, Attach
from locution_gateway.live.keeper import MOST_HELD, Keeper
from locution_gateway.live.models import LiveSession
from locution_gateway.live.postgres import PostgresLive
from locution_gateway.platform.principal import Principal
from locution_gateway.platform.requests import RequestKey
from locution_gateway.uploads.objects import S3Objects
from locution_gateway.uploads.write import SMALL_PART_SIZE

from tests.service.gateway.client import refusal
from tests.service.gateway.conftest import PASSWORD
from tests.service.gateway.live.conftest import House, ServeLive
from tests.service.gateway.live.fake_engine import expected
from tests.service.gateway.live.faulty_database import Fault, FaultyDatabase, faulty
from tests.service.gateway.live.talk import SECOND, Talk, config, noise

HALF = SECOND // 2
JOB = pb.LiveConfig.AFTERWARDS_JOB

JOB_OBJECT = """
SELECT o.object_key FROM gateway.live_sessions s JOIN gateway.jobs USING (job_id)
JOIN gateway.uploads u ON u.upload_id = s.upload_id JOIN gateway.objects o ON o.object_id = u.object_id
"""
REFUSE_CHUNKS = """
CREATE FUNCTION gateway.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON gateway.live_chunks FOR EACH ROW EXECUTE FUNCTION gateway.refuse();
"""


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.02)


async def let_go(house: House) -> int:
    """Wait until no stream owns the session, and return the offset up to which its audio is kept."""
    async with asyncio.timeout(30):
        while await house.gateway.owner.fetchval("SELECT owner IS NOT NULL FROM gateway.live_sessions"):
            await asyncio.sleep(0.05)
    return int(await house.gateway.owner.fetchval("SELECT kept FROM gateway.live_sessions"))


async def end(house: House, talk: Talk) -> pb.LiveSession:
    return await house.speaker.stub.EndSession(pb.EndSessionRequest(name=talk.started.session))


async def job_audio(house: House) -> bytes:
    """Return the audio of the job that the session became."""
    key = await house.gateway.owner.fetchval(JOB_OBJECT)
    return house.gateway.store.get_object(house.gateway.bucket, key).read()


@pytest.fixture
async def database(gateway_database: str) -> AsyncIterator[FaultyDatabase]:
    async with faulty(gateway_database.replace("postgres@", f"locution_api:{PASSWORD}@")) as proxy:
        yield proxy


@pytest.mark.parametrize("fault", Fault)
async def test_a_record_that_the_database_did_not_answer_is_made_again(
    serve_live: ServeLive, database: FaultyDatabase, fault: Fault
) -> None:
    async with serve_live(database_url=database.url, database_timeout=3) as house:
        audio, talk = noise(2.0), house.speaker.talk()
        await talk.begin(config(afterwards=JOB))
        database.fault, database.left = fault, 1
        await talk.send(audio)
        await talk.finish()
        assert database.done == 1
        assert talk.texts == expected(audio)
        assert await job_audio(house) == audio.tobytes()


async def test_a_stream_lets_go_while_the_database_is_away(serve_live: ServeLive, database: FaultyDatabase) -> None:
    async with serve_live(database_url=database.url) as house:
        talk = house.speaker.talk()
        await talk.begin()
        database.fault, database.left = Fault.BEFORE, 1000
        await talk.send(noise(1.0))
        await until(lambda: database.done > 0)
        await talk.leave()
        assert await let_go(house) == 0


async def test_a_stream_lets_go_when_its_audio_is_refused(house: House) -> None:
    await house.gateway.owner.execute(REFUSE_CHUNKS)
    audio, talk = noise(1.0), house.speaker.talk()
    token = (await talk.begin()).resume_token
    await talk.send(audio)
    assert (await talk.refusal()).reason == "INTERNAL"
    assert await let_go(house) == 0
    await house.gateway.owner.execute("DROP TRIGGER refuse ON gateway.live_chunks")
    again = house.speaker.talk()
    assert (await again.resume(token)).next_offset == 0
    await again.send(audio)
    assert (await again.finish()).texts == expected(audio)


@pytest.fixture
def unanswered(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Let the first record of audio wait for ever for its answer; the event tells that it is committed."""
    recorded, keep = asyncio.Event(), PostgresLive.keep

    async def without_an_answer(self: PostgresLive, *values: Any) -> None:
        await keep(self, *values)
        if not recorded.is_set():
            recorded.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(PostgresLive, "keep", without_an_answer)
    return recorded


async def cut(house: House, unanswered: asyncio.Event, audio: np.ndarray[Any, Any]) -> Talk:
    """Cut a stream that has received a second, while the first half of it is recorded."""
    talk = house.speaker.talk()
    await talk.begin(config(afterwards=JOB))
    await talk.send(audio[:HALF])
    await unanswered.wait()
    await talk.send(audio[HALF:SECOND], HALF)
    await talk.until_final(1)
    await talk.leave()
    return talk


async def test_a_stream_cut_while_its_audio_is_recorded_keeps_all_of_it(
    house: House, unanswered: asyncio.Event
) -> None:
    audio = noise(1.0)
    talk = await cut(house, unanswered, audio)
    assert await let_go(house) == SECOND
    assert (await end(house, talk)).state == pb.LiveSession.STATE_ENDED
    assert await job_audio(house) == audio.tobytes()


async def test_a_stream_cut_while_its_audio_is_recorded_repeats_none_of_it(
    house: House, unanswered: asyncio.Event
) -> None:
    audio = noise(3.0)
    talk = await cut(house, unanswered, audio)
    await let_go(house)
    again = house.speaker.talk()
    started = await again.resume(talk.started.resume_token)
    assert started.next_offset == SECOND
    await again.send(audio[SECOND:], SECOND)
    assert (await again.finish()).texts == expected(audio)
    assert await job_audio(house) == audio.tobytes()


async def test_audio_that_waits_for_room_is_kept_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is so far behind when the stream is cut that the keeper takes no more."""
    received, waiting, stored = bytearray(), list[bytes](), asyncio.Event()
    take, put = Keeper.take, S3Objects.put

    async def counted(self: Keeper, data: bytes, samples: int) -> None:
        received.extend(data)
        waiting.append(data)
        await take(self, data, samples)
        waiting.clear()

    async def slow(self: S3Objects, key: str, data: bytes | bytearray) -> None:
        await stored.wait()
        await put(self, key, data)

    monkeypatch.setattr(Keeper, "take", counted)
    monkeypatch.setattr(S3Objects, "put", slow)
    audio, talk = noise(100.0), house.speaker.talk()
    await talk.begin(config(afterwards=JOB))
    sending = asyncio.create_task(talk.send(audio, size=600_000))
    await until(lambda: len(received) > MOST_HELD and bool(waiting))
    stored.set()
    await talk.leave()
    await asyncio.gather(sending, return_exceptions=True)
    assert await let_go(house) == len(received) // 2
    await end(house, talk)
    assert await job_audio(house) == received == audio.tobytes()[: len(received)]


async def lengthen(house: House, audio: np.ndarray[Any, Any]) -> None:
    """Store half a second more under the key of the first chunk than its row says, as earlier versions did."""
    key, stop = await house.gateway.owner.fetchrow(
        "SELECT object_key, end_offset FROM gateway.live_chunks ORDER BY start_offset LIMIT 1"
    )
    longer = audio[: stop + HALF].tobytes()
    house.gateway.store.put_object(house.gateway.bucket, key, io.BytesIO(longer), len(longer))


async def interrupted(house: House, audio: np.ndarray[Any, Any]) -> Talk:
    """Return a stream that was cut after its audio was stored, with a first chunk that is too long."""
    talk = house.speaker.talk()
    await talk.begin(config(afterwards=JOB))
    hearing = asyncio.create_task(talk.until_ack(len(audio)))
    await talk.send(audio[:SECOND])
    await until(lambda: bool(talk.acks))
    await talk.send(audio[SECOND:], SECOND, size=64_000)
    await hearing
    await talk.leave()
    assert await let_go(house) == len(audio)
    await lengthen(house, audio)
    return talk


async def test_audio_of_an_earlier_version_is_heard_once(house: House) -> None:
    audio = noise(4.0)
    talk = await interrupted(house, audio[: 3 * SECOND])
    again = house.speaker.talk()
    started = await again.resume(talk.started.resume_token)
    await again.send(audio[started.next_offset :], started.next_offset)
    assert (await again.finish()).texts == expected(audio)


async def test_a_session_of_an_earlier_version_becomes_a_job_with_its_audio(house: House) -> None:
    audio = noise(3.0)
    talk = await interrupted(house, audio)
    assert (await end(house, talk)).state == pb.LiveSession.STATE_ENDED
    assert await job_audio(house) == audio.tobytes()


async def test_a_session_that_an_earlier_version_could_not_settle_is_settled(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The earlier version has stored a part of the upload, with audio twice, before it failed."""

    async def whole(self: Attach, principal: Principal, session: LiveSession, offset: int) -> AsyncIterator[bytes]:
        while chunks := await self._store.chunks(principal, session.session_id, offset, PAGE):
            for chunk in chunks:
                yield (await self._objects.get(chunk.key))[(offset - chunk.start) * session.config.encoding.unit :]
                offset = chunk.end

    audio = noise((SMALL_PART_SIZE + MOST_HELD) / 2 / SECOND + 2.0)
    talk = await interrupted(house, audio)
    with monkeypatch.context() as patch:
        patch.setattr(Attach, "audio", whole)
        patch.setattr(settle, "_once", lambda _, of: RequestKey("SettleLive/CreateUpload", str(of.session_id), ""))
        refused = await refusal(end(house, talk))
    assert refused.reason == "UPLOAD_SIZE_MISMATCH"
    assert await house.gateway.owner.fetchval("SELECT committed_bytes FROM gateway.uploads") == SMALL_PART_SIZE
    assert (await end(house, talk)).state == pb.LiveSession.STATE_ENDED
    assert await job_audio(house) == audio.tobytes()
