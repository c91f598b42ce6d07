"""Settings of media."""

from __future__ import annotations

from locution_common.settings import Settings
from pydantic import Field


class MediaSettings(Settings):
    """Limits on the length and channels of recordings."""

    max_audio_seconds: int = Field(
        24 * 3600,
        description="Maximum duration of a decoded recording in seconds.",
        examples=["86400"],
        ge=1,
        le=7 * 86400,
    )
    max_audio_channels: int = Field(
        8,
        description="Maximum number of channels of a recording whose channels are transcribed separately.",
        examples=["8"],
        ge=1,
        le=8,
    )
