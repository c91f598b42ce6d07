"""Choose the voices of a job when it is created."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from locution_common.errors import Reason, Refused

from locution_gateway.jobs.config import DiarizationRequest, JobConfig
from locution_gateway.models.models import ModelChoice
from locution_gateway.platform.ids import VoiceId
from locution_gateway.platform.principal import Principal
from locution_gateway.voices.postgres import PostgresVoices


class ChooseVoices:
    """Freezes the voices into a configuration."""

    def __init__(self, voices: PostgresVoices) -> None:
        self._voices = voices

    async def run(self, principal: Principal, wish: DiarizationRequest, config: JobConfig) -> JobConfig:
        """Return the configuration with its voices. Refuses with VOICE_NOT_FOUND, OPTION_UNSUPPORTED."""
        diarization = config.diarization
        if diarization is None or not (wish.identify_voices or wish.voices):
            return config
        enrolled = await self._voices.checksums(principal)
        chosen = _chosen(wish.voices, enrolled, diarization.model)
        return replace(config, diarization=replace(diarization, voices=chosen))


def _chosen(named: tuple[UUID, ...], enrolled: Mapping[VoiceId, str], model: ModelChoice) -> tuple[UUID, ...]:
    """Return the requested voices, or all of the model."""
    if not named:
        return tuple(voice for voice, checksum in enrolled.items() if checksum == model.checksum)
    for voice in named:
        if VoiceId(voice) not in enrolled:
            raise Refused(Reason.VOICE_NOT_FOUND)
        if enrolled[VoiceId(voice)] != model.checksum:
            message = f"voices/{voice} was enrolled with other files than those of {model.path}: enrol it anew"
            raise Refused(Reason.OPTION_UNSUPPORTED, message, field="job.config.diarization.voices")
    return named
