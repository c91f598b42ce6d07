"""Settings: the environment of a service, checked in full at start.

Every setting is a field of a `ServiceSettings` subclass; its name is LOCUTION_ and the field's name in capitals. A
field of type SecretStr is read from NAME, or from the file that NAME_FILE names.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Self, TypeVar, get_args

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

PREFIX = "LOCUTION_"

S = TypeVar("S", bound="Settings")


def _listen_address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("is not host:port")
    return value


ListenAddress = Annotated[str, AfterValidator(_listen_address)]


class _SecretFiles(PydanticBaseSettingsSource):
    """Read secret fields from the files that NAME_FILE settings name."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{setting_name(field_name)}_FILE")
        if not path or not _is_secret(field):
            return None, field_name, False
        return Path(path).read_text(encoding="utf-8").strip(), field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """Base of every group of settings: LOCUTION_ variables, read once, never changed."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
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


class ServiceSettings(Settings):
    """Settings that all services share."""

    listen: ListenAddress = Field(
        "127.0.0.1:50051",
        description="Address on which gRPC is served, host:port; port 0 takes any free one.",
        examples=["0.0.0.0:50051"],
    )
    metrics_listen: ListenAddress | None = Field(
        None,
        description="Address on which Prometheus metrics are served over HTTP, host:port; unset serves none.",
        examples=["0.0.0.0:9090"],
    )
    service_token: SecretStr | None = Field(
        None,
        description="Credential that Locution's services show each other, at least 16 characters.",
        examples=["a line of `openssl rand -hex 32`"],
        min_length=16,
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least level that is logged.", examples=["DEBUG"]
    )
    reflection: bool = Field(
        False,
        description="Whether anyone may list the services and their schema (gRPC reflection).",
        examples=["true"],
    )
    shutdown_delay: float = Field(
        0.0,
        description="Seconds between reporting NOT_SERVING and refusing calls, so that load balancers notice.",
        examples=["5"],
        ge=0,
        le=600,
    )
    shutdown_grace: float = Field(
        20.0,
        description="Seconds that calls in progress, and after them background work, have to finish at shutdown.",
        examples=["30"],
        ge=0,
        le=3600,
    )
    default_deadline: float = Field(
        30.0,
        description="Seconds after which a unary call ends that came without a deadline.",
        examples=["30"],
        gt=0,
        le=3600,
    )
    max_message_bytes: int = Field(
        16 * 1024 * 1024,
        description="Bytes that one gRPC message may have, either way.",
        examples=["16777216"],
        ge=65536,
        le=1024**3,
    )
    max_concurrent_streams: int = Field(
        1000, description="Calls that one client connection may have open at once.", examples=["1000"], ge=1
    )
    health_interval: float = Field(
        2.0, description="Seconds between two rounds of health probes.", examples=["2"], gt=0, le=300
    )
    trace_file: Path | None = Field(
        None,
        description="File to which spans are appended, one JSON object a line; unset writes none.",
        examples=[".locution/traces.jsonl"],
    )
    tls_cert_file: Path | None = Field(
        None,
        description="PEM certificate chain that the gRPC server shows.",
        examples=["/etc/locution/tls/tls.crt"],
    )
    tls_key_file: Path | None = Field(
        None, description="PEM private key of the certificate.", examples=["/etc/locution/tls/tls.key"]
    )
    tls_ca_file: Path | None = Field(
        None,
        description="PEM certificates that calls to other services trust; unset calls them without TLS.",
        examples=["/etc/locution/tls/ca.crt"],
    )

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError(f"{PREFIX}TLS_CERT_FILE and {PREFIX}TLS_KEY_FILE are set together or not at all")
        return self


class DatabaseSettings(Settings):
    """Settings of a service that owns a Postgres schema; combine with ServiceSettings."""

    database_url: SecretStr = Field(
        description="Postgres that holds the state, as the application role.",
        examples=["postgresql://locution:secret@db:5432/locution"],
    )
    migration_database_url: SecretStr | None = Field(
        None,
        description="The same Postgres as the role that owns the schema; unset migrates as the application role.",
        examples=["postgresql://owner:secret@db:5432/locution"],
    )
    database_pool_size: int = Field(
        10, description="Postgres connections that one process holds at most.", examples=["10"], ge=1, le=1000
    )
    database_timeout: float = Field(
        15.0, description="Seconds that one statement may take.", examples=["15"], gt=0, le=3600
    )

    @property
    def migration_url(self) -> str:
        """Return the URL with which migrations run."""
        return (self.migration_database_url or self.database_url).get_secret_value()


class ObjectStoreSettings(Settings):
    """Settings of a service that keeps objects in S3; combine with ServiceSettings."""

    s3_endpoint: ListenAddress = Field(description="S3 server, host:port.", examples=["minio:9000"])
    s3_access_key: SecretStr = Field(description="Access key id of the S3 account.", examples=["locution"])
    s3_secret_key: SecretStr = Field(description="Secret key of the S3 account.", examples=["40 random characters"])
    s3_bucket: str = Field(
        "locution",
        description="Bucket that holds every object; it must exist.",
        examples=["locution"],
        min_length=3,
        max_length=63,
    )
    s3_region: str = Field("us-east-1", description="Region of the bucket.", examples=["eu-central-1"])
    s3_secure: bool = Field(True, description="Whether S3 is spoken over TLS.", examples=["false"])
    s3_connections: int = Field(
        16, description="S3 requests that one process has open at most.", examples=["16"], ge=1, le=256
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """Say which setting is wrong and how."""

    setting: str
    fault: str
    field: FieldInfo | None

    def __str__(self) -> str:
        lines = [f"{self.setting}: {self.fault}"]
        if self.field is not None:
            lines += [
                f"    meaning: {self.field.description}",
                f"    example: {_example(self.setting, self.field)}",
            ]
            lines += [f"    do:      {_remedy(self.setting, self.field)}"]
        return "\n".join(lines)


class SettingsInvalid(Exception):
    """The environment does not make valid settings; `problems` names every fault."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def setting_name(field: str) -> str:
    """Return the environment variable of a field: `listen` is LOCUTION_LISTEN."""
    return PREFIX + field.upper()


def read(cls: type[S]) -> S:
    """Build settings from the environment; raises SettingsInvalid with every problem, never a secret's value."""
    problems = list(_secret_problems(cls, os.environ))
    try:
        settings = cls() if not problems else None
    except SettingsError as error:
        raise SettingsInvalid([Problem(PREFIX + "*", str(error), None)]) from None
    except ValidationError as error:
        problems += _validation_problems(cls, error)
    else:
        if settings is not None:
            return settings
    raise SettingsInvalid(problems)


def load(cls: type[S], argv: Sequence[str] = (), *, program: str = "locution") -> S:
    """Return valid settings, or print every problem and exit with 2.

    `argv` (without the program's name) may hold `--help`, which prints every setting, or `--check-settings`, which
    only checks them; both end the process with 0.
    """
    if set(argv) & {"--help", "-h"}:
        sys.stdout.write(describe(cls, program) + "\n")
        sys.exit(0)
    unknown = [argument for argument in argv if argument != "--check-settings"]
    if unknown:
        _fail(f"{program}: unknown arguments: {' '.join(unknown)}\nTry --help.")
    try:
        settings = read(cls)
    except SettingsInvalid as invalid:
        _fail(f"{program}: the settings are not valid\n\n{invalid}")
    if "--check-settings" in argv:
        sys.stdout.write(f"{program}: the settings are valid\n")
        sys.exit(0)
    return settings


def describe(cls: type[Settings], program: str) -> str:
    """Return the help text: every setting with meaning, unit, default and example."""
    head = f"usage: {program} [--help] [--check-settings]\n\nSettings, from the environment:\n"
    return "\n".join([head, *(_describe(name, field) for name, field in sorted(cls.model_fields.items()))])


def _describe(name: str, field: FieldInfo) -> str:
    setting = setting_name(name)
    file = f" (or {setting}_FILE)" if _is_secret(field) else ""
    default = "required" if field.is_required() else f"default: {_shown(field.default)}"
    return f"  {setting}{file}\n      {field.description}\n      {default}; example: {_example(setting, field)}"


def _shown(default: object) -> str:
    return "unset" if default is None else str(default).lower() if isinstance(default, bool) else str(default)


def _example(setting: str, field: FieldInfo) -> str:
    return f"{setting}={field.examples[0]}" if field.examples else setting


def _remedy(setting: str, field: FieldInfo) -> str:
    either = f"{setting} or {setting}_FILE" if _is_secret(field) else setting
    return f"set {either}" if field.is_required() else f"mend or unset {either}"


def _is_secret(field: FieldInfo) -> bool:
    return field.annotation is SecretStr or SecretStr in get_args(field.annotation)


def _secret_problems(cls: type[Settings], environment: Mapping[str, str]) -> Iterator[Problem]:
    for name, field in cls.model_fields.items():
        setting = setting_name(name)
        path = environment.get(f"{setting}_FILE")
        if not path or not _is_secret(field):
            continue
        if environment.get(setting):
            yield Problem(setting, f"is set, and so is {setting}_FILE; only one may be", field)
        elif fault := _file_fault(Path(path)):
            yield Problem(f"{setting}_FILE", fault, field)


def _file_fault(path: Path) -> str | None:
    try:
        return None if path.read_text(encoding="utf-8").strip() else f"{path} is empty"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        return f"{path} is not UTF-8 text"


def _validation_problems(cls: type[Settings], error: ValidationError) -> Iterator[Problem]:
    for detail in error.errors(include_input=False, include_url=False):
        name = str(detail["loc"][0]) if detail["loc"] else ""
        field = cls.model_fields.get(name)
        fault = "is required but not set" if detail["type"] == "missing" else detail["msg"]
        yield Problem(setting_name(name) if name else PREFIX + "*", fault, field)


def _fail(text: str) -> NoReturn:
    sys.stderr.write(text + "\n")
    sys.exit(2)


__all__ = [
    "DatabaseSettings",
    "ListenAddress",
    "ObjectStoreSettings",
    "Problem",
    "ServiceSettings",
    "Settings",
    "SettingsInvalid",
    "describe",
    "load",
    "read",
    "setting_name",
]
