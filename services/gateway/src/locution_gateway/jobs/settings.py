"""Settings of jobs."""

from __future__ import annotations

from locution_common.settings import Settings
from pydantic import Field


class JobSettings(Settings):
    """How long jobs are kept."""

    job_retention_seconds: int = Field(
        30 * 86400,
        description="Seconds that a finished job and its transcript are kept, unless the job sets its own retention.",
        examples=["2592000"],
        ge=3600,
    )
