"""Voices that a tenant enrolled, which name speakers across recordings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from locution_gateway.models.models import ModelChoice
from locution_gateway.platform.ids import VoiceId

Embedding: TypeAlias = tuple[float, ...]
"""The embedding of a voice by a diarization model; only those of the same model are comparable."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A person who is recognised, as the tenant sees it."""

    voice_id: VoiceId
    created_by: str
    display_name: str
    model: ModelChoice
    create_time: datetime
    version: int


@dataclass(frozen=True, slots=True)
class NewVoice:
    """A voice to create; `limit` is the tenant's limit."""

    voice_id: VoiceId
    display_name: str
    model: ModelChoice
    embedding: Embedding
    limit: int


@dataclass(frozen=True, slots=True)
class VoiceChange:
    """Values of an update. None keeps a field."""

    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class KnownVoice:
    """A voice for identification."""

    voice_id: VoiceId
    display_name: str
    embedding: Embedding


@dataclass(frozen=True, slots=True)
class Sample:
    """A speaker of a job for enrolment; None for what the job does not have."""

    state: str
    model: ModelChoice | None
    speech_samples: int | None
    embedding: Embedding | None
