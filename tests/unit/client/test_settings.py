"""Where the connection comes from."""

from __future__ import annotations

from pathlib import Path

import pytest
from locution_client.settings import Connection, NotConfigured, connection

FILE = "LOCUTION_ADDRESS=127.0.0.1:1\nLOCUTION_API_KEY=from=file\n"


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    _client_env(tmp_path / ".locution")
    found = connection({"LOCUTION_ADDRESS": "elsewhere:2"}, tmp_path)
    assert found == Connection("elsewhere:2", "from=file")


def test_the_file_is_found_in_a_folder_above(tmp_path: Path) -> None:
    _client_env(tmp_path / ".locution")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert connection({}, below) == Connection("127.0.0.1:1", "from=file")


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    _client_env(tmp_path / ".locution")
    _client_env(tmp_path / "a" / ".locution", FILE.replace(":1", ":9"))
    assert connection({}, tmp_path / "a").address == "127.0.0.1:9"


def test_the_state_folder_replaces_the_search(tmp_path: Path) -> None:
    _client_env(tmp_path / ".locution")
    _client_env(tmp_path / "state", FILE.replace(":1", ":7"))
    assert connection({"LOCUTION_STATE": str(tmp_path / "state")}, tmp_path).address == "127.0.0.1:7"


@pytest.mark.parametrize(
    "environment", [{}, {"LOCUTION_ADDRESS": "a:1"}, {"LOCUTION_ADDRESS": "", "LOCUTION_API_KEY": "k"}]
)
def test_what_is_missing_is_named(tmp_path: Path, environment: dict[str, str]) -> None:
    missing = "LOCUTION_API_KEY" if environment.get("LOCUTION_ADDRESS") else "LOCUTION_ADDRESS"
    with pytest.raises(NotConfigured, match=missing):
        connection(environment, tmp_path)


def _client_env(folder: Path, text: str = FILE) -> None:
    folder.mkdir(parents=True)
    (folder / "client.env").write_text(text)
