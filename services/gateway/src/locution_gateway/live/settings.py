"""Settings of live sessions."""

from __future__ import annotations

from typing import Literal

from locution_common.settings import ServiceAddress, Settings
from pydantic import Field


class LiveSettings(Settings):
    """Engines and limits of live sessions."""

    asr_address: ServiceAddress | None = Field(
        None,
        description="ASR service for live streams, as LOCUTION_ASR_ADDRESS of the worker. Unset: no live streams.",
        examples=["asr:50051"],
    )
    diarizer_address: ServiceAddress | None = Field(
        None,
        description=(
            "Diarizer for live streams, as LOCUTION_DIARIZER_ADDRESS of the worker. Unset: live streams "
            "have no speakers."
        ),
        examples=["diarizer:50051"],
    )
    live_streams: int = Field(
        200, description="Maximum number of concurrent live streams per process.", examples=["200"], ge=1, le=100_000
    )
    live_idle_seconds: float = Field(
        60.0, description="Seconds without a message after which a live stream ends.", examples=["60"], gt=0, le=3600
    )
    live_slow_seconds: float = Field(
        30.0,
        description="Seconds that a client may leave messages unread before its live stream ends.",
        examples=["30"],
        gt=0,
        le=3600,
    )
    live_resume_seconds: float = Field(
        600.0,
        description="Seconds that a disconnected live session waits for its client to resume.",
        examples=["600"],
        ge=1,
        le=7 * 86400,
    )
    live_lease_seconds: float = Field(
        15.0, description="Seconds after which the stream of a dead process counts as gone.", examples=["15"], ge=1
    )
    live_retention_seconds: float = Field(
        7 * 86400.0, description="Seconds that an ended live session stays listed.", examples=["604800"], ge=1
    )
    live_afterwards: Literal["DELETE", "JOB"] = Field(
        "DELETE",
        description="What happens to a live session's audio and text at its end when the client does not say.",
        examples=["JOB"],
    )
    live_decode_isolation: bool = Field(
        True,
        description="Whether to refuse compressed live audio when the kernel cannot confine its decoder.",
        examples=["true"],
    )
