"""The local stack: its roles with ports and secrets, and which of them run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from locution_local import ports, state
from locution_local.credentials import Credentials
from locution_local.errors import StackError
from locution_local.folder import StateFolder, repository, write_private
from locution_local.postgres import Postgres, locate, place
from locution_local.processes import Process, alive
from locution_local.roles import Role, Wiring, all_roles
from locution_local.state import State

MAX_REPLICAS = 16


@dataclass(frozen=True, slots=True)
class Stack:
    """Everything that a command needs; created under the state folder's lock."""

    folder: StateFolder
    state: State
    wiring: Wiring
    postgres: Postgres
    roles: tuple[Role, ...]

    def role(self, name: str) -> Role:
        """Return the role of a name. Raises StackError with the known names."""
        for role in self.roles:
            if role.name == name:
                return role
        raise StackError(f"no process is called {name!r}. Processes: {', '.join(role.name for role in self.roles)}")

    def process(self, role: Role) -> Process | None:
        """Return the role's process if it runs."""
        process = self.state.processes.get(role.name)
        return process if alive(process) else None

    def save(self) -> None:
        """Save the record."""
        state.save(self.folder, self.state)

    def write_client_env(self) -> None:
        """Write the gateway's address and key for the command line."""
        address, key = self.wiring.address("gateway"), self.wiring.development_key
        write_private(self.folder.client_env, f"LOCUTION_ADDRESS={address}\nLOCUTION_API_KEY={key}\n")


def open_stack(folder: StateFolder, allowed: ports.Turn) -> Stack:
    """Complete the recorded stack: choose ports of stopped processes, create missing folders and secrets."""
    record = state.load(folder)
    asr = asr_names(record)
    _settle_ports(record, asr, allowed)
    place(folder, record)
    stack = _assemble(folder, record, asr)
    stack.wiring.models.mkdir(parents=True, exist_ok=True)
    stack.save()
    return stack


def read_stack(folder: StateFolder) -> Stack | None:
    """Return the recorded stack without changing it, or None."""
    if not folder.state.exists():
        return None
    record = state.load(folder)
    names = [name for name in record.processes if name.startswith("asr")]
    return _assemble(folder, record, names or ["asr"])


def asr_names(record: State) -> list[str]:
    """Return the names of the asr replicas: LOCUTION_ASR_REPLICAS, else the recorded number, else one."""
    recorded = sum(1 for name in record.processes if name.startswith("asr"))
    count = int(os.environ.get("LOCUTION_ASR_REPLICAS") or max(1, recorded))
    if not 1 <= count <= MAX_REPLICAS:
        raise StackError(f"LOCUTION_ASR_REPLICAS must be from 1 to {MAX_REPLICAS}, not {count}")
    return ["asr", *(f"asr-{number}" for number in range(2, count + 1))]


def models_root(folder: StateFolder) -> Path:
    """Return the folder of the model sets."""
    named = os.environ.get("LOCUTION_MODELS_ROOT")
    return Path(named).expanduser().resolve() if named else folder.models


def _settle_ports(record: State, asr: Iterable[str], allowed: ports.Turn) -> None:
    for name in (*ports.DEFAULTS, *asr):
        owner = "s3" if name in ports.WEED else name
        if name not in record.ports or not alive(record.processes.get(owner)):
            record.ports[name] = ports.settle(name, record.ports, allowed)


def _assemble(folder: StateFolder, record: State, asr: list[str]) -> Stack:
    postgres = locate(folder, record, record.ports["postgres"])
    wiring = _wiring(folder, record, asr)
    return Stack(folder, record, wiring, postgres, tuple(all_roles(wiring, postgres)))


def _wiring(folder: StateFolder, record: State, asr: list[str]) -> Wiring:
    credentials = Credentials(folder)
    return Wiring(
        folder=folder.root,
        checkout=repository(),
        scratch=folder.scratch,
        models=models_root(folder),
        trace=folder.trace,
        ports=record.ports,
        service_token=credentials.path("service-token"),
        s3_access_key=credentials.path("s3-access-key"),
        s3_secret_key=credentials.path("s3-secret-key"),
        s3_filer_key=credentials.path("s3-filer-key"),
        development_key=credentials.value("api-key"),
        session_key=credentials.path("session-key"),
        asr=asr,
    )
