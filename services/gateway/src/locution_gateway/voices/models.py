"""Voices that a tenant enrolled, by which speakers are named across recordings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from locution_gateway.models.models import ModelChoice
from locution_gateway.platform.ids import VoiceId

Embedding: TypeAlias = tuple[float, ...]
"""A voice as a diarization model hears it; only those of the same model can be compared."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Somebody who is recognised, as the tenant sees it."""

    voice_id: VoiceId
    created_by: str
    display_name: str
    model: ModelChoice
    create_time: datetime
    version: int


@dataclass(frozen=True, slots=True)
class NewVoice:
    """A voice to be kept; `limit` is how many its tenant may have."""

    voice_id: VoiceId
    display_name: str
    model: ModelChoice
    embedding: Embedding
    limit: int


@dataclass(frozen=True, slots=True)
class VoiceChange:
    """What an update sets. None keeps the field."""

    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class KnownVoice:
    """A voice to look for."""

    voice_id: VoiceId
    display_name: str
    embedding: Embedding


@dataclass(frozen=True, slots=True)
class Sample:
    """A speaker of a job, as far as it can be enrolled: None for what the job does not have."""

    state: str
    model: ModelChoice | None
    speech_samples: int | None
    embedding: Embedding | None
