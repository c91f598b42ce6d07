"""The base of all groups of settings: where a field's value comes from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "LOCUTION_"


def setting_name(field: str) -> str:
    """Return the environment variable of a field: `listen` is LOCUTION_LISTEN."""
    return PREFIX + field.upper()


def is_secret(field: FieldInfo) -> bool:
    """Tell whether a field holds a secret, so that NAME_FILE may name it too."""
    return field.annotation is SecretStr or SecretStr in get_args(field.annotation)


class _SecretFiles(PydanticBaseSettingsSource):
    """Read secret fields from the files that NAME_FILE settings name."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{setting_name(field_name)}_FILE")
        if not path or not is_secret(field):
            return None, field_name, False
        return Path(path).read_text(encoding="utf-8").strip(), field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """Base of all groups of settings: LOCUTION_ variables, read once and immutable."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    environment: Literal["local", "production"] = Field(
        default="production",
        description="Kind of installation. Outside `local`, known, guessable and short secrets are refused.",
        examples=["production"],
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, _SecretFiles(settings_cls))

    def secrets(self) -> list[str]:
        """Return every secret value, so that logs can hide them."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
