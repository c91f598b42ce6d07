"""Settings of the diarizer."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from locution_common.addresses import FORM
from locution_common.settings import ServiceAddress, ServiceSettings
from pydantic import Field


class DiarizerSettings(ServiceSettings):
    """The environment settings of the diarizer."""

    models_root: Path = Field(
        description="Folder below which models lie as <set>/<model>.", examples=["/var/lib/locution/models"]
    )
    registry_address: ServiceAddress = Field(description=f"Registry: {FORM}.", examples=["registry:50051"])
    diarizer_device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Device that computes; auto takes a GPU where there is one.", examples=["cuda"]
    )
    diarizer_workers: int = Field(
        0, description="Batches that are computed at once; 0 fits the device.", examples=["2"], ge=0, le=64
    )
    diarizer_threads: int = Field(
        0, description="Threads that one batch is computed on; 0 fits the device.", examples=["1"], ge=0, le=64
    )
    diarizer_batch_size: int = Field(
        0, description="Windows that a batch holds at most; 0 fits the device.", examples=["4"], ge=0, le=1024
    )
    diarizer_streams: int = Field(
        64, description="Streams that are served at once; one more is refused.", examples=["64"], ge=1, le=10_000
    )
    diarizer_section_seconds: float = Field(
        900.0, description="Seconds of audio that one section holds at most.", examples=["900"], ge=10, le=7200
    )
    diarizer_resident_models: int = Field(
        2, description="Models that are kept in memory at most.", examples=["2"], ge=1, le=32
    )
    diarizer_embeddings: int = Field(
        2000,
        description="Embeddings that meet in one clustering at most; memory grows with their square (2000: 32 MB).",
        examples=["2000"],
        ge=100,
        le=20_000,
    )
    diarizer_cluster_bytes: int = Field(
        256 * 1024 * 1024,
        description="Bytes that the sections of one clustering may have together; an hour has about 2 MB.",
        examples=["268435456"],
        ge=1024 * 1024,
    )
