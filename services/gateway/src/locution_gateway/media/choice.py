"""Choose the audio tracks to decode: by what their headers say, then by their sound; imports PyAV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import av
from av.container import InputContainer
from av.stream import Disposition
from locution_common.errors import Reason
from locution_speech.clock import SAMPLE_RATE, SAMPLE_WIDTH

from .containers import CODECS, UnusableError, check_agreement, codec_of
from .mixing import level
from .models import ALL_TRACKS, DecodeSpec

_ASIDE: Final = Disposition.comment | Disposition.visual_impaired | Disposition.descriptions | Disposition.clean_effects
_MOST_COMPARED: Final = 8
_FIRST_LOOK: Final = 30 * SAMPLE_RATE
_LAST_LOOK: Final = 300 * SAMPLE_RATE
_WINDOW: Final = SAMPLE_RATE // 10
# Amplitudes: a window sounds within 25 dB of the loudest of all tracks, and never below -65 dB of full scale.
_SOUNDS: Final = 10 ** (-25 / 20)
_FLOOR: Final = 10 ** (-65 / 20)
_LOUD_SHARE: Final = 0.05
_HAS_SOUND: Final = 0.05
_IS_QUIET: Final = 0.01


def candidates(container: InputContainer, spec: DecodeSpec) -> list[av.AudioStream]:
    """Return the tracks of which one is to be decoded, the best first; with ALL_TRACKS all of them, in their order.

    Raises UnusableError: for media without audio, for a track that was asked for and is not there, and for one that
    would be right but has a codec that is not decoded.
    """
    audio = list(container.streams.audio)
    if not audio:
        raise UnusableError(Reason.MEDIA_NO_AUDIO)
    if spec.raw is not None:
        check_agreement(audio[0], spec.raw)
    if spec.track == ALL_TRACKS:
        return _decodable(_few(audio, spec))
    if spec.track.isdigit():
        return _decodable([_numbered(audio, int(spec.track))])
    spoken = [stream for stream in audio if _language(stream) in spec.languages]
    if spec.track and not spoken:
        raise UnusableError(Reason.INVALID_REQUEST, f"the media has no audio track in {spec.track}", "track")
    return _ranked(spoken or audio)


def is_decided(spec: DecodeSpec, found: Sequence[av.AudioStream]) -> bool:
    """Tell whether the first of the candidates is taken without listening to it."""
    return spec.live is not None or len(found) == 1


def language_of(stream: Any) -> str:
    """Return the language tag of a track as its header has it, or an empty text."""
    tag = str(stream.metadata.get("language", ""))
    return "" if tag in ("und", "mis", "zxx") else tag


def _language(stream: Any) -> str:
    return language_of(stream).replace("_", "-").split("-")[0].lower()


def _few(audio: list[av.AudioStream], spec: DecodeSpec) -> list[av.AudioStream]:
    if len(audio) > spec.limits.separate_channels:
        raise UnusableError(Reason.MEDIA_TOO_COMPLEX, f"{len(audio)} audio tracks")
    return audio


def _numbered(audio: list[av.AudioStream], number: int) -> av.AudioStream:
    if number >= len(audio):
        count = "1 audio track" if len(audio) == 1 else f"{len(audio)} audio tracks"
        raise UnusableError(Reason.INVALID_REQUEST, f"the media has no audio track {number}: it has {count}", "track")
    return audio[number]


def _decodable(streams: list[av.AudioStream]) -> list[av.AudioStream]:
    for stream in streams:
        if codec_of(stream) not in CODECS:
            raise UnusableError(Reason.MEDIA_CODEC_UNSUPPORTED, f"codec {codec_of(stream)}")
    return streams


def _ranked(audio: list[av.AudioStream]) -> list[av.AudioStream]:
    """Put the tracks that can be decoded in order: not an aside such as a commentary, default, first.

    A track that alone is marked as default is the recording's own choice, which no other replaces for its codec.
    """
    default = [stream for stream in audio if stream.disposition & Disposition.default]
    if len(default) == 1:
        _decodable(default)
    usable = [stream for stream in audio if codec_of(stream) in CODECS]
    if not usable:
        raise UnusableError(Reason.MEDIA_CODEC_UNSUPPORTED, f"codec {codec_of(audio[0])}")
    chosen = sorted(
        usable,
        key=lambda stream: (not stream.disposition & Disposition.default, bool(stream.disposition & _ASIDE)),
    )
    return chosen[:_MOST_COMPARED]


def by_sound(tracks: Sequence[tuple[bytes, int]], *, ended: bool) -> int | None:
    """Return which track to take, given the PCM of each so far and its channels, or None to hear more.

    The first is taken unless it is quiet while another has sound. Half a minute decides; five minutes do if all are
    quiet so far.
    """
    heard = max(len(pcm) // (SAMPLE_WIDTH * channels) for pcm, channels in tracks)
    if heard < _FIRST_LOOK and not ended:
        return None
    levels = [_levels(pcm, channels) for pcm, channels in tracks]
    loudest = max((_loud(each) for each in levels), default=0.0)
    if loudest <= _FLOOR and heard < _LAST_LOOK and not ended:
        return None
    shares = [_share(each, max(_FLOOR, loudest * _SOUNDS), heard // _WINDOW) for each in levels]
    if shares[0] > _IS_QUIET or max(shares) < _HAS_SOUND:
        return 0
    return shares.index(max(shares))


def _levels(pcm: bytes, channels: int) -> list[float]:
    step = _WINDOW * SAMPLE_WIDTH * channels
    return [level(pcm[at : at + step]) for at in range(0, len(pcm) - step + 1, step)]


def _loud(levels: list[float]) -> float:
    """Return the level that a twentieth of the windows exceed."""
    return sorted(levels)[-1 - int(len(levels) * _LOUD_SHARE)] if levels else 0.0


def _share(levels: list[float], limit: float, windows: int) -> float:
    return sum(each > limit for each in levels) / max(1, windows)
