"""The search for secrets finds each kind wherever it is planted, and says nothing of what is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import canaries, processes

ROOT = Path(__file__).resolve().parents[3]
KEY_ID, SECRET = "a" * 16, "b2" * 26
PLANTED = {
    "a secret that tests gave": canaries.secret("planted"),
    "an API key": f"loc_{KEY_ID}_{SECRET}",
    "an invitation or a refresh token": f"lor_{'0' * 32}_{SECRET}",
    "a session's token": f"eyJ{'x' * 20}.eyJ{'y' * 20}.{'z' * 30}",
    "a webhook's secret": f"whsec_{'A' * 32}",
    "a presigned URL": f"X-Amz-Signature={'0' * 64}",
}
INNOCENT = f'{{"service": "asr", "message": "key:{KEY_ID} was made, loc_ begins a key, whsec_ a secret"}}\n'


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run of its own."""
    folder = tmp_path / "run"
    monkeypatch.setenv(canaries.VARIABLE, str(folder))
    folder.mkdir()
    return folder


def grep(folder: Path | None) -> subprocess.CompletedProcess[str]:
    """Run tests/leaks as `make test` does."""
    env = {name: value for name, value in os.environ.items() if name != canaries.VARIABLE}
    env |= {} if folder is None else {canaries.VARIABLE: str(folder)}
    command = [sys.executable, "-m", "pytest", "tests/leaks", "-p", "no:cacheprovider"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=50, check=False)


def test_every_form_has_a_planted_secret() -> None:
    assert set(PLANTED) == set(canaries.FORMS)


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_secret_is_found_with_its_place_and_not_repeated(run: Path, what: str) -> None:
    (run / "asr.log").write_text(f"{INNOCENT}{INNOCENT}")
    (run / "spans.jsonl").write_text(f'{INNOCENT}{{"attributes": {{"url": "https://x/?a={PLANTED[what]}&b"}}}}\n')
    assert [str(leak) for leak in canaries.leaks(run)] == [f"spans.jsonl:2: {what}"]


def test_a_noted_secret_is_found_and_the_note_itself_is_not(run: Path) -> None:
    canaries.note("0123456789abcdef", "fedcba9876543210")
    assert list(canaries.leaks(run)) == []
    canaries.keep("registry", INNOCENT, b"refused fedcba9876543210!")
    assert [leak.what for leak in canaries.leaks(run)] == ["a noted secret"]


def test_a_noted_secret_that_is_too_short_to_tell_is_refused(run: Path) -> None:
    canaries.note("short")
    with pytest.raises(ValueError, match="too short"):
        list(canaries.leaks(run))


def test_what_is_innocent_is_no_leak(run: Path) -> None:
    canaries.keep("worker", INNOCENT)
    assert list(canaries.leaks(run)) == []


def test_a_process_leaves_its_log_to_the_run(run: Path, tmp_path: Path) -> None:
    log = tmp_path / "echo.log"
    secret = PLANTED["a secret that tests gave"]
    child = processes.spawn([sys.executable, "-c", f"print('{secret}')"], log=log)
    assert child.wait(60) == 0
    assert secret in log.read_text()
    log.unlink()
    assert [leak.what for leak in canaries.leaks(run)] == ["a secret that tests gave"]


def test_copies_are_kept_of_folders_and_files(run: Path, tmp_path: Path) -> None:
    logs = tmp_path / "stack" / "logs"
    logs.mkdir(parents=True)
    (logs / "asr.log").write_text(INNOCENT)
    (logs.parent / "trace.jsonl").write_text(INNOCENT)
    canaries.keep_copies(logs, logs.parent / "trace.jsonl", logs.parent / "absent.jsonl")
    assert sorted(path.suffix for path in canaries.files(run)) == [".jsonl", ".log"]


def test_without_a_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(canaries.VARIABLE, raising=False)
    log = canaries.kept(tmp_path / "x.log")
    canaries.keep("x", "said")
    canaries.note("a-secret-of-some-length")
    assert (canaries.spans("x"), canaries.handler(), list(tmp_path.iterdir())) == ({}, None, [])
    assert not log.exists()


def test_the_last_folder_fails_on_a_leak_on_no_logs_and_on_a_service_unheard(run: Path) -> None:
    empty = grep(run)
    assert empty.returncode == 1
    assert "there are no logs" in empty.stdout
    names = ("locution-gateway-api", "locution-gateway-worker", "locution-registry", "asr", "diarizer")
    lines = "".join(f'{{"service": "{name}"}}\n' for name in names)
    canaries.keep("all", lines)
    assert "no spans of" in grep(run).stdout
    (run / "spans.jsonl").write_text(lines)
    clean = grep(run)
    assert clean.returncode == 0, clean.stdout
    canaries.keep("worker", PLANTED["an API key"])
    leaking = grep(run)
    assert leaking.returncode == 1
    assert "an API key" in leaking.stdout
    assert SECRET not in leaking.stdout + leaking.stderr


def test_the_last_folder_says_loudly_that_it_read_nothing() -> None:
    done = grep(None)
    assert done.returncode == 0
    assert "NOTHING WAS GREPPED" in done.stdout
