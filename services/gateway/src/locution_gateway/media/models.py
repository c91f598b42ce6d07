"""The interface of parent and child of a decoding; standard library and clock only, because the child imports it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from locution_speech.clock import SAMPLE_RATE

GIB: Final = 1 << 30
ALL_TRACKS: Final = "all"
"""Takes every audio track, mixed to one channel each."""


class Encoding(StrEnum):
    """Encodings of headerless audio."""

    PCM_S16LE = "PCM_S16LE"
    PCM_F32LE = "PCM_F32LE"
    MULAW = "MULAW"
    ALAW = "ALAW"

    @property
    def demuxer(self) -> str:
        """Return the name of FFmpeg's demuxer."""
        return self.removeprefix("PCM_").lower()


class ChannelMode(StrEnum):
    """How to treat several channels."""

    MIX = "MIX"
    SEPARATE = "SEPARATE"


class WarningReason(StrEnum):
    """What is wrong with media that decoded nevertheless."""

    MEDIA_TRUNCATED = "MEDIA_TRUNCATED"
    MEDIA_DAMAGED = "MEDIA_DAMAGED"
    CHANNELS_CANCEL = "CHANNELS_CANCEL"


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """The layout of headerless audio: `sample_rate` in hertz, `channels` interleaved."""

    encoding: Encoding
    sample_rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Limits of one decoding.

    `media_seconds` of decoded audio, `input_bytes`, `streams` and `channels` refuse the media; rlimits enforce
    `cpu_seconds` and `memory_bytes` (address space) on the child; `stall_seconds` limits how long the child may neither
    read nor write although it could; `wall_seconds` limits everything, source and sink included.
    """

    media_seconds: int = 24 * 3600
    input_bytes: int = 64 * GIB
    streams: int = 64
    channels: int = 64
    separate_channels: int = 8
    cpu_seconds: int = 1800
    memory_bytes: int = GIB
    stall_seconds: float = 60.0
    wall_seconds: float = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class DecodeSpec:
    """How to decode: `raw` for headerless audio, `channels` mixed or separate.

    `track` is the number of an audio track, a language, ALL_TRACKS, or empty for a choice that prefers `languages`:
    codes as headers have them, of two and three letters. Those of a language that is the `track` are required.
    `require_isolation` refuses to decode if the kernel offers neither seccomp nor namespaces. `live` names the demuxer
    of media that is still being recorded: it reads little ahead and holds nothing back.
    """

    raw: AudioFormat | None = None
    channels: ChannelMode = ChannelMode.MIX
    limits: DecodeLimits = field(default_factory=DecodeLimits)
    require_isolation: bool = True
    live: str | None = None
    track: str = ""
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecodeWarning:
    """What is wrong: `offset` in samples at 16 kHz, `count` of affected packets or, if channels cancel, seconds."""

    reason: WarningReason
    offset: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class Opening:
    """Media whose first audio has decoded.

    `channels` will be written, interleaved; `source_*` (hertz) and `declared_seconds` are the file's own statements.
    """

    container: str
    codec: str
    source_channels: int
    source_rate: int
    audio_streams: int
    declared_seconds: float | None
    channels: int


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """An audio track: what its header says (0 or empty for nothing), and whether it was decoded.

    `rate` is in hertz; `seconds` lie between the start of the recording and the end of the track.
    """

    codec: str
    rate: int
    channels: int
    language: str
    title: str
    seconds: float
    is_default: bool
    used: bool


@dataclass(frozen=True, slots=True)
class Media:
    """A recording: the container, the audio tracks, and the length in seconds that its header states or None."""

    container: str
    tracks: tuple[AudioTrack, ...]
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class DecodeReport:
    """A decoding that succeeded.

    `samples` counts 16 kHz samples per channel; `input_bytes` those read of the source; `peak_memory_bytes` and
    `cpu_seconds` are the child's.
    """

    opening: Opening
    samples: int
    input_bytes: int
    warnings: tuple[DecodeWarning, ...]
    media: Media
    isolation: str
    peak_memory_bytes: int
    cpu_seconds: float

    @property
    def seconds(self) -> float:
        """Return the decoded length in seconds."""
        return self.samples / SAMPLE_RATE


def spec_to_dict(spec: DecodeSpec) -> dict[str, Any]:
    """Convert a spec to JSON values for the child's command line."""
    return asdict(spec)


def spec_from_dict(values: dict[str, Any]) -> DecodeSpec:
    """Read a spec from JSON values."""
    raw = values["raw"]
    return DecodeSpec(
        raw=AudioFormat(Encoding(raw["encoding"]), raw["sample_rate"], raw["channels"]) if raw else None,
        channels=ChannelMode(values["channels"]),
        limits=DecodeLimits(**values["limits"]),
        require_isolation=values["require_isolation"],
        live=values["live"],
        track=values["track"],
        languages=tuple(values["languages"]),
    )
