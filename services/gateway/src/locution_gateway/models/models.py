"""Models as jobs use them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from locution_speech.capabilities import Capabilities


class ModelKind(StrEnum):
    """The kind of a model."""

    ASR = "ASR"
    DIARIZATION = "DIARIZATION"


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """The model that the registry chose for a job. `fallback` says why it is not the first choice."""

    choice: ModelChoice
    capabilities: Capabilities
    fast_allowed: bool = False
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A resolved model, frozen into the job: "<set>/<model>" and its SHA-256 from the registry."""

    path: str
    checksum: str
