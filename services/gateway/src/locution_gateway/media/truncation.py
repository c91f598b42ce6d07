"""Tell whether media ends before it should: a fact of its bytes, or a length that its header states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from . import probe
from .containers import MATROSKA, MOV, AudioPacket
from .reading import Reader
from .tags import TaggedReader
from .wave import WaveReader

_EXACT: Final = ("w64", "aiff", "au", "caf", "flac", "tta", "wv", "ape", "tak", "dsf", "mpc", "mpc8")
_EXACT_SECONDS: Final = 0.05
_SHORTFALL_SECONDS: Final = 0.5
_PARTIAL_MEANS_CUT: Final = ("w64", "caf", MOV)
_OF_ALL_STREAMS: Final = ("flv", "asf", "avi", MATROSKA)
_ONE_RIFF: Final = 1 << 30
_XING_SLACK: Final = 1


@dataclass(frozen=True, slots=True)
class Ending:
    """How decoding a container ended.

    `declared` is what its header states for the track, `whole` for the container, both in seconds or None; `seconds`
    lie between the track's first and last sound, `frames` are what it gave, and `reached` is where the last packet of
    any track ended. `broke_off` tells that the container could not be read on, `last_failed` that the last packet could
    not be decoded.
    """

    container: str
    codec: str
    declared: float | None
    whole: float | None
    seconds: float
    frames: int
    reached: float
    last: AudioPacket | None
    broke_off: bool
    last_failed: bool


def is_truncated(ending: Ending, reader: Reader) -> bool:
    """Tell whether there is less than there should be."""
    if isinstance(reader, WaveReader):
        return reader.is_cut
    if ending.container == "ogg":
        return probe.ogg_ends_early(reader.tail)
    if ending.container == MATROSKA:
        end = probe.segment_end(reader.head)
        return (end is not None and reader.at_end and reader.total < end) or _is_short(ending)
    if ending.container == "avi" and reader.total < _ONE_RIFF:
        return probe.riff_end(reader.head) > reader.total
    if ending.container == "mp3" and isinstance(reader, TaggedReader):
        stated = probe.xing_frames(reader.frame)
        if stated is not None:
            return stated - ending.frames > _XING_SLACK or _last_is_partial(ending)
    return _last_is_partial(ending) or _is_short(ending)


def _is_short(ending: Ending) -> bool:
    if ending.container in _OF_ALL_STREAMS:
        return ending.whole is not None and ending.whole - ending.reached > _SHORTFALL_SECONDS
    if ending.declared is not None:
        slack = _EXACT_SECONDS if ending.container in _EXACT else _SHORTFALL_SECONDS
        return ending.declared - ending.seconds > slack
    return ending.broke_off or ending.last_failed


def _last_is_partial(ending: Ending) -> bool:
    """Tell whether the last packet is shorter than it or the index states."""
    if ending.last is None:
        return False
    if ending.container in _PARTIAL_MEANS_CUT:
        return bool(ending.last.is_corrupt)
    frame_bytes = probe.frame_bytes(ending.container, ending.codec)
    data = bytes(ending.last)
    return frame_bytes is not None and len(data) < (frame_bytes(data) or 0)
