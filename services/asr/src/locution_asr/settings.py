"""Settings of the asr service."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from locution_common.addresses import FORM
from locution_common.settings import ServiceAddress, ServiceSettings
from pydantic import Field


class AsrSettings(ServiceSettings):
    """Settings of the asr service beyond those that all services share."""

    models_root: Path = Field(description="Folder that holds the models as <set>/<model>.", examples=["/models"])
    registry_address: ServiceAddress = Field(description=f"Registry: {FORM}.", examples=["registry:50051"])
    asr_device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where models run; auto takes a GPU where there is one.", examples=["cuda"]
    )
    asr_compute_type: Literal["auto", "int8", "int8_float16", "float16", "bfloat16", "float32"] = Field(
        "auto",
        description="Numbers that models run in; auto is int8 on a CPU and float16 on a GPU.",
        examples=["int8_float16"],
    )
    asr_workers: int = Field(
        0,
        description="Batches that run at once; 0 takes one a core, at most 8, and one on a GPU.",
        examples=["2"],
        ge=0,
        le=64,
    )
    asr_threads: int = Field(
        0, description="Threads of each worker; 0 shares the cores among the workers.", examples=["1"], ge=0, le=64
    )
    asr_batch_size: int = Field(
        0,
        description="Windows that a batch holds at most; 0 takes 4 on a CPU and finds the best on a GPU.",
        examples=["16"],
        ge=0,
        le=512,
    )
    asr_sections: int = Field(
        256, description="Sections under way at most; more are refused with a time to retry.", examples=["256"], ge=1
    )
    asr_section_seconds: float = Field(
        3600.0, description="Seconds of audio that one section may have.", examples=["3600"], gt=0, le=86400
    )
    asr_resident_models: int = Field(
        2, description="Models that are kept in memory at most.", examples=["2"], ge=1, le=100
    )
    asr_model_memory_gib: float | None = Field(
        None, description="GiB of memory that models may occupy together; unset sets no limit.", examples=["20"], gt=0
    )
