"""Settings of live sessions."""

from __future__ import annotations

from typing import Literal

from locution_common.settings import Settings
from pydantic import Field


class LiveSettings(Settings):
    """Which engines listen, and what bounds a session."""

    asr_address: str | None = Field(
        None,
        description="Speech engines for live streams, as the worker's LOCUTION_ASR_ADDRESS; unset: no live streams.",
        examples=["dns:///asr:50051"],
    )
    diarizer_address: str | None = Field(
        None,
        description="Diarizers for live streams, as the worker's; unset: live streams tell no speakers apart.",
        examples=["dns:///diarizer:50051"],
    )
    live_streams: int = Field(
        200, description="Live streams that this process takes at once.", examples=["200"], ge=1, le=100_000
    )
    live_idle_seconds: float = Field(
        60.0, description="Seconds without a message after which a live stream ends.", examples=["60"], gt=0, le=3600
    )
    live_slow_seconds: float = Field(
        30.0,
        description="Seconds that a client may leave what it is sent unread before its stream ends.",
        examples=["30"],
        gt=0,
        le=3600,
    )
    live_resume_seconds: float = Field(
        600.0, description="Seconds that a live session waits for its client.", examples=["600"], ge=1, le=7 * 86400
    )
    live_lease_seconds: float = Field(
        15.0, description="Seconds after which the stream of a dead process counts as gone.", examples=["15"], ge=1
    )
    live_retention_seconds: float = Field(
        7 * 86400.0, description="Seconds that an ended live session is listed.", examples=["604800"], ge=1
    )
    live_afterwards: Literal["DELETE", "JOB"] = Field(
        "DELETE",
        description="What becomes of a live session's audio and text where its client does not say.",
        examples=["JOB"],
    )
    live_decode_isolation: bool = Field(
        True, description="Refuse compressed live audio where the kernel cannot confine its decoder.", examples=["true"]
    )
