"""How long a call is repeated: longer once the server has answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest
from locution.v1 import live_service_pb2 as pb
from locution.v1.upload_service_pb2 import Upload
from locution_client import ApiError, Client, Connection, calls
from locution_client.calls import Access
from locution_client.pcm import FALLBACK_RATE

from tests.support.processes import free_port
from tests.unit.client.fake_gateway import FakeGateway, refusal


class Away:
    """A call whose server is away for a while."""

    def __init__(self, times: int, reason: str | None = None) -> None:
        self.left = times
        self._reason = reason

    async def __call__(self) -> str:
        if self.left:
            self.left -= 1
            raise ApiError("UNAVAILABLE", "away", self._reason)
        return "answer"


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Callable[[float, float], None]:
    """Set the seconds before and after the first answer, and wait no time between tries."""

    def chosen(first: float, later: float) -> None:
        monkeypatch.setattr(calls, "FIRST_PATIENCE", first)
        monkeypatch.setattr(calls, "PATIENCE", later)
        monkeypatch.setattr(calls, "wait_before", lambda attempt, failure: 0.0)

    return chosen


async def test_a_server_that_never_answered_is_given_up_soon(patience: Callable[[float, float], None]) -> None:
    patience(0.0, 1e9)
    call = Away(50)
    with pytest.raises(ApiError, match="away"):
        await calls.retrying(call, Access(()))
    assert call.left == 49


async def test_a_server_that_answered_is_waited_for(patience: Callable[[float, float], None]) -> None:
    patience(0.0, 1e9)
    access = Access(())
    assert await calls.retrying(Away(0), access) == "answer"
    assert await calls.retrying(Away(50), access) == "answer"


async def test_a_reason_is_an_answer(
    client: Client, gateway: FakeGateway, patience: Callable[[float, float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    patience(0.0, 0.0)
    gateway.refuse["CreateUpload"] = refusal(grpc.StatusCode.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", "no registry")
    with pytest.raises(ApiError, match="no registry"):
        await client.uploads.create("call.wav", 1)
    patience(0.0, 1e9)
    away = Away(50)
    monkeypatch.setattr(client.jobs, "_stub", SimpleNamespace(GetJob=lambda *_, **__: away()))
    assert await client.jobs.get("jobs/j") == "answer"


async def test_patience_ends(patience: Callable[[float, float], None]) -> None:
    patience(1e9, 0.0)
    call = Away(50)
    with pytest.raises(ApiError, match="away"):
        await calls.retrying(call, Access((), answered=True))
    assert call.left == 49


async def test_what_no_repetition_cures_is_raised_at_once(patience: Callable[[float, float], None]) -> None:
    patience(1e9, 1e9)
    call = Away(50, "JOB_NOT_FOUND")
    with pytest.raises(ApiError, match="away"):
        await calls.retrying(call, Access(()))
    assert call.left == 49


async def test_every_service_of_a_client_shares_the_answer(
    client: Client, patience: Callable[[float, float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    patience(0.0, 1e9)
    away = Away(50)
    monkeypatch.setattr(client.uploads, "_stub", SimpleNamespace(GetUpload=lambda *_, **__: away()))
    with pytest.raises(ApiError, match="away"):
        await client.uploads.get("uploads/u")
    await client.jobs.newest(1)
    assert await client.uploads.get("uploads/u") == "answer"


@pytest.mark.parametrize("wait", [30.0, 1e6])
async def test_a_refusal_for_longer_than_the_patience_is_raised_at_once(
    wait: float, patience: Callable[[float, float], None]
) -> None:
    patience(0.0, 60.0)
    tries = calls.Tries(Access((), answered=True))
    failure = ApiError("RESOURCE_EXHAUSTED", "full", "OVERLOADED", retry_after=wait)
    if wait < 60:
        await tries.wait(failure)
    else:
        with pytest.raises(ApiError, match="full"):
            await tries.wait(failure)


async def test_a_long_wait_is_told_once(
    patience: Callable[[float, float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    patience(1e9, 1e9)
    told: list[str] = []
    access = Access((), waiting=lambda failure: told.append(failure.message))
    assert await calls.retrying(Away(50), access) == "answer"
    assert told == []
    monkeypatch.setattr(calls, "LONG_WAIT", 0.0)
    assert await calls.retrying(Away(50), access) == "answer"
    assert told == ["away"]


async def test_a_wrong_address_is_given_up_soon_by_every_call(patience: Callable[[float, float], None]) -> None:
    patience(0.0, 1e9)
    config = pb.LiveConfig(encoding=pb.LiveConfig.ENCODING_PCM_S16LE, sample_rate_hertz=FALLBACK_RATE)
    async with Client(Connection(f"127.0.0.1:{free_port()}", "key")) as client:
        with pytest.raises(ApiError):
            [event async for event in client.jobs.watch("jobs/j")]
        with pytest.raises(ApiError):
            [message async for message in client.live.transcribe(config, _silence())]
        with pytest.raises(ApiError):
            await client.accounts.login("acme", "a@example.org", "password")


async def _silence() -> AsyncIterator[bytes]:
    yield bytes(3200)


async def test_a_server_that_stores_nothing_is_given_up(
    client: Client, patience: Callable[[float, float], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (recording := tmp_path / "call.wav").write_bytes(b"RIFF")

    async def stored_nothing(upload: Upload, *_: object) -> Upload:
        return upload

    monkeypatch.setattr(client.uploads, "_write", stored_nothing)
    patience(0.0, 0.0)
    with pytest.raises(ApiError, match="stored none of the bytes"):
        await client.uploads.send(recording)


async def test_sessions_of_a_server_that_is_away_are_an_error_of_the_api(
    patience: Callable[[float, float], None],
) -> None:
    patience(0.0, 0.0)
    async with Client(Connection(f"127.0.0.1:{free_port()}", "key")) as client:
        with pytest.raises(ApiError) as caught:
            await client.live.end("liveSessions/a")
        assert caught.value.code == grpc.StatusCode.UNAVAILABLE.name
        with pytest.raises(ApiError):
            [session async for session in client.live.sessions()]
