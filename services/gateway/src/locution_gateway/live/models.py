"""Live sessions. Positions are samples at 16 kHz unless the name of an offset says otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, NewType
from uuid import UUID

from locution_speech.asr import EngineSizes, Flush, ListenUpdate
from locution_speech.transcript import Word

from locution_gateway.jobs.config import Afterwards, DiarizationConfig, DiarizationRequest
from locution_gateway.models.models import ModelChoice
from locution_gateway.platform.ids import JobId, UploadId
from locution_gateway.platform.principal import TenantId

LiveId = NewType("LiveId", UUID)


class LiveEncoding(StrEnum):
    """Encodings of live audio."""

    PCM_S16LE = "PCM_S16LE"
    PCM_F32LE = "PCM_F32LE"
    MULAW = "MULAW"
    ALAW = "ALAW"
    FLAC = "FLAC"
    OGG_OPUS = "OGG_OPUS"

    @property
    def unit(self) -> int:
        """Return the bytes per unit of an offset: those of a sample, or 1 if a decoder must find the samples."""
        return {LiveEncoding.PCM_S16LE: 2, LiveEncoding.PCM_F32LE: 4}.get(self, 1)

    @property
    def container(self) -> str | None:
        """Return the container for the decoder; None if the bytes are the samples themselves."""
        return {LiveEncoding.FLAC: "flac", LiveEncoding.OGG_OPUS: "ogg"}.get(self)


class EndpointMode(StrEnum):
    """When text becomes final: after a silence, or where the windows of a recording end."""

    PAUSE = "PAUSE"
    RECORDING = "RECORDING"


class LiveState(StrEnum):
    """The state of a session; OPEN with or without a stream."""

    OPEN = "OPEN"
    ENDING = "ENDING"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """A client's options for a new session. None or empty means unset. Lengths are in seconds."""

    encoding: LiveEncoding
    sample_rate: int | None = None
    language: str | None = None
    asr_model: str | None = None
    prompt: str | None = None
    hotwords: tuple[str, ...] = ()
    step: float | None = None
    silence: float | None = None
    longest: float | None = None
    partials: bool | None = None
    afterwards: Afterwards | None = None
    display_name: str = ""
    diarization: DiarizationRequest = field(default_factory=DiarizationRequest)
    endpoint_mode: EndpointMode | None = None


@dataclass(frozen=True, slots=True)
class LiveConfig:
    """The effective configuration; `silence` is 0 in RECORDING mode, `longest` is 0 for that of the engine."""

    encoding: LiveEncoding
    language: str
    asr_model: ModelChoice
    step: int
    afterwards: Afterwards
    sample_rate: int | None = None
    silence: int = 0
    longest: int = 0
    partials: bool = True
    prompt: str = ""
    hotwords: tuple[str, ...] = ()
    diarization: DiarizationConfig | None = None
    # The origin of each value by field name: "request", "tenant" or "server".
    origins: dict[str, str] = field(default_factory=dict)

    @property
    def endpoint_mode(self) -> EndpointMode:
        """Return when text becomes final."""
        return EndpointMode.PAUSE if self.silence else EndpointMode.RECORDING


@dataclass(frozen=True, slots=True)
class LiveFinal:
    """Final text, which does not change; ids increase within a session from 1."""

    final_id: int
    start: int
    end: int
    text: str
    words: tuple[Word, ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class LiveChunk:
    """Audio in one object; offsets in the unit of its encoding."""

    start: int
    end: int
    key: str


FINISHED: Final = "FINISHED"
"""Why a session ended: its client said that the audio is complete."""


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session as stored; `attached` says whether a stream owns it."""

    session_id: LiveId
    tenant_id: TenantId
    created_by: str
    display_name: str
    state: LiveState
    config: LiveConfig
    attached: bool
    kept: int
    audio_samples: int
    done_sample: int
    last_final: int
    heard_language: str | None
    end_reason: str
    upload_id: UploadId | None
    job_id: JobId | None
    trace_context: str
    create_time: datetime
    end_time: datetime | None
    expire_time: datetime
    # As reported by the session's last engine.
    engine: EngineSizes | None = None


# A client's message.


@dataclass(frozen=True, slots=True)
class Resume:
    """Resumes the session of a token, after the last final received."""

    token: str
    last_final: int


@dataclass(frozen=True, slots=True)
class Audio:
    """Audio that begins at `offset`, in the unit of its encoding."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of the audio."""


ClientMessage = LiveRequest | Resume | Audio | Flush | ListenUpdate | Finish


# A message to the client.


@dataclass(frozen=True, slots=True)
class Started:
    """The effective configuration, and the token to resume the session."""

    session: LiveSession
    token: str
    next_offset: int
    resume_seconds: float


@dataclass(frozen=True, slots=True)
class Partial:
    """Interim text after the last final; `joined` if no space precedes the unstable text."""

    utterance: int
    confirmed: tuple[Word, ...]
    unstable: str
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Speech:
    """Speech began or ended at a sample."""

    utterance: int
    sample: int
    began: bool


@dataclass(frozen=True, slots=True)
class Ack:
    """Audio is stored up to an offset."""

    offset: int


@dataclass(frozen=True, slots=True)
class Draining:
    """The server is shutting down; the stream ends at `before`."""

    before: datetime


@dataclass(frozen=True, slots=True)
class EngineReplaced:
    """Another engine takes over."""


@dataclass(frozen=True, slots=True)
class SpeakersKnown:
    """The speaker of each word of a sent final; `settled` after the whole session was clustered."""

    final_id: int
    speakers: tuple[str, ...]
    settled: bool


@dataclass(frozen=True, slots=True)
class SpeakersUnavailable:
    """Words come without speakers, because no diarizer is available."""


@dataclass(frozen=True, slots=True)
class RegionIgnored:
    """The model takes the requested language without its region."""


@dataclass(frozen=True, slots=True)
class Done:
    """The session has ended."""

    session: LiveSession


Notice = Draining | EngineReplaced | SpeakersUnavailable | RegionIgnored

ServerMessage = Started | Partial | LiveFinal | Speech | Ack | Notice | SpeakersKnown | Done


@dataclass(frozen=True, slots=True)
class ListenFrom:
    """Where an engine starts: the first sample sent, what is already done, the detected language, and the trace."""

    first: int = 0
    done: int = 0
    language: str | None = None
    trace: str = ""


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """Limits of live streams, in seconds."""

    idle: float = 60.0
    slow: float = 30.0
    resume: float = 600.0
    lease: float = 15.0
    retention: float = 7 * 86400.0
    keep_every: float = 0.7
    grace: float = 5.0
    default: Afterwards = field(default=Afterwards.DELETE)


@dataclass(frozen=True, slots=True)
class NewLive:
    """A session to create, owned by the stream that creates it."""

    session_id: LiveId
    display_name: str
    config: LiveConfig
    token_hash: bytes
    owner: UUID
    trace_context: str


class EngineLostError(Exception):
    """The engine of the stream is gone; another one can continue."""

    def __init__(self, retry_after: float = 0.2) -> None:
        super().__init__("the engine is gone")
        self.retry_after = retry_after
