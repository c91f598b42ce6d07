"""The ports of the api."""

from __future__ import annotations

from typing import Protocol

from locution_gateway.jobs.config import DiarizationRequest, JobConfig
from locution_gateway.platform.principal import Principal


class VoiceChooser(Protocol):
    """Finds the voices for a new job."""

    async def run(self, principal: Principal, wish: DiarizationRequest, config: JobConfig) -> JobConfig:
        """Return the configuration with its voices. Refuses with VOICE_NOT_FOUND or OPTION_UNSUPPORTED."""
