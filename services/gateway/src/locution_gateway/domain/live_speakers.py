"""Who speaks in a live session. Positions are samples at 16 kHz."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LocalVoice:
    """Somebody heard in a section: the voice, of unit length, and the samples of speech behind it."""

    local: int
    embedding: tuple[float, ...]
    samples: int


@dataclass(frozen=True, slots=True)
class LocalTurn:
    """A stretch of a section in which a local voice speaks."""

    start: int
    end: int
    local: int


@dataclass(frozen=True, slots=True)
class HeardSpeakers:
    """What a diarizer heard in a section; `body` is what its clustering needs again, opaque."""

    voices: tuple[LocalVoice, ...]
    turns: tuple[LocalTurn, ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class KnownVoice:
    """A section's voice with the session's speaker, from 0, that it was given to."""

    speaker: int
    embedding: tuple[float, ...]
    samples: int


@dataclass(frozen=True, slots=True)
class LiveSection:
    """A final's audio as it was diarized: its first sample, the object of its body, and its voices."""

    final_id: int
    start: int
    key: str
    voices: tuple[KnownVoice, ...]
