"""The server and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

# Media containers by their common names; the decoder's own list is in the media package.
CONTAINERS: Final = (
    "wav", "flac", "mp3", "aac", "ogg", "matroska", "webm", "mov", "mp4", "m4a", "3gp", "aiff", "au", "caf", "amr",
    "gsm", "avi", "asf", "flv", "mpegts", "mpeg", "mxf", "w64", "ac3", "eac3", "dts", "latm", "tta", "ape", "tak", "wv",
    "mpc", "dsf",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """The server and its limits."""

    version: str
    max_upload_bytes: int
    max_audio: timedelta
    max_channels: int
    containers: tuple[str, ...] = CONTAINERS
