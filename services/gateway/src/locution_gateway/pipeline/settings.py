"""Settings of the pipeline."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from locution_common.addresses import FORM
from locution_common.settings import ServiceAddress
from pydantic import Field, model_validator

from locution_gateway.jobs.settings import JobSettings
from locution_gateway.media.models import GIB, DecodeLimits
from locution_gateway.media.sections import SectionRule
from locution_gateway.media.settings import MediaSettings
from locution_gateway.pipeline.decoder import Decoding
from locution_gateway.pipeline.policy import RetryPolicy
from locution_gateway.pipeline.worker import Limits
from locution_gateway.platform.settings import WorkerBaseSettings


class PipelineSettings(WorkerBaseSettings, MediaSettings, JobSettings):
    """How a worker runs the stages of jobs."""

    asr_address: ServiceAddress = Field(description=f"ASR service: {FORM}.", examples=["asr:50051"])
    diarizer_address: ServiceAddress = Field(
        description="Diarizer, in the same form as LOCUTION_ASR_ADDRESS.", examples=["diarizer:50051"]
    )
    worker_stages: int = Field(
        16, description="Maximum number of concurrent stages per process.", examples=["16"], ge=1, le=1000
    )
    worker_decodes: int = Field(
        2,
        description="Maximum number of concurrent decoding children. Each uses one CPU core.",
        examples=["2"],
        ge=1,
        le=64,
    )
    decode_ready: int = Field(
        1,
        description="Decoding children that are started in advance, for one file each. Each takes 35 MB of memory.",
        examples=["1"],
        ge=0,
        le=64,
    )
    lease_seconds: float = Field(
        15.0,
        description="Seconds without a heartbeat after which a worker's stages go to other workers.",
        examples=["15"],
        ge=1,
        le=600,
    )
    max_attempts: int = Field(5, description="Attempts at a stage before it is dead.", examples=["5"], ge=1, le=100)
    retry_seconds: float = Field(
        1.0,
        description="Delay in seconds before the second attempt. It doubles with each attempt.",
        examples=["1"],
        gt=0,
        le=600,
    )
    retry_ceiling_seconds: float = Field(
        60.0, description="Maximum delay in seconds before another attempt.", examples=["60"], gt=0, le=3600
    )
    max_job_age_seconds: int = Field(
        86400, description="Seconds that a job may wait for engines without capacity.", examples=["86400"], ge=60
    )
    engine_stall_seconds: float = Field(
        300.0, description="Seconds without an answer after which an engine counts as lost.", examples=["300"], ge=1
    )
    section_seconds: float = Field(
        300.0, description="Target duration of a section in seconds.", examples=["300"], ge=1, le=600
    )
    section_min_seconds: float = Field(
        150.0, description="Minimum duration of a section in seconds.", examples=["150"], ge=1, le=600
    )
    section_max_seconds: float = Field(
        600.0, description="Maximum duration of a section in seconds.", examples=["600"], ge=2, le=600
    )
    decode_memory_bytes: int = Field(
        GIB, description="Address space of one decoding child in bytes.", examples=["1073741824"], ge=256 * 1024**2
    )
    decode_cpu_seconds: int = Field(1800, description="CPU seconds of one decoding child.", examples=["1800"], ge=1)
    decode_isolation: bool = Field(
        True,
        description="Whether to refuse to decode when the kernel cannot confine the decoding child.",
        examples=["true"],
    )
    scratch: Path | None = Field(
        None, description="Folder for scratch files. Unset: the system's temporary folder.", examples=["/scratch"]
    )

    @model_validator(mode="after")
    def _sections_fit(self) -> PipelineSettings:
        self.section_rule()
        return self

    def limits(self) -> Limits:
        """Return how many stages this process runs at once."""
        lease, poll = timedelta(seconds=self.lease_seconds), timedelta(seconds=self.poll_seconds)
        return Limits(self.worker_stages, self.worker_decodes, lease, poll)

    def policy(self) -> RetryPolicy:
        """Return which failures are retried, and when."""
        base, ceiling = timedelta(seconds=self.retry_seconds), timedelta(seconds=self.retry_ceiling_seconds)
        return RetryPolicy(self.max_attempts, base, ceiling, timedelta(seconds=self.max_job_age_seconds))

    def section_rule(self) -> SectionRule:
        """Return how to cut recordings."""
        return SectionRule(self.section_seconds, self.section_min_seconds, self.section_max_seconds)

    def decoding(self) -> Decoding:
        """Return how to decode and cut media."""
        return Decoding(self.decode_limits(), self.section_rule(), self.decode_isolation)

    def decode_limits(self) -> DecodeLimits:
        """Return the limits of one decoding."""
        return DecodeLimits(
            media_seconds=self.max_audio_seconds,
            separate_channels=self.max_audio_channels,
            cpu_seconds=self.decode_cpu_seconds,
            memory_bytes=self.decode_memory_bytes,
        )
