"""Groups of settings that services combine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from .. import addresses
from .base import PREFIX, Settings


def _listen_address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("is not host:port")
    return value


ListenAddress = Annotated[str, AfterValidator(_listen_address)]
ServiceAddress = Annotated[str, AfterValidator(addresses.checked)]


class ServiceSettings(Settings):
    """Settings of all services."""

    listen: ListenAddress = Field(
        "127.0.0.1:50051",
        description="Address that serves gRPC, host:port. Port 0 picks a free port.",
        examples=["0.0.0.0:50051"],
    )
    metrics_listen: ListenAddress | None = Field(
        None,
        description="Address that serves Prometheus metrics over HTTP, host:port. Unset: none.",
        examples=["0.0.0.0:9090"],
    )
    service_token: SecretStr | None = Field(
        None,
        description="Token that Locution services authenticate to each other with, at least 16 characters.",
        examples=["a line of `openssl rand -hex 32`"],
        min_length=16,
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Lowest level that is logged.", examples=["DEBUG"]
    )
    reflection: bool = Field(
        False,
        description="Whether gRPC reflection is on: anyone may list the services and their schema.",
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
        description="Seconds that running calls, and then background work, have to finish at shutdown.",
        examples=["30"],
        ge=0,
        le=3600,
    )
    default_deadline: float = Field(
        30.0,
        description="Deadline in seconds for unary calls that arrive without one.",
        examples=["30"],
        gt=0,
        le=3600,
    )
    max_message_bytes: int = Field(
        16 * 1024 * 1024,
        description="Maximum size of one gRPC message in bytes, in either direction.",
        examples=["16777216"],
        ge=65536,
        le=1024**3,
    )
    max_concurrent_streams: int = Field(
        1000, description="Maximum number of concurrent calls per client connection.", examples=["1000"], ge=1
    )
    health_interval: float = Field(2.0, description="Seconds between health probes.", examples=["2"], gt=0, le=300)
    trace_file: Path | None = Field(
        None,
        description="File to append spans to, one JSON object per line. Unset: none.",
        examples=[".locution/traces.jsonl"],
    )
    tls_cert_file: Path | None = Field(
        None,
        description="PEM certificate chain of the gRPC server.",
        examples=["/etc/locution/tls/tls.crt"],
    )
    tls_key_file: Path | None = Field(
        None, description="PEM private key of the gRPC server.", examples=["/etc/locution/tls/tls.key"]
    )
    tls_ca_file: Path | None = Field(
        None,
        description="PEM certificates to trust in calls to other services. Unset: call them without TLS.",
        examples=["/etc/locution/tls/ca.crt"],
    )

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError(f"{PREFIX}TLS_CERT_FILE and {PREFIX}TLS_KEY_FILE must be set together or not at all")
        return self


class DatabaseSettings(Settings):
    """Settings of a service that owns a Postgres schema; combine with ServiceSettings."""

    database_url: SecretStr = Field(
        description="Postgres URL of the application role.",
        examples=["postgresql://locution:secret@db:5432/locution"],
    )
    database_pool_size: int = Field(
        10, description="Maximum number of Postgres connections per process.", examples=["10"], ge=1, le=1000
    )
    database_timeout: float = Field(
        15.0, description="Timeout of one statement in seconds.", examples=["15"], gt=0, le=3600
    )


class MigrateSettings(Settings):
    """Settings of the command `migrate` of a service that owns a Postgres schema; it needs one of the two URLs."""

    migration_database_url: SecretStr | None = Field(
        None,
        description="Postgres URL of the role that owns the schema. Unset: migrate as the application role.",
        examples=["postgresql://owner:secret@db:5432/locution"],
    )
    database_url: SecretStr | None = Field(
        None,
        description="Postgres URL of the application role, where it owns the schema too.",
        examples=["postgresql://locution:secret@db:5432/locution"],
    )
    migration_wait: float = Field(
        120.0,
        description="Seconds to wait for a database that cannot be reached yet.",
        examples=["120"],
        ge=0,
        le=3600,
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


class ObjectStoreSettings(Settings):
    """Settings of a service that keeps objects in S3; combine with ServiceSettings."""

    s3_endpoint: ListenAddress = Field(description="S3 server, host:port.", examples=["minio:9000"])
    s3_access_key: SecretStr = Field(description="Access key id of the S3 account.", examples=["locution"])
    s3_secret_key: SecretStr = Field(description="Secret key of the S3 account.", examples=["40 random characters"])
    s3_bucket: str = Field(
        "locution",
        description="Bucket for all objects. It must exist.",
        examples=["locution"],
        min_length=3,
        max_length=63,
    )
    s3_region: str = Field("us-east-1", description="Region of the bucket.", examples=["eu-central-1"])
    s3_secure: bool = Field(True, description="Whether to use TLS to S3.", examples=["false"])
    s3_connections: int = Field(
        16, description="Maximum number of concurrent S3 requests per process.", examples=["16"], ge=1, le=256
    )
    s3_connect_timeout: float = Field(
        5.0, description="Timeout in seconds for connecting to S3.", examples=["5"], gt=0, le=15
    )
    s3_read_timeout: float = Field(
        20.0,
        description="Seconds without data after which a request to S3 is repeated, at most twice.",
        examples=["20"],
        gt=0,
        le=60,
    )
