"""The library against the fake gateway: bytes, cursors, pages."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from locution_client import ApiError, Client, Connection, JobFailed, Options, transcribe
from locution_client.sources import CHUNK

from tests.unit.client.fake_gateway import KEY, FakeGateway, refusal

CONTENT = bytes(range(256)) * (CHUNK // 100)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "call.wav"
    path.write_bytes(CONTENT)
    return path


async def test_a_file_arrives_whole(client: Client, gateway: FakeGateway, recording: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    upload = await client.uploads.send(recording, sent=lambda sent, total: seen.append((sent, total)))
    assert gateway.content[upload.name] == CONTENT
    assert gateway.uploads[upload.name].display_name == "call.wav"
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert gateway.offsets == [0]


async def test_a_broken_upload_goes_on_where_it_was(client: Client, gateway: FakeGateway, recording: Path) -> None:
    gateway.break_upload_at = CHUNK + 5
    upload = await client.uploads.send(recording)
    assert gateway.content[upload.name] == CONTENT
    assert gateway.offsets == [0, CHUNK + 5]


async def test_an_empty_file_is_sent(client: Client, gateway: FakeGateway, tmp_path: Path) -> None:
    empty = tmp_path / "empty.wav"
    empty.touch()
    assert gateway.content[(await client.uploads.send(empty)).name] == b""


async def test_a_watch_goes_on_behind_the_last_cursor(client: Client, gateway: FakeGateway) -> None:
    job = await client.jobs.create("uploads/u", Options().to_config())
    gateway.break_watch_after = 2
    cursors = [event.cursor async for event in client.jobs.watch(job.name)]
    assert cursors == ["1", "2", "3", "4", "5"]
    assert gateway.cursors == ["", "2"]


async def test_a_watch_waits_for_a_server_that_is_away(
    client: Client, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("locution_client.calls.wait_before", lambda attempt, failure: 0.0)
    job = await client.jobs.create("uploads/u", Options().to_config())
    gateway.lose_watches = 50
    assert [event.cursor async for event in client.jobs.watch(job.name)] == ["1", "2", "3", "4", "5"]
    gateway.lose_watches = 50
    with pytest.raises(ApiError, match="nobody is there"):
        [event async for event in client.jobs.watch(job.name, patience=0)]
    assert gateway.lose_watches == 49


async def test_creates_carry_a_request_id_each(client: Client, gateway: FakeGateway) -> None:
    for _ in range(2):
        await client.jobs.create("uploads/u", Options().to_config())
    first, second = (request.request_id for request in gateway.requests)
    assert first
    assert first != second


async def test_lists_read_further_pages_up_to_the_limit(client: Client) -> None:
    for _ in range(5):
        await client.jobs.create("uploads/u", Options().to_config())
    assert [job.name for job in await client.jobs.newest(3)] == ["jobs/j4", "jobs/j3", "jobs/j2"]
    assert len(await client.jobs.newest(50)) == 5


async def test_transcribe_returns_the_export(client: Client, gateway: FakeGateway, recording: Path) -> None:
    options = Options(language="en", speakers=2, asr_model="whisper/base")
    assert await transcribe(client, recording, options, file_format="vtt") == b"FORMAT_VTT of call.wav"
    config = gateway.jobs["jobs/j0"].config
    assert (config.language, config.asr_model, config.diarization.speaker_count) == ("en", "whisper/base", 2)
    assert not config.diarization.HasField("enabled")
    assert not config.diarization.HasField("min_speaker_count")


async def test_a_failed_job_raises_its_reason(client: Client, gateway: FakeGateway, recording: Path) -> None:
    gateway.fail = refusal(grpc.StatusCode.INVALID_ARGUMENT, "MEDIA_UNRECOGNISED", "no known container")
    with pytest.raises(JobFailed, match="MEDIA_UNRECOGNISED"):
        await transcribe(client, recording, Options())


async def test_a_wrong_key_is_refused_at_once(address: str, gateway: FakeGateway) -> None:
    async with Client(Connection(address, KEY + "x")) as stranger:
        with pytest.raises(ApiError, match="UNAUTHENTICATED"):
            await stranger.models.all()
    assert len(gateway.requests) == 1


async def test_an_absent_server_is_told_after_a_few_attempts() -> None:
    async with Client(Connection("127.0.0.1:1", KEY)) as nobody:
        with pytest.raises(ApiError) as caught:
            await nobody.models.all()
    assert caught.value.unreachable
