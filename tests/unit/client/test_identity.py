"""The command line against the fake gateway: sessions, users, keys, usage, quotas, tenants and settings."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from locution.v1 import identity_pb2 as identity
from locution.v1.job_config_pb2 import DECODE_MODE_FAST
from locution.v1.transcript_service_pb2 import ExportTranscriptRequest
from locution_client.cli import exit_codes

from tests.unit.client.conftest import Command
from tests.unit.client.fake_gateway import KEY
from tests.unit.client.fake_identity import INVITATION, PASSWORD, TENANT, USER, FakeIdentity, serve

Capture = pytest.CaptureFixture[str]
LOGIN = ("login", "ann@acme.example", "--tenant", "acme")


@pytest.fixture
def gateway() -> FakeIdentity:
    return FakeIdentity()


@pytest.fixture
async def address(gateway: FakeIdentity) -> AsyncIterator[str]:
    server, where = await serve(gateway)
    yield where
    await server.stop(None)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, command: Command, tmp_path: Path) -> Path:
    """Take the key out of the environment and return where the session is kept."""
    monkeypatch.delenv("LOCUTION_API_KEY")
    monkeypatch.delenv("LOCUTION_STATE", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "locution" / "session.json"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    return monkeypatch


def age(kept: Path, **times: float) -> None:
    kept.write_text(json.dumps(json.loads(kept.read_text()) | times))


async def test_a_session_is_kept_for_its_owner_alone_and_used(
    command: Command, kept: Path, typed: pytest.MonkeyPatch, gateway: FakeIdentity, capsys: Capture
) -> None:
    assert await command(*LOGIN) == exit_codes.OK
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    shown = capsys.readouterr()
    assert "access-1" not in shown.out + shown.err
    assert PASSWORD not in shown.out + shown.err + kept.read_text()
    assert await command("whoami", "--json") == exit_codes.OK
    assert json.loads(capsys.readouterr().out)["credential"] == "CREDENTIAL_SESSION"
    assert gateway.calls[-1][0] == "access-1"


async def test_a_key_of_the_environment_goes_before_the_session(
    command: Command, kept: Path, typed: pytest.MonkeyPatch, gateway: FakeIdentity
) -> None:
    await command(*LOGIN)
    typed.setenv("LOCUTION_API_KEY", KEY)
    assert await command("whoami") == exit_codes.OK
    assert gateway.calls[-1][0] == KEY


async def test_a_session_goes_before_the_key_of_the_file_and_lies_beside_it(
    command: Command, kept: Path, typed: pytest.MonkeyPatch, gateway: FakeIdentity, tmp_path: Path
) -> None:
    state = tmp_path / ".locution"
    state.mkdir()
    (state / "client.env").write_text(f"LOCUTION_API_KEY={KEY}\n")
    await command(*LOGIN)
    assert (state / "session.json").is_file()
    assert await command("whoami") == exit_codes.OK
    assert gateway.calls[-1][0] == "access-1"


async def test_a_session_is_renewed_before_it_ends_and_each_refresh_token_used_once(
    command: Command, kept: Path, typed: pytest.MonkeyPatch, gateway: FakeIdentity
) -> None:
    await command(*LOGIN)
    age(kept, access_expires=0.0)
    for _ in range(2):
        assert await command("whoami") == exit_codes.OK
    assert gateway.calls[-1][0] == "access-2"
    assert gateway.refresh == {"refresh-2"}
    assert json.loads(kept.read_text())["refresh_token"] == "refresh-2"


async def test_a_session_at_another_server_is_not_shown_to_this_one(
    command: Command, kept: Path, typed: pytest.MonkeyPatch, gateway: FakeIdentity, capsys: Capture
) -> None:
    await command(*LOGIN)
    age(kept, address="elsewhere:1")  # type: ignore[arg-type]
    before = len(gateway.calls)
    assert await command("whoami") == exit_codes.USAGE
    assert "locution login" in capsys.readouterr().err
    assert len(gateway.calls) == before


async def test_a_session_that_is_over_is_said_and_can_be_left(
    command: Command, kept: Path, typed: pytest.MonkeyPatch, gateway: FakeIdentity
) -> None:
    await command(*LOGIN)
    age(kept, access_expires=0.0)
    gateway.refresh.clear()
    assert await command("whoami") == exit_codes.UNAUTHENTICATED
    assert await command("logout") == exit_codes.OK
    assert not kept.exists()


async def test_logging_out_ends_the_session(
    command: Command, kept: Path, typed: pytest.MonkeyPatch, gateway: FakeIdentity
) -> None:
    await command(*LOGIN)
    assert await command("logout", "--everywhere") == exit_codes.OK
    assert gateway.calls[-1][1].everywhere
    assert gateway.access == set()
    assert await command("logout") == exit_codes.USAGE


async def test_a_wrong_password_leaves_no_session(
    command: Command, kept: Path, monkeypatch: pytest.MonkeyPatch, gateway: FakeIdentity
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("wrong\n"))
    assert await command(*LOGIN) == exit_codes.UNAUTHENTICATED
    assert not kept.exists()
    assert len(gateway.calls) == 1


async def test_an_invitation_makes_a_user(
    command: Command, kept: Path, typed: pytest.MonkeyPatch, gateway: FakeIdentity, capsys: Capture
) -> None:
    assert await command("login", "--invitation", INVITATION, "--json") == exit_codes.OK
    assert json.loads(capsys.readouterr().out)["user"] == USER
    typed.setattr("sys.stdin", io.StringIO("short\n"))
    assert await command("login", "--invitation", INVITATION) == exit_codes.USAGE


async def test_a_key_shows_its_secret_once(command: Command, gateway: FakeIdentity, capsys: Capture) -> None:
    wanted = ("--label", "build", "--scope", "jobs-read", "--scope", "live", "--expires", "90d")
    assert await command("keys", "create", *wanted) == exit_codes.OK
    assert "loc_shown-once" in capsys.readouterr().out
    (key,) = gateway.keys.values()
    assert list(key.scopes) == [identity.SCOPE_JOBS_READ, identity.SCOPE_LIVE]
    assert await command("keys", "rotate", key.name.rpartition("/")[2], "--overlap", "1h") == exit_codes.OK
    assert gateway.calls[-1][1].overlap.seconds == 3600
    capsys.readouterr()
    assert await command("keys", "list", "--json") == exit_codes.OK
    listed = capsys.readouterr().out
    assert len(json.loads(listed)) == 2
    assert "loc_" not in listed
    assert await command("keys", "revoke", key.name) == exit_codes.OK
    assert "revoked" in capsys.readouterr().out


async def test_a_key_of_a_tenant_is_a_members_unless_said(command: Command, gateway: FakeIdentity) -> None:
    assert await command("keys", "create", "--tenant", "acme") == exit_codes.OK
    request = gateway.calls[-1][1]
    assert (request.parent, request.api_key.role) == (TENANT, identity.ROLE_MEMBER)


async def test_users_are_invited_listed_and_changed(command: Command, gateway: FakeIdentity, capsys: Capture) -> None:
    assert await command("users", "invite", "bob@acme.example", "--role", "viewer") == exit_codes.OK
    assert INVITATION in capsys.readouterr().out
    assert await command("users", "list") == exit_codes.OK
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == [USER, "ann@acme.example", "admin"]
    assert await command("users", "set", "ann", "--disable") == exit_codes.OK
    request = gateway.calls[-1][1]
    assert (request.user.name, list(request.update_mask.paths)) == (USER, ["state"])
    assert await command("users", "set", "ann") == exit_codes.USAGE


async def test_tenants_are_made_and_listed(command: Command, gateway: FakeIdentity, capsys: Capture) -> None:
    assert await command("tenants", "create", "umbrella", "--label", "Umbrella", "--share", "3") == exit_codes.OK
    capsys.readouterr()
    assert await command("tenants", "list") == exit_codes.OK
    assert capsys.readouterr().out.splitlines()[1].split() == ["tenants/umbrella", "active", "3", "-", "Umbrella"]


async def test_quotas_are_set_and_shown(command: Command, gateway: FakeIdentity, capsys: Capture) -> None:
    assert await command("quotas", "set", "audio_duration_per_day=10h", "api_keys=5", "open_uploads=default") == 0
    assert gateway.limits.audio_duration_per_day.seconds == 36_000
    assert list(gateway.calls[-1][1].update_mask.paths)[-1] == "limits.open_uploads"
    rows = {line.split()[0]: line.split()[-1] for line in capsys.readouterr().out.splitlines()}
    assert (rows["api_keys"], rows["open_uploads"]) == ("set", "default")
    for wrong in ("api_keys=many", "nothing=1", "api_keys"):
        assert await command("quotas", "set", wrong) == exit_codes.USAGE


async def test_usage_is_a_table_with_a_total(command: Command, capsys: Capture) -> None:
    assert await command("usage", "--from", "2026-11-01") == exit_codes.OK
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == ["2026-11-01", "key:abc", "90.0", "s", "2.0", "MB", "3"]
    assert lines[2][0] == "total"


async def test_settings_are_set_by_words(command: Command, gateway: FakeIdentity, capsys: Capture) -> None:
    values = ("language=es", "diarization=off", "decode_mode=fast", "export_format=srt", "beam_size=4")
    assert await command("settings", "set", *values) == exit_codes.OK
    mine = gateway.defaults["mine"]
    assert (mine.config.language, mine.config.decode_mode, mine.config.beam_size) == ("es", DECODE_MODE_FAST, 4)
    assert mine.config.diarization.HasField("enabled")
    assert mine.export_format == ExportTranscriptRequest.FORMAT_SRT
    assert "job_defaults.config.language" in gateway.calls[-1][1].update_mask.paths
    capsys.readouterr()
    assert await command("settings", "get") == exit_codes.OK
    assert "FORMAT_SRT" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", ["prompt=x", "language", "beam_size=many", "decode_mode=slow"])
async def test_wrong_settings_are_refused_before_any_call(command: Command, gateway: FakeIdentity, wrong: str) -> None:
    assert await command("settings", "set", wrong) == exit_codes.USAGE
    assert gateway.calls == []


async def test_settings_of_a_tenant_are_unset(command: Command, gateway: FakeIdentity) -> None:
    assert await command("settings", "unset", "language", "--tenant", "acme") == exit_codes.OK
    request: Any = gateway.calls[-1][1]
    assert (request.settings.name, list(request.update_mask.paths)) == (
        f"{TENANT}/settings",
        ["job_defaults.config.language"],
    )
