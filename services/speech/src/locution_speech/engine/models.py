"""Name what engines work for, and the weights that they lend."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NewType

FlowKey = NewType("FlowKey", str)
WeightName = NewType("WeightName", str)


class TrafficClass(Enum):
    """Order traffic: LIVE is served before FILE."""

    LIVE = 0
    FILE = 1


@dataclass(frozen=True, slots=True)
class WeightFile:
    """Name a file below the weight's folder with its SHA-256 in hexadecimal."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class WeightRecord:
    """Say what the registry holds of a weight; `refusal` says why it may not be used, None when it may."""

    name: WeightName
    checksum: str
    size: int
    refusal: str | None
    files: tuple[WeightFile, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """Say for whom work is done, as far as an engine may know; `deadline` is in seconds of the event loop's clock."""

    key: FlowKey
    share: int = 1
    traffic: TrafficClass = TrafficClass.FILE
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """Sum up the time that windows took: each one's wait, and its share of its batch's computing."""

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
