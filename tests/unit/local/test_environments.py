"""Which Python a service runs in."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from locution_local import environments
from locution_local.errors import StackError
from locution_local.folder import StateFolder
from locution_local.stack import open_stack

from tests.unit.local.conftest import ALONE


def test_all_services_share_this_environment_by_default(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locution_local.postgres.system_user", lambda: None)
    commands = {role.command[0] for role in open_stack(folder, ALONE).roles if "-m" in role.command}
    assert commands == {sys.executable}
    assert environments.make() == []


def test_each_service_has_an_environment_of_its_own_by_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(environments.VARIABLE, str(tmp_path))
    monkeypatch.setattr(environments, "repository", lambda: tmp_path)
    (tmp_path / "requirements").mkdir()
    for service in environments.SERVICES:
        (tmp_path / f"requirements/{service}.lock").write_text("before")
    first = [environments.interpreter(service) for service in environments.SERVICES]
    assert len(set(first)) == len(first)
    assert all(Path(python).is_relative_to(tmp_path) for python in first)
    (tmp_path / "requirements/asr.lock").write_text("after")
    changed = [
        environments.interpreter(service) != was for service, was in zip(environments.SERVICES, first, strict=True)
    ]
    assert changed == [False, False, True, False]


def test_a_failed_installation_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environments.VARIABLE, str(tmp_path))

    def fail(folder: Path, service: str, *, editable: bool) -> Path:
        raise StackError(f"no {service} in {folder}, editable: {editable}")

    monkeypatch.setattr(environments, "build", fail)
    with pytest.raises(StackError, match="no gateway"):
        environments.make()
    assert list(tmp_path.iterdir()) == []
