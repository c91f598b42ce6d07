"""Every verb of the command line about identity and limits, against the real api, as text and as JSON."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from locution_client.cli import exit_codes
from locution_client.cli.main import _parser, main

from tests.service.gateway.conftest import KEY, Gateway
from tests.service.gateway.identity.test_limits import limit, small
from tests.service.gateway.identity.world import World
from tests.support import canaries

__all__ = ["limit", "small"]

COMMANDS = {"login", "logout", "whoami", "users", "keys", "usage", "quotas", "tenants", "settings"}

FIRST, SECOND, THIRD = (canaries.secret(f"password-{number}") for number in range(3))


class Shell:
    """Somebody's command line: a key in the environment or a session, a standard input, and what was printed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def show(self, key: str | None) -> None:
        """Show a key from now on; None for the session."""
        if key is None:
            self._monkeypatch.delenv("LOCUTION_API_KEY", raising=False)
        else:
            self._monkeypatch.setenv("LOCUTION_API_KEY", key)

    async def run(self, *arguments: str, stdin: str = "", expect: int = exit_codes.OK) -> str:
        """Run a command with its exit status checked, and return what it printed."""
        self._monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = await asyncio.to_thread(main, list(arguments))
        said = self._capsys.readouterr()
        assert code == expect, (arguments, said.out, said.err)
        return said.out if code == exit_codes.OK else said.err

    async def json(self, *arguments: str, stdin: str = "") -> Any:
        """Run a command for its JSON."""
        return json.loads(await self.run(*arguments, "--json", stdin=stdin))

    async def both(self, *arguments: str, stdin: str = "") -> tuple[str, Any]:
        """Run a command that may be repeated, as text and as JSON."""
        return await self.run(*arguments, stdin=stdin), await self.json(*arguments, stdin=stdin)


@pytest.fixture
def shell(api: Gateway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    """The operator's, whose session would be kept in the test's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOCUTION_STATE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("LOCUTION_ADDRESS", api.running.address)
    made = Shell(monkeypatch, capsys)
    made.show(KEY)
    return made


async def joined(shell: Shell, role: str) -> str:
    """Invite Ann to acme and let her log in; return her name."""
    issued = await shell.json("users", "invite", "ann@acme.example", "--tenant", "acme", "--role", role, "--ttl", "2d")
    shell.show(None)
    session = await shell.json("login", "--invitation", issued["token"], "--label", "Ann", stdin=f"{FIRST}\n")
    assert set(session) == {"user", "refresh_expire_time"}
    return str(session["user"])


async def test_tenants(shell: Shell) -> None:
    made = await shell.json("tenants", "create", "acme", "--label", "Acme", "--share", "3")
    assert (made["name"], made["display_name"], made["share"]) == ("tenants/acme", "Acme", 3)
    assert "TENANT_EXISTS" in await shell.run("tenants", "create", "acme", expect=exit_codes.FAILED)
    text, listed = await shell.both("tenants", "list")
    assert "tenants/acme" in text
    assert [tenant["name"] for tenant in listed] == ["tenants/acme", "tenants/default"]
    text, changed = await shell.both("tenants", "set", "acme", "--label", "A", "--share", "4", "--disable")
    assert "disabled" in text
    assert (changed["display_name"], changed["share"], changed["state"]) == ("A", 4, "STATE_DISABLED")
    assert (await shell.both("tenants", "get", "acme"))[1] == await shell.json("tenants", "get", "tenants/acme")
    assert (await shell.json("tenants", "set", "acme", "--enable"))["state"] == "STATE_ACTIVE"
    assert "nothing to change" in await shell.run("tenants", "set", "acme", expect=exit_codes.USAGE)
    assert "TENANT_NOT_FOUND" in await shell.run("tenants", "get", "nowhere", expect=exit_codes.FAILED)
    with pytest.raises(SystemExit):
        await shell.run("tenants", "set", "acme", "--share", "0")


async def test_issuers_of_a_tenant(small: World, shell: Shell) -> None:
    wanted = ("https://idp.example", "--jwks", "https://idp.example/jwks", "--tenant", "acme")
    made = await shell.json("tenants", "issuers", "add", *wanted, "--audience", "one", "--role", "viewer")
    assert (made["algorithm"], made["default_role"]) == ("RS256", "ROLE_VIEWER")
    text = await shell.run("tenants", "issuers", "add", *wanted, "--audience", "two", "--role-claim", "groups")
    assert "claim groups, else member" in text
    text, listed = await shell.both("tenants", "issuers", "list", "--tenant", "acme")
    assert {each["audience"] for each in listed} == {"one", "two"}
    first, second = (each["name"] for each in listed)
    assert await shell.json("tenants", "issuers", "delete", first) == {"name": first}
    last = second.rpartition("/")[2]
    assert "no longer" in await shell.run("tenants", "issuers", "delete", last, "--tenant", "acme")
    assert await shell.json("tenants", "issuers", "list", "--tenant", "acme") == []


async def test_users_are_invited_changed_and_deleted(small: World, shell: Shell) -> None:
    text = await shell.run("users", "invite", "bob@acme.example", "--tenant", "acme")
    assert "loi_" in text
    text, waiting = await shell.both("users", "invitations", "--tenant", "acme")
    assert "bob@acme.example" in text
    again = await shell.json("users", "invite", "eve@acme.example", "--tenant", "acme")
    assert await shell.json("users", "uninvite", again["invitation"]["name"]) == {"name": again["invitation"]["name"]}
    last = waiting[0]["name"].rpartition("/")[2]
    assert "withdrawn" in await shell.run("users", "uninvite", last, "--tenant", "acme")
    ann = await joined(shell, "member")
    shell.show(KEY)
    text, listed = await shell.both("users", "list", "--tenant", "acme")
    assert ann in text
    assert [(user["email"], user["role"]) for user in listed] == [("ann@acme.example", "ROLE_MEMBER")]
    text, changed = await shell.both("users", "set", ann, "--role", "admin", "--label", "A.", "--disable")
    assert (changed["role"], changed["display_name"], changed["state"]) == ("ROLE_ADMIN", "A.", "STATE_DISABLED")
    short = ann.rpartition("/")[2]
    assert (await shell.json("users", "set", short, "--tenant", "acme", "--enable"))["state"] == "STATE_ACTIVE"
    text, reset = await shell.both("users", "reset-password", ann, stdin=f"{SECOND}\n")
    assert ("new password" in text, reset) == (True, {"name": ann})
    assert "at least 12" in await shell.run("users", "reset-password", ann, stdin="short\n", expect=exit_codes.USAGE)
    await shell.json("login", "ann@acme.example", "--tenant", "acme", stdin=f"{SECOND}\n")
    assert await shell.json("users", "delete", ann) == {"name": ann}
    assert "USER_NOT_FOUND" in await shell.run("users", "delete", ann, expect=exit_codes.FAILED)


async def test_a_session_from_login_to_logout(small: World, shell: Shell) -> None:
    ann = await joined(shell, "admin")
    text, known = await shell.both("whoami")
    assert "session" in text
    assert (known["user"], known["tenant"], known["role"]) == (ann, "tenants/acme", "ROLE_ADMIN")
    text = await shell.run("users", "change-password", stdin=f"{FIRST}\n{SECOND}\n")
    assert text == f"{ann} has a new password; its other sessions have ended\n"
    assert await shell.json("users", "change-password", stdin=f"{SECOND}\n{THIRD}\n") == {"name": ann}
    assert "is logged out" in await shell.run("logout")
    assert "no session" in await shell.run("logout", expect=exit_codes.USAGE)
    login = ("login", "ann@acme.example", "--tenant", "acme")
    refused = await shell.run(*login, stdin=f"{FIRST}\n", expect=exit_codes.UNAUTHENTICATED)
    assert "UNAUTHENTICATED" in refused
    assert THIRD not in await shell.run(*login, stdin=f"{THIRD}\n")
    assert await shell.json("logout", "--everywhere") == {"user": ann}
    closed = await shell.run("login", "x@y.example", "--register", stdin=f"{FIRST}\n", expect=exit_codes.FAILED)
    assert "REGISTRATION_CLOSED" in closed


async def test_keys_of_ones_own_and_of_the_tenants_programs(small: World, shell: Shell) -> None:
    ann = await joined(shell, "admin")
    made = await shell.json("keys", "create", "--label", "one", "--scope", "jobs-read", "--expires", "90d")
    assert (made["api_key"]["user"], made["api_key"]["scopes"]) == (ann, ["SCOPE_JOBS_READ"])
    assert "loc_" in await shell.run("keys", "create", "--role", "viewer")
    key = made["api_key"]["name"]
    text, successor = await shell.both("keys", "rotate", key, "--overlap", "1h")
    assert ("loc_" in text, successor["api_key"]["rotated_from"]) == (True, key)
    text, revoked = await shell.both("keys", "revoke", key.rpartition("/")[2])
    assert revoked["state"] == "STATE_REVOKED"
    text, listed = await shell.both("keys", "list")
    assert (len(listed), "loc_" in text + json.dumps(listed)) == (4, False)
    program = await shell.json("keys", "create", "--tenant", "acme", "--label", "two")
    assert (program["api_key"]["role"], "user" in program["api_key"]) == ("ROLE_MEMBER", False)
    text, all_keys = await shell.both("keys", "list", "--tenant", "acme")
    assert program["api_key"]["name"] in text
    assert len(all_keys) == 5 + len(small.mine.keys)
    name = program["api_key"]["name"]
    assert (await shell.json("keys", "rotate", name, "--tenant", "acme"))["api_key"]["rotated_from"] == name
    assert (await shell.both("keys", "revoke", name, "--tenant", "acme"))[1]["state"] == "STATE_REVOKED"
    shell.show(program["secret"])
    assert "UNAUTHENTICATED" in await shell.run("whoami", expect=exit_codes.UNAUTHENTICATED)


async def test_quotas_and_usage(small: World, shell: Shell) -> None:
    limits = ("audio_duration_per_day=10h", "concurrent_jobs=5", "stored_bytes=1000")
    text, changed = await shell.both("quotas", "set", "--tenant", "acme", *limits)
    assert "36000.0 s" in text
    assert changed["limits"] == {"audio_duration_per_day": "36000s", "concurrent_jobs": 5, "stored_bytes": "1000"}
    text, changed = await shell.both("quotas", "set", "--tenant", "acme", "concurrent_jobs=default")
    assert "concurrent_jobs" not in changed["limits"]
    assert (await shell.both("quotas", "get", "--tenant", "acme"))[1]["limits"] == changed["limits"]
    assert "not a quota" in await shell.run("quotas", "set", "nonsense=1", expect=exit_codes.USAGE)
    client = await small.client(small.mine.keys["MEMBER"])
    await client.upload(b"sound")
    shell.show(small.mine.keys["ADMIN"])
    text, used = await shell.both("usage")
    assert (used["total"]["uploaded_bytes"], len(used["rows"])) == ("5", 1)
    subject = used["rows"][0]["subject"]
    assert (await shell.both("usage", "--subject", subject))[1] == used
    assert "rows" not in await shell.json("usage", "--subject", "key:nobody")
    day = used["rows"][0]["date"]
    assert await shell.json("usage", "--from", day, "--to", day) == used
    refused = await shell.run("quotas", "set", "concurrent_jobs=9", expect=exit_codes.UNAUTHENTICATED)
    assert "PERMISSION_DENIED" in refused


async def test_settings_of_ones_own_and_of_the_tenant(small: World, shell: Shell) -> None:
    shell.show(small.mine.keys["ADMIN"])
    values = ("language=es", "export_format=vtt", "diarization=off", "retention=7d", "decode_mode=fast")
    text, own = await shell.both("settings", "set", *values)
    assert "FORMAT_VTT" in text
    assert own["job_defaults"]["config"]["retention"] == "604800s"
    text, own = await shell.both("settings", "unset", "language", "retention")
    assert set(own["job_defaults"]["config"]) == {"diarization", "decode_mode"}
    assert (await shell.both("settings", "get"))[1]["job_defaults"] == own["job_defaults"]
    text, of_tenant = await shell.both("settings", "set", "--tenant", "acme", "beam_size=4")
    assert of_tenant["job_defaults"]["config"] == {"beam_size": 4}
    assert "beam_size            4" in await shell.run("settings", "get", "--tenant", "acme")
    text, of_tenant = await shell.both("settings", "unset", "--tenant", "acme", "beam_size")
    assert of_tenant["job_defaults"].get("config", {}) == {}
    text, of_tenant = await shell.both("settings", "set", "--tenant", "acme", "live_afterwards=job", "language=es")
    assert of_tenant["live_defaults"] == {"afterwards": "AFTERWARDS_JOB"}
    assert "live_afterwards      job" in text
    of_tenant = await shell.json("settings", "unset", "--tenant", "acme", "live_afterwards")
    assert (of_tenant.get("live_defaults", {}), of_tenant["job_defaults"]["config"]) == ({}, {"language": "es"})
    for wrong in (("live_afterwards=job",), ("--tenant", "acme", "live_afterwards=sing")):
        await shell.run("settings", "set", *wrong, expect=exit_codes.USAGE)
    foreign = await shell.run("settings", "set", "language=es", "--tenant", "umbrella", expect=exit_codes.FAILED)
    assert "TENANT_NOT_FOUND" in foreign
    shell.show(small.mine.keys["MEMBER"])
    assert (await shell.json("settings", "get", "--tenant", "acme"))["name"] == "tenants/acme/settings"
    denied = await shell.run("settings", "set", "language=es", "--tenant", "acme", expect=exit_codes.UNAUTHENTICATED)
    assert "PERMISSION_DENIED" in denied


def verbs(parser: argparse.ArgumentParser, *above: str) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Give the commands below a parser that have none below themselves."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield above, parser
    for action in below:
        for name, inner in action.choices.items():
            yield from verbs(inner, *above, name)


def test_every_verb_takes_json_and_is_tried_above() -> None:
    tried = Path(__file__).read_text()
    found = [(words, parser) for words, parser in verbs(_parser()) if words[0] in COMMANDS]
    assert {words[0] for words, _ in found} == COMMANDS
    for words, parser in found:
        assert "--json" in parser.format_help(), words
        assert ", ".join(f'"{word}"' for word in words) in tried, words
