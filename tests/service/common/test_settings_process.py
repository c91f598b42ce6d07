"""Settings as an operator meets them: at the command line of a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support import canaries


def _run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("LOCUTION_")} | settings
    command = [sys.executable, "-m", "tests.service.common.echo_process", *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=50, check=False)
    canaries.keep("echo", done.stdout, done.stderr)
    return done


def test_every_problem_is_told_at_once_and_no_secret() -> None:
    done = _run(
        "--check-settings",
        LOCUTION_LISTEN="nowhere",
        LOCUTION_SHUTDOWN_GRACE="-1",
        LOCUTION_SERVICE_TOKEN="short-canary",
        LOCUTION_LOG_LEVEL="LOUD",
    )
    assert done.returncode == 2
    for name in ("LISTEN", "SHUTDOWN_GRACE", "SERVICE_TOKEN", "LOG_LEVEL"):
        assert f"\nLOCUTION_{name}: " in done.stderr
    assert "example: LOCUTION_LISTEN=0.0.0.0:50051" in done.stderr
    assert "Seconds that running calls" in done.stderr
    assert "canary" not in done.stderr + done.stdout


def test_good_settings_pass_the_check_without_serving() -> None:
    done = _run("--check-settings", LOCUTION_LISTEN="127.0.0.1:1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "echo: the settings are valid\n"


def test_help_lists_every_setting() -> None:
    done = _run("--help")
    assert done.returncode == 0
    assert "LOCUTION_SERVICE_TOKEN (or LOCUTION_SERVICE_TOKEN_FILE)" in done.stdout
    assert "default: 20.0; example: LOCUTION_SHUTDOWN_GRACE=30" in done.stdout


def test_a_secret_in_both_places_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("from-the-file-canary\n")
    done = _run("--check-settings", LOCUTION_SERVICE_TOKEN="x" * 20, LOCUTION_SERVICE_TOKEN_FILE=str(secret))
    assert done.returncode == 2
    assert "LOCUTION_SERVICE_TOKEN: is set, and so is LOCUTION_SERVICE_TOKEN_FILE" in done.stderr


def test_unknown_arguments_are_refused() -> None:
    assert _run("--serve").returncode == 2
