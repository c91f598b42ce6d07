"""Settings of the registry."""

from __future__ import annotations

from pathlib import Path

from locution_common.settings import DatabaseSettings, ServiceSettings
from pydantic import Field


class RegistrySettings(ServiceSettings, DatabaseSettings):
    """Settings of `serve`."""

    models_root: Path = Field(
        description="Folder that holds the model sets; read, never written.", examples=["/var/lib/locution/models"]
    )
    serving_ttl: float = Field(
        30.0,
        description="Seconds after which an engine that does not report again is forgotten.",
        examples=["30"],
        ge=1,
        le=3600,
    )
    file_check_interval: float = Field(
        30.0,
        description="Seconds between two checks of the files of every model.",
        examples=["30"],
        gt=0,
        le=86_400,
    )
    digest_threads: int = Field(
        2, description="Folders that are digested at once; each takes a core and 1 MiB.", examples=["2"], ge=1, le=64
    )
