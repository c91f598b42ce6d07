"""What the api needs of the world."""

from __future__ import annotations

from typing import Protocol

from locution_gateway.jobs.config import DiarizationRequest, JobConfig
from locution_gateway.platform.principal import Principal


class VoiceChooser(Protocol):
    """Knows which voices a new job looks for."""

    async def run(self, principal: Principal, wish: DiarizationRequest, config: JobConfig) -> JobConfig:
        """Return the configuration with its voices. Refused with VOICE_NOT_FOUND or OPTION_UNSUPPORTED."""
