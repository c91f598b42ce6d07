"""How long a call is repeated: longer once the server has answered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from locution_client import ApiError, Client, Connection, calls
from locution_client.calls import Access

from tests.support.processes import free_port
from tests.unit.client.fake_gateway import FakeGateway


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


async def test_a_reason_is_an_answer(patience: Callable[[float, float], None]) -> None:
    patience(0.0, 1e9)
    assert await calls.retrying(Away(50, "DEPENDENCY_UNAVAILABLE"), Access(())) == "answer"


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
    client: Client, gateway: FakeGateway, patience: Callable[[float, float], None], tmp_path: Path
) -> None:
    patience(0.0, 1e9)
    (recording := tmp_path / "call.wav").write_bytes(b"RIFF" * 100)
    await client.jobs.newest(1)
    gateway.break_upload_at = 5
    upload = await client.uploads.send(recording)
    assert gateway.content[upload.name] == recording.read_bytes()


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
