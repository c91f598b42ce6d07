"""The persistent state of the local stack: ports, processes, and the place of Postgres' data."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from locution_local.errors import StackError
from locution_local.folder import StateFolder, write_private
from locution_local.processes import Process

VERSION = 1


@dataclass(slots=True)
class State:
    """The mutable record of one stack. The command that changes it saves it."""

    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)
    postgres_folder: Path | None = None
    """A temporary folder, used if Postgres' own user cannot reach the state folder."""


def load(folder: StateFolder) -> State:
    """Read the record, or return an empty one."""
    if not folder.state.exists():
        return State()
    try:
        return _from_json(json.loads(folder.state.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise StackError(f"cannot read {folder.state} ({error}); `make clean` removes the stack") from error


def save(folder: StateFolder, state: State) -> None:
    """Save the record atomically."""
    document = {
        "version": VERSION,
        "ports": state.ports,
        "processes": {name: dataclasses.asdict(process) for name, process in state.processes.items()},
        "postgres_folder": str(state.postgres_folder) if state.postgres_folder else None,
    }
    write_private(folder.state, json.dumps(document, indent=2, sort_keys=True) + "\n")


def _from_json(document: Mapping[str, object]) -> State:
    if document["version"] != VERSION:
        raise ValueError(f"version {document['version']}, not {VERSION}")
    ports, processes, postgres = document["ports"], document["processes"], document["postgres_folder"]
    if not isinstance(ports, dict) or not isinstance(processes, dict):
        raise TypeError("ports and processes must be objects")
    return State(
        ports={name: int(port) for name, port in ports.items()},
        processes={name: Process(**fields) for name, fields in processes.items()},
        postgres_folder=Path(str(postgres)) if postgres else None,
    )
