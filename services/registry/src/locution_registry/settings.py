"""Settings of the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from locution_common.settings import DatabaseSettings, ServiceSettings, Settings
from pydantic import Field, SecretStr, model_validator


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


class MigrateSettings(Settings):
    """Settings of `migrate`; it needs one of the two URLs."""

    migration_database_url: SecretStr | None = Field(
        None,
        description="Postgres as the role that owns schema `registry`; unset migrates with LOCUTION_DATABASE_URL.",
        examples=["postgresql://owner:secret@db:5432/locution"],
    )
    database_url: SecretStr | None = Field(
        None,
        description="Postgres as the application role, for an installation where it owns the schema too.",
        examples=["postgresql://locution:secret@db:5432/locution"],
    )

    @model_validator(mode="after")
    def _one_is_set(self) -> Self:
        if not self.migration_url:
            raise ValueError("LOCUTION_MIGRATION_DATABASE_URL (or LOCUTION_DATABASE_URL) is required but not set")
        return self

    @property
    def migration_url(self) -> str:
        """Return the URL for migrations."""
        url = self.migration_database_url or self.database_url
        return url.get_secret_value() if url else ""
