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
