"""Open media with FFmpeg so that it can reach only the given bytes; imports PyAV."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any, Final, NoReturn, TypeAlias

import av

# PyAV imports these when it first meets such a stream, which is too late after the child is confined.
import av.audio.codeccontext
import av.subtitles.codeccontext
import av.subtitles.stream
import av.video.codeccontext
import av.video.stream
from av.container import InputContainer
from locution_common.errors import Reason

from . import probe
from .models import AudioFormat, DecodeSpec
from .reading import Reader
from .tags import TaggedReader

AudioPacket: TypeAlias = "av.Packet[av.AudioStream]"

MOV: Final = "mov,mp4,m4a,3gp,3g2,mj2"
MATROSKA: Final = "matroska,webm"
# FFmpeg's demuxers that may run, with the reason why each reaches nothing but the bytes it is given. Playlists,
# protocols and sequences of files (hls, dash, concat, sdp, rtsp, image2, ...) are not among them.
DEMUXERS: Final = {
    "wav,w64,aiff,au,caf": "a header and the samples behind it",
    "flac,mp3,aac,loas,ac3,eac3,dts,amr,gsm": "frames of one codec, one behind the other",
    "tta,ape,tak,wv,mpc,mpc8,dsf": "frames of one codec, and a table of where they are in this file",
    "avi,flv,mpeg,mpegts,mxf": "packets of this file; references to other essence are not followed",
    "ogg,matroska,webm,asf": "packets of this file; linked segments, streams and URLs are not followed",
    "mov,mp4,m4a,3gp,3g2,mj2": "may name another file for its samples; `_refuse_second_source` refuses to open it",
}
CONTAINERS: Final = ",".join(DEMUXERS)
CODECS: Final = frozenset(
    [
        "aac",
        "aac_latm",
        "ac3",
        "eac3",
        "dca",
        "tta",
        "ape",
        "tak",
        "mpc7",
        "mpc8",
        "dsd_lsbf",
        "dsd_lsbf_planar",
        "dsd_msbf",
        "dsd_msbf_planar",
        "pcm_bluray",
        "pcm_dvd",
        "alac",
        "amrnb",
        "amrwb",
        "flac",
        "gsm",
        "gsm_ms",
        "libopus",
        "opus",
        "vorbis",
        "speex",
        "ilbc",
        "truespeech",
        "mp1",
        "mp1float",
        "mp2",
        "mp2float",
        "mp3",
        "mp3float",
        "wavpack",
        "wmav1",
        "wmav2",
        "wmapro",
        "wmalossless",
        "wmavoice",
        "g722",
        "g726",
        "g726le",
        "g723_1",
        "g729",
        "adpcm_ima_qt",
        "adpcm_ima_wav",
        "adpcm_ms",
        "adpcm_swf",
        "adpcm_yamaha",
        "nellymoser",
        "pcm_alaw",
        "pcm_mulaw",
        "pcm_f32be",
        "pcm_f32le",
        "pcm_f64be",
        "pcm_f64le",
        "pcm_s8",
        "pcm_u8",
        "pcm_s16be",
        "pcm_s16le",
        "pcm_s24be",
        "pcm_s24le",
        "pcm_s32be",
        "pcm_s32le",
        "pcm_s64be",
        "pcm_s64le",
        "pcm_s16be_planar",
        "pcm_s16le_planar",
        "pcm_s8_planar",
        "pcm_u16be",
        "pcm_u16le",
        "pcm_u24be",
        "pcm_u24le",
        "pcm_u32be",
        "pcm_u32le",
    ]
)
_PROBE_BYTES: Final = 5_000_000
_LIVE_PROBE_BYTES: Final = 4_096
_PROGRAM_PROBE_BYTES: Final = 32_000_000
_PROBE_MICROSECONDS: Final = 600_000_000


class UnusableError(Exception):
    """Refused media, with the reason, a short detail, and the option of JobConfig that does not fit, if one."""

    def __init__(self, reason: Reason, detail: str = "", option: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
        self.option = option


def open_container(reader: Reader, spec: DecodeSpec) -> InputContainer:
    """Open media as one of the allowed containers. Raises UnusableError for anything else.

    Three walls separate a playlist from the network: only listed demuxers may run, only the protocol `pipe` is known,
    and any attempt to open a second source is refused.
    """
    if spec.live is None and (name := probe.unsupported(reader.head)) is not None:
        raise UnusableError(Reason.MEDIA_CODEC_UNSUPPORTED, name)
    raw = spec.raw if probe.kind(reader.head) is not probe.Kind.CONTAINER else None
    options = {
        "format_whitelist": raw.encoding.demuxer if raw else CONTAINERS,
        "protocol_whitelist": "pipe",
        "codec_whitelist": ",".join(sorted(CODECS)),
        "max_streams": str(spec.limits.streams + 1),
        "probesize": str(_LIVE_PROBE_BYTES if spec.live else _probe_bytes(reader.head)),
        "analyzeduration": str(_PROBE_MICROSECONDS),
    }
    if spec.live:
        options |= {"format_whitelist": spec.live, "analyzeduration": "0"}
    if raw:
        options |= {"sample_rate": str(raw.sample_rate), "ch_layout": f"{raw.channels}c"}
    try:
        container = av.open(
            reader,
            "r",
            format=raw.encoding.demuxer if raw else spec.live,
            container_options=options,
            metadata_errors="replace",
            io_open=_refuse_second_source,
        )
    except MemoryError:
        raise UnusableError(Reason.MEDIA_TOO_COMPLEX, "while opening") from None
    except (av.FFmpegError, EOFError, ValueError):
        raise UnusableError(_reason_unopened(reader.head)) from None
    _check(container, reader.head, spec)
    return container


def _probe_bytes(head: bytes) -> int:
    """Return how far tracks are looked for. A program stream does not list its tracks: they begin where they begin."""
    return _PROGRAM_PROBE_BYTES if head.startswith(probe.PACK) else _PROBE_BYTES


def _refuse_second_source(*_: object) -> NoReturn:
    raise PermissionError("media may not refer to other media")


def _reason_unopened(head: bytes) -> Reason:
    match probe.kind(head):
        case probe.Kind.EMPTY:
            return Reason.MEDIA_EMPTY
        case probe.Kind.CONTAINER:
            return Reason.MEDIA_CORRUPT
        case probe.Kind.IMAGE:
            return Reason.MEDIA_NO_AUDIO
        case probe.Kind.UNSUPPORTED:
            return Reason.MEDIA_CODEC_UNSUPPORTED
        case probe.Kind.TEXT | probe.Kind.OTHER:
            return Reason.MEDIA_UNRECOGNISED
        case probe.Kind.UNKNOWN:
            return Reason.MEDIA_ENCODING_REQUIRED


def _check(container: InputContainer, head: bytes, spec: DecodeSpec) -> None:
    if len(container.streams) > spec.limits.streams:
        raise UnusableError(Reason.MEDIA_TOO_COMPLEX, "streams")
    if not probe.confirmed(container.format.name, head):
        raise UnusableError(_reason_unopened(head))


def codec_of(stream: Any) -> str:
    """Name the decoder of a stream; one of an unknown codec has no codec context."""
    return stream.codec_context.name if stream.codec_context is not None else "unknown"


def check_agreement(stream: av.AudioStream, raw: AudioFormat) -> None:
    """Raise UnusableError if a header contradicts a stated format."""
    stated = (f"pcm_{raw.encoding.demuxer}", raw.sample_rate, raw.channels)
    if (codec_of(stream), stream.rate, stream.channels) != stated:
        raise UnusableError(Reason.INVALID_REQUEST, "the stated audio format contradicts the header", "audio_format")


def origin(container: InputContainer, head: bytes) -> float | None:
    """Return what the container's timestamps call the start of the recording, in seconds; None if that is unknown.

    Players begin where the earliest track begins. Where a length is stated that includes what lies before it, they
    begin at 0: in MP4 whose index is whole, and in Matroska.
    """
    start = None if container.start_time is None else container.start_time / 1_000_000
    name = container.format.name
    if name == MOV and b"mvex" not in head:
        return 0.0
    if name == MATROSKA and 0 < (start or 0.0) < (declared_seconds(container) or 0.0):
        return 0.0
    return start


def declared_seconds(container: InputContainer, stream: Any = None) -> float | None:
    """Return the length in the header, in seconds, if the header describes this stream, or else the container."""
    with suppress(ArithmeticError):
        if stream is not None and stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        if container.duration:
            return container.duration / 1_000_000
    return None


def whole_seconds(container: InputContainer) -> float | None:
    """Return the length of the whole recording in the header, in seconds, or None.

    An ASF header has one, which FFmpeg takes for the length of each stream.
    """
    streams = container.streams if container.format.name == "asf" else ()
    lengths = [declared_seconds(container, stream) for stream in streams if stream.duration]
    return max((length for length in lengths if length is not None), default=declared_seconds(container))


def stated_seconds(declared: float | None, stream: av.AudioStream, reader: Reader) -> float:
    """Return a claim about the length, to be checked; PCM without a claim may last for ever.

    FFmpeg does not read the Xing header of an MP3 from a pipe.
    """
    if declared is not None:
        return declared
    codec = stream.codec_context
    if isinstance(reader, TaggedReader) and codec.sample_rate:
        return (probe.xing_frames(reader.frame) or 0) * codec.frame_size / codec.sample_rate
    return math.inf if codec.name.startswith("pcm_") else 0.0
