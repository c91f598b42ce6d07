"""Settings of voices."""

from __future__ import annotations

from locution_common.settings import Settings
from pydantic import Field


class VoiceSettings(Settings):
    """Limits of enrolled voices."""

    max_voices: int = Field(200, description="Maximum number of voices per tenant.", examples=["200"], ge=0, le=1000)
