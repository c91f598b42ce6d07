"""Models, as far as jobs depend on them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from locution_speech.capabilities import Capabilities


class ModelKind(StrEnum):
    """What a model does."""

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
    """A resolved model, frozen into the job: "<set>/<model>" and the SHA-256 that the registry holds."""

    path: str
    checksum: str
