"""Configurations of jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from locution_speech.asr import DecodeMode, Task

from locution_gateway.media.models import AudioFormat, ChannelMode
from locution_gateway.models.models import ModelChoice
from locution_gateway.platform.bounds import StoredLength


@dataclass(frozen=True, slots=True)
class DiarizationRequest:
    """A client's options for speakers. None means unset."""

    enabled: bool | None = None
    model: str | None = None
    speaker_count: int | None = None
    min_speaker_count: int | None = None
    max_speaker_count: int | None = None
    identify_voices: bool | None = None
    voices: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class JobRequestConfig:
    """A client's options. None or empty means unset."""

    language: str | None = None
    language_candidates: tuple[str, ...] = ()
    task: Task | None = None
    asr_model: str | None = None
    prompt: str | None = None
    hotwords: tuple[str, ...] = ()
    beam_size: int | None = None
    word_times: bool | None = None
    decode_mode: DecodeMode | None = None
    max_temperature: float | None = None
    diarization: DiarizationRequest = field(default_factory=DiarizationRequest)
    channel_mode: ChannelMode | None = None
    audio_format: AudioFormat | None = None
    retention: StoredLength | None = None
    track: str | None = None


@dataclass(frozen=True, slots=True)
class DiarizationConfig:
    """The diarization of a job, and the voices that name its speakers; None without identification."""

    model: ModelChoice
    speaker_count: int | None = None
    min_speaker_count: int | None = None
    max_speaker_count: int | None = None
    voices: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True)
class JobConfig:
    """The effective configuration, frozen at creation and reused by every retry.

    `diarization` is None if it is off, or if no model was usable (then the job carries a warning).
    """

    language: str
    task: Task
    asr_model: ModelChoice
    beam_size: int
    word_times: bool
    max_temperature: float
    channel_mode: ChannelMode
    language_candidates: tuple[str, ...] = ()
    prompt: str = ""
    hotwords: tuple[str, ...] = ()
    decode_mode: DecodeMode | None = None
    diarization: DiarizationConfig | None = None
    audio_format: AudioFormat | None = None
    retention: StoredLength | None = None
    track: str = ""
    # The origin of each value by field name: "request", "user", "tenant" or "server".
    origins: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobDefaults:
    """Defaults of jobs and of a tenant's live sessions; `export_format` is for clients."""

    config: JobRequestConfig = field(default_factory=JobRequestConfig)
    export_format: str | None = None
    live_afterwards: Afterwards | None = None


@dataclass(frozen=True, slots=True)
class StoredDefaults:
    """Defaults as stored; version 0 before the first change."""

    defaults: JobDefaults = field(default_factory=JobDefaults)
    update_time: datetime | None = None
    version: int = 0


class Afterwards(StrEnum):
    """What happens to a session's audio and text after its end."""

    DELETE = "DELETE"
    JOB = "JOB"
