"""The state folder: private where it must be, and changed by one command at a time."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from locution_local import folder as folders
from locution_local import state
from locution_local.credentials import Credentials
from locution_local.errors import StackError
from locution_local.folder import StateFolder, state_folder
from locution_local.processes import Process
from locution_local.state import State

HOLD = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from locution_local.folder import StateFolder
with StateFolder(Path(sys.argv[2])).locked():
    print("held", flush=True); sys.stdin.read()
"""


def test_secrets_are_made_once_and_are_private(folder: StateFolder) -> None:
    credentials = Credentials(folder)
    first = credentials.value("api-key")
    assert len(first) == 48
    assert credentials.value("api-key") == first
    assert credentials.value("service-token") != first
    assert stat.S_IMODE(credentials.path("api-key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.secrets.stat().st_mode) == 0o700


def test_the_record_is_read_back(folder: StateFolder) -> None:
    written = State({"gateway": 50051}, {"gateway": Process(7, "boot:1", "digest")}, Path("/elsewhere"))
    state.save(folder, written)
    assert state.load(folder) == written
    assert stat.S_IMODE(folder.state.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "{}", '{"version": 99}', '{"version": 1, "ports": [], "processes": {}}'])
def test_a_broken_record_is_told(folder: StateFolder, text: str) -> None:
    folder.state.write_text(text)
    with pytest.raises(StackError, match="cannot read"):
        state.load(folder)


def test_the_folder_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert state_folder().root.name == ".locution"
    monkeypatch.setenv("LOCUTION_STATE", str(tmp_path / "x" / ".." / "y"))
    assert state_folder().root == tmp_path / "y"


def test_the_lock_keeps_another_command_out(
    folder: StateFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(folders, "LOCK_WAIT", 0.3)
    program = str(Path(folders.__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, program, str(folder.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StackError, match="another command"), folder.locked():
            pytest.fail("the lock was given twice")
        assert f"process {holder.pid}" in capsys.readouterr().err
        holder.communicate("")
    with folder.locked():
        assert folder.lock.exists()


def test_a_lock_file_removed_meanwhile_is_made_anew(folder: StateFolder) -> None:
    with folder.locked():
        folder.lock.unlink()
        with folder.locked():
            assert folder.lock.exists()
