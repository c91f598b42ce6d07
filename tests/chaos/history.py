"""What the server acknowledged to its clients, and what they saw: the record that the validator holds it to."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID


@dataclass
class Sent:
    """An upload as its sender knows it."""

    name: str
    size: int
    sha256: str
    recording: str
    offered: int = 0
    """Bytes ever given to the network."""
    committed: int = 0
    """The highest offset that was ever acknowledged."""
    ready: bool = False
    deleted_at: float | None = None


@dataclass
class Asked:
    """A job as its client knows it."""

    name: str
    label: str
    recording: str
    diarize: bool
    retry_of: str | None = None
    cursors: list[int] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    """States as the events told them, in order."""
    cancelled: bool = False
    deleting: bool = False
    deleted_at: float | None = None
    ended_at: float | None = None

    @property
    def id(self) -> str:
        """Return the id within the name."""
        return self.name.partition("/")[2]


@dataclass
class History:
    """Everything of one cluster's life."""

    uploads: dict[str, Sent] = field(default_factory=dict)
    jobs: dict[str, Asked] = field(default_factory=dict)
    refusals: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Method, code and reason of every call that failed."""
    violations: list[str] = field(default_factory=list)
    """What the clients themselves saw go wrong."""
    cuts: int = 0
    reconnects: int = 0

    def violated(self, what: str) -> None:
        """Note a broken promise."""
        self.violations.append(what)

    def observed(self, sent: Sent, committed: int) -> None:
        """Note an acknowledged offset: it never goes back, and never exceeds what was sent (I2)."""
        if committed < sent.committed:
            self.violated(f"I2 {sent.name}: the offset went back from {sent.committed} to {committed}")
        if committed > sent.offered:
            self.violated(f"I2 {sent.name}: {committed} bytes are acknowledged, {sent.offered} were sent")
        sent.committed = max(sent.committed, committed)

    def saw(self, asked: Asked, cursor: str, state: str | None) -> None:
        """Note an event: ids rise by one, and nothing follows a terminal state (I3, I5, I12)."""
        number = int(cursor.rpartition(".")[2])
        expected = (asked.cursors[-1] if asked.cursors else 0) + 1
        if number != expected:
            self.violated(f"I12 {asked.name}: event {number} came where {expected} should")
        if asked.ended_at is not None:
            self.violated(f"I5 {asked.name}: event {number} came after the terminal one")
        asked.cursors.append(number)
        if state is not None:
            asked.states.append(state)
            if state in TERMINAL:
                asked.ended_at = time.time()


def uuid_of(name: str) -> UUID:
    """Return the id within a resource name."""
    return UUID(name.partition("/")[2])


TERMINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
