"""Model weights, as far as jobs depend on them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from locution_gateway.domain.config import ModelChoice


class ModelKind(StrEnum):
    """What a model does."""

    ASR = "ASR"
    DIARIZATION = "DIARIZATION"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model can do; an option outside of this is refused."""

    languages: frozenset[str] = frozenset()
    language_detection: bool = False
    translation: bool = False
    word_times: bool = False
    prompt: bool = False
    speaker_counts: bool = False
    overlap: bool = False


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """The weight that the registry chose for a job. `fallback` says why it is not the first choice."""

    choice: ModelChoice
    capabilities: Capabilities
    fast_allowed: bool = False
    fallback: str | None = None
