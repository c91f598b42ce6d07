"""The address of the server and the API key: from the environment, else from `.locution/client.env`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ADDRESS = "LOCUTION_ADDRESS"
API_KEY = "LOCUTION_API_KEY"
CA_FILE = "LOCUTION_CA_FILE"
STATE = "LOCUTION_STATE"


class NotConfigured(Exception):
    """Say which setting is missing and how to set it."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The address of a server and an API key."""

    address: str
    """`host:port` in plain text, or `https://host[:port]`."""
    api_key: str
    ca_file: Path | None = None
    """Certificates to trust with https instead of the system's."""


def connection(
    environment: Mapping[str, str] = os.environ, start: Path | None = None, *, needs_key: bool = True
) -> Connection:
    """Read the connection. Raises NotConfigured without an address, or without a key if one is needed."""
    found = {**client_env(environment, start or Path.cwd()), **{k: v for k, v in environment.items() if v}}
    for name in (ADDRESS, *((API_KEY,) if needs_key else ())):
        if name not in found:
            raise NotConfigured(
                f"{name} is not set, and neither this folder nor a parent folder has a .locution/client.env. "
                f"Set {name}, or start the local stack with `make up`"
            )
    ca_file = found.get(CA_FILE)
    return Connection(found[ADDRESS], found.get(API_KEY, ""), Path(ca_file) if ca_file else None)


def client_env(environment: Mapping[str, str], start: Path) -> dict[str, str]:
    """Return the settings of the nearest client.env: of LOCUTION_STATE, else in `.locution` here or above."""
    path = _client_env_file(environment, start)
    return _parse(path.read_text(encoding="utf-8")) if path else {}


def session_file(environment: Mapping[str, str] = os.environ, start: Path | None = None) -> Path:
    """Return the session's file: beside client.env, else in the user's configuration folder (XDG)."""
    path = _client_env_file(environment, start or Path.cwd())
    if path:
        return path.with_name("session.json")
    settings = environment.get("XDG_CONFIG_HOME")
    return (Path(settings) if settings else Path.home() / ".config") / "locution" / "session.json"


def _client_env_file(environment: Mapping[str, str], start: Path) -> Path | None:
    state = environment.get(STATE)
    folders = [Path(state)] if state else [folder / ".locution" for folder in (start, *start.parents)]
    return next((path for folder in folders if (path := folder / "client.env").is_file()), None)


def _parse(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}
