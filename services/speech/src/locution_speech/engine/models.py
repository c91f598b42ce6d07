"""The flows that engines work for, and the models that they lease."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NewType

FlowKey = NewType("FlowKey", str)
ModelName = NewType("ModelName", str)


class TrafficClass(Enum):
    """Classes of traffic: LIVE is served before FILE."""

    LIVE = 0
    FILE = 1


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file below the model's folder with its SHA-256 in hexadecimal."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """The registry's record of a model; `refusal` says why it is not usable, None if it is."""

    name: ModelName
    checksum: str
    size: int
    refusal: str | None
    files: tuple[ModelFile, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """Who asks, as far as an engine may know; `deadline` is in seconds of the event loop's clock."""

    key: FlowKey
    share: int = 1
    traffic: TrafficClass = TrafficClass.FILE
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """The sum of the times of windows: each one's wait, and its share of its batch's computing."""

    queue_seconds: float = 0.0
    compute_seconds: float = 0.0
    windows: int = 0
    redone_windows: int = 0
    mean_batch_size: float = 0.0

    def add(self, *, queued: float, computed: float, batch_size: float, redone: bool = False) -> Timings:
        """Add a window."""
        return Timings(
            self.queue_seconds + queued,
            self.compute_seconds + computed,
            self.windows + 1,
            self.redone_windows + redone,
            self.mean_batch_size + (batch_size - self.mean_batch_size) / (self.windows + 1),
        )
