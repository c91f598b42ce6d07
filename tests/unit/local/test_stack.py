"""How the processes are described, and how failures are told."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from locution_local import lifecycle, ports, processes
from locution_local import stack as stacks
from locution_local.cli import main
from locution_local.errors import RoleFailed, StackError
from locution_local.folder import StateFolder
from locution_local.postgres import Postgres, reachable
from locution_local.processes import SystemUser
from locution_local.roles import STORES, Role
from locution_local.stack import Stack, open_stack, read_stack

from tests.unit.local.conftest import ALONE


@pytest.fixture(autouse=True)
def no_system_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make no user of the machine for tests that start no Postgres."""
    monkeypatch.setattr("locution_local.postgres.system_user", lambda: None)


@pytest.fixture
def stack(folder: StateFolder) -> Stack:
    return open_stack(folder, ALONE)


def test_the_processes_come_up_in_order(stack: Stack) -> None:
    names = [[role.name for role in wave] for wave in lifecycle.waves(stack.roles)]
    assert names == [["postgres", "s3"], ["registry"], ["asr", "diarizer", "gateway", "worker"]]


def test_replicas_are_addressed_as_a_list(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUTION_ASR_REPLICAS", "2")
    stack = open_stack(folder, ALONE)
    addresses = [f"localhost:{stack.role(name).port}" for name in ("asr", "asr-2")]
    assert stack.role("worker").settings["LOCUTION_ASR_ADDRESS"] == ",".join(addresses)
    assert len(set(addresses)) == 2


@pytest.mark.parametrize("count", ["0", "17"])
def test_impossible_replicas_are_refused(folder: StateFolder, monkeypatch: pytest.MonkeyPatch, count: str) -> None:
    monkeypatch.setenv("LOCUTION_ASR_REPLICAS", count)
    with pytest.raises(StackError, match="LOCUTION_ASR_REPLICAS"):
        open_stack(folder, ALONE)


def test_everything_listens_on_loopback_alone(stack: Stack) -> None:
    for role in stack.roles:
        listening = [value for name, value in role.settings.items() if name.endswith("LISTEN")]
        assert all(address.startswith("127.0.0.1:") for address in (role.address, *listening))
    assert "-ip.bind=127.0.0.1" in stack.role("s3").command
    assert "listen_addresses=127.0.0.1" in stack.role("postgres").command


def test_no_secret_stands_on_a_command_line(stack: Stack) -> None:
    secrets = {path.read_text() for path in stack.folder.secrets.iterdir()}
    assert secrets
    for role in stack.roles:
        assert not any(secret in part for secret in secrets for part in role.command)


def test_the_s3_server_refuses_anonymous_writes_and_makes_no_buckets(stack: Stack) -> None:
    role = stack.role("s3")
    assert role.environment()["AWS_ACCESS_KEY_ID"] == (stack.folder.secrets / "s3-access-key").read_text()
    assert {"-s3.autoCreateBucket=false", "-master.telemetry=false"} <= set(role.command)


def test_the_filer_of_the_s3_server_needs_a_token(stack: Stack) -> None:
    key, environment = (stack.folder.secrets / "s3-filer-key").read_text(), stack.role("s3").environment()
    assert environment["WEED_JWT_FILER_SIGNING_KEY"] == environment["WEED_JWT_FILER_SIGNING_READ_KEY"] == key


def test_each_service_has_a_login_that_owns_nothing(stack: Stack) -> None:
    logins = {"gateway": "locution_api", "worker": "locution_worker", "registry": "locution_registry"}
    for name, login in logins.items():
        settings = stack.role(name).settings
        assert settings["LOCUTION_DATABASE_URL"].startswith(f"postgresql://{login}:")
        assert "LOCUTION_MIGRATION_DATABASE_URL" not in settings


def test_own_settings_do_not_reach_the_services(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUTION_PORT", "1")
    monkeypatch.setenv("LOCUTION_LISTEN", "0.0.0.0:1")
    monkeypatch.setenv("LOCUTION_ASR_THREADS", "2")
    environment = stack.role("asr").environment()
    assert "LOCUTION_PORT" not in environment
    assert environment["LOCUTION_LISTEN"] == stack.role("asr").address
    assert environment["LOCUTION_ASR_THREADS"] == "2"


def test_a_changed_setting_changes_the_digest_of_those_who_use_it(
    folder: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {role.name: role.digest for role in open_stack(folder, ALONE).roles}
    monkeypatch.setenv("LOCUTION_ASR_REPLICAS", "2")
    after = {role.name: role.digest for role in open_stack(folder, ALONE).roles if role.name in before}
    assert {name for name in before if before[name] != after[name]} == {"gateway", "worker"}


def test_the_command_line_finds_the_gateway(stack: Stack) -> None:
    stack.write_client_env()
    lines = stack.folder.client_env.read_text().splitlines()
    assert lines[0] == f"LOCUTION_ADDRESS={stack.role('gateway').address}"
    assert lines[1].startswith("LOCUTION_API_KEY=")


def test_reading_changes_nothing(folder: StateFolder, stack: Stack) -> None:
    before = folder.state.read_bytes()
    assert read_stack(folder) is not None
    assert folder.state.read_bytes() == before
    assert read_stack(StateFolder(folder.root / "nowhere")) is None


def test_a_folder_is_reachable_where_every_folder_above_may_be_passed(tmp_path: Path) -> None:
    nobody = SystemUser("nobody", 65534, 65534)
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner, *inner.parents[:4]):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/tmp"):
            folder.chmod(0o755)
    assert reachable(inner, nobody)
    inner.parent.chmod(0o700)
    assert not reachable(inner, nobody)
    assert reachable(inner, SystemUser("owner", inner.stat().st_uid, inner.stat().st_gid))


class _Scripted:
    """Answer as the test says: the last answer for ever."""

    def __init__(self, *answers: str | None) -> None:
        self._answers = list(answers)

    def __call__(self) -> str | None:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.fixture
def running(stack: Stack) -> Iterator[Stack]:
    yield stack
    for process in stack.state.processes.values():
        processes.send(process, signal.SIGKILL)
        processes._CHILDREN.pop(process.pid).wait(60)


def _role(stack: Stack, name: str, script: str, *answers: str | None) -> Role:
    return Role(name, ("sh", "-c", script), {}, stack.folder.root, 1, _Scripted(*answers), stop_seconds=5.0)


def test_waiting_ends_when_all_are_well(running: Stack) -> None:
    role = _role(running, "asr", "exec sleep 60", "NOT_SERVING", None)
    assert lifecycle.ensure(running, role)
    assert not lifecycle.ensure(running, role)
    said: list[str] = []
    lifecycle.wait_well(running, [role], [role], timeout=60, say=said.append, began=time.monotonic())
    assert "asr" in said[0]


def test_a_dead_process_is_told_at_once_with_its_log(running: Stack) -> None:
    role = _role(running, "worker", "echo no such table; exit 7", "UNAVAILABLE")
    lifecycle.ensure(running, role)
    with pytest.raises(RoleFailed) as caught:
        lifecycle.wait_well(running, [role], [role], timeout=3600, say=print, began=time.monotonic())
    message = str(caught.value)
    assert "worker is not up: it exited with status 7" in message
    assert "| no such table" in message
    assert str(running.folder.log("worker")) in message


def test_an_unwell_process_is_told_at_the_timeout(running: Stack) -> None:
    role = _role(running, "asr", "echo loading; exec sleep 60", "NOT_SERVING")
    lifecycle.ensure(running, role)
    with pytest.raises(RoleFailed, match="asr is not up: not well after 0 s: NOT_SERVING"):
        lifecycle.wait_well(running, [role], [role], timeout=0.2, say=print, began=time.monotonic())


def test_other_settings_start_a_process_anew(running: Stack) -> None:
    lifecycle.ensure(running, _role(running, "asr", "exec sleep 60", None))
    first = running.state.processes["asr"]
    assert lifecycle.ensure(running, _role(running, "asr", "exec sleep 61", None))
    assert running.state.processes["asr"].pid != first.pid
    processes._CHILDREN.pop(first.pid).wait(60)


def test_kill_needs_no_turn(running: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    lifecycle.ensure(running, _role(running, "asr", "exec sleep 60", None))
    monkeypatch.setenv("LOCUTION_STATE", str(running.folder.root))
    monkeypatch.setattr(ports, "BLOCKS", [])
    assert main(["kill", "asr"]) == 0
    assert not processes.alive(running.state.processes["asr"])
    assert main(["restart", "asr"]) == 1


def test_migrate_reports_before_the_stack_ends_it(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUTION_MIGRATION_WAIT", "3600")
    show = (sys.executable, "-c", "import os; print(os.environ['LOCUTION_MIGRATION_WAIT'])")
    roles = tuple(replace(role, command=show) if role.name == "registry" else role for role in stack.roles)
    lifecycle.migrate(replace(stack, roles=roles), ["registry"])
    (wait,) = stack.folder.log("migrate-registry").read_text().splitlines()
    assert 0 < float(wait) < lifecycle.MIGRATE_TIMEOUT / 2


def test_processes_that_are_no_longer_wanted_are_ended(running: Stack) -> None:
    lifecycle.ensure(running, _role(running, "asr-9", "exec sleep 60", None))
    process = running.state.processes["asr-9"]
    lifecycle.stop_strangers(running)
    assert not processes.alive(process)
    assert "asr-9" not in running.state.processes
    processes._CHILDREN.pop(process.pid).wait(60)


@pytest.mark.parametrize(
    "command", ["up", "down", "status", "logs", "clean", "models", "environments", "restart", "start", "kill"]
)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert command in capsys.readouterr().out


def test_environments_need_a_folder(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("LOCUTION_ENVIRONMENTS", raising=False)
    assert main(["environments"]) == 1
    assert "set LOCUTION_ENVIRONMENTS" in capsys.readouterr().err


def test_commands_without_a_stack_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCUTION_STATE", str(tmp_path / "none"))
    assert main(["down"]) == 0
    assert main(["clean"]) == 0
    assert main(["status"]) == 3
    assert main(["restart", "asr"]) == 1
    assert not (tmp_path / "none").exists()
    assert "no stack in" in capsys.readouterr().out


def test_clean_removes_the_stack_and_nothing_else(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUTION_STATE", str(stack.folder.root))
    kept = stack.folder.root / "mine.txt"
    kept.write_text("keep")
    assert main(["clean"]) == 0
    assert [path.name for path in stack.folder.root.iterdir()] == ["mine.txt"]
    kept.unlink()


def test_clean_leaves_a_folder_that_is_no_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine").write_text("keep")
    monkeypatch.setenv("LOCUTION_STATE", str(tmp_path))
    assert main(["clean"]) == 0
    assert (tmp_path / "models" / "mine").read_text() == "keep"


def test_an_unknown_process_is_named_with_those_there_are(stack: Stack) -> None:
    with pytest.raises(StackError, match=r"'asr-7'.*postgres, s3, registry, asr"):
        stack.role("asr-7")


def test_asr_replicas_stay_as_many_as_there_were(folder: StateFolder) -> None:
    record = open_stack(folder, ALONE).state
    record.processes = {name: processes.Process(1, "x", "y") for name in ("asr", "asr-2", "gateway")}
    assert stacks.asr_names(record) == ["asr", "asr-2"]


def test_stores_are_the_first_wave(stack: Stack) -> None:
    assert isinstance(stack.postgres, Postgres)
    assert {role.name for role in stack.roles if role.wave == STORES} == {"postgres", "s3"}


@pytest.mark.parametrize(
    ("arguments", "own_root", "brought"), [([], False, True), (["--no-models"], False, False), ([], True, False)]
)
def test_up_brings_the_development_models_unless_told_or_given_others(
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    own_root: bool,
    brought: bool,
) -> None:
    done: list[str] = []
    monkeypatch.setenv("LOCUTION_STATE", str(stack.folder.root))
    monkeypatch.delenv("LOCUTION_MODELS_ROOT", raising=False)
    if own_root:
        monkeypatch.setenv("LOCUTION_MODELS_ROOT", str(tmp_path / "models"))
    monkeypatch.setattr("locution_local.commands.up.model_files.install", lambda *_: done.append("install"))
    monkeypatch.setattr("locution_local.commands.up.bring_up", lambda *_, **__: done.append("start"))
    assert main(["up", *arguments]) == 0
    assert done == (["install", "start"] if brought else ["start"])
