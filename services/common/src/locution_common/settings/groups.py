"""Groups of settings that services combine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from .. import addresses
from .base import Settings, setting_name


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
    health_listen: ListenAddress | None = Field(
        None,
        description="Address that serves gRPC health without TLS, for probes that speak none, host:port. Unset: none.",
        examples=["0.0.0.0:50052"],
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
        description="PEM certificate chain of the gRPC server. Connections use changed files without a restart.",
        examples=["/etc/locution/tls/tls.crt"],
    )
    tls_key_file: Path | None = Field(
        None, description="PEM private key of the gRPC server.", examples=["/etc/locution/tls/tls.key"]
    )
    tls_client_ca_file: Path | None = Field(
        None,
        description="PEM certificates of authorities. Callers must show a certificate that one of them signed. Unset: "
        "callers need none.",
        examples=["/etc/locution/tls/ca.crt"],
    )
    tls_ca_file: Path | None = Field(
        None,
        description="PEM certificates to trust in calls to other services. Unset: call them without TLS.",
        examples=["/etc/locution/tls/ca.crt"],
    )
    tls_client_cert_file: Path | None = Field(
        None,
        description="PEM certificate chain to show in calls to other services. Unset: none.",
        examples=["/etc/locution/tls/tls.crt"],
    )
    tls_client_key_file: Path | None = Field(
        None,
        description="PEM private key of LOCUTION_TLS_CLIENT_CERT_FILE.",
        examples=["/etc/locution/tls/tls.key"],
    )

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        for one, other in (("tls_cert_file", "tls_key_file"), ("tls_client_cert_file", "tls_client_key_file")):
            if (getattr(self, one) is None) != (getattr(self, other) is None):
                raise ValueError(f"{setting_name(one)} and {setting_name(other)} must be set together or not at all")
        for one, needed in (("tls_client_ca_file", "tls_cert_file"), ("tls_client_cert_file", "tls_ca_file")):
            if getattr(self, one) is not None and getattr(self, needed) is None:
                raise ValueError(f"{setting_name(one)} needs {setting_name(needed)}")
        return self

    @property
    def server_pair(self) -> tuple[Path, Path] | None:
        """Return the files of the server's certificate and key, or None without TLS."""
        return _pair(self.tls_cert_file, self.tls_key_file)

    @property
    def client_pair(self) -> tuple[Path, Path] | None:
        """Return the files of the certificate and key to show to other services, or None."""
        return _pair(self.tls_client_cert_file, self.tls_client_key_file)


def _pair(certificate: Path | None, key: Path | None) -> tuple[Path, Path] | None:
    return None if certificate is None or key is None else (certificate, key)


class ApplicationRole(Settings):
    """Where a service or command reaches Postgres as the application."""

    database_url: SecretStr = Field(
        description="Postgres URL of the application role.",
        examples=["postgresql://locution:secret@db:5432/locution"],
    )


class DatabaseSettings(ApplicationRole):
    """Settings of a service that owns a Postgres schema; combine with ServiceSettings."""

    database_pool_size: int = Field(
        10, description="Maximum number of Postgres connections per process.", examples=["10"], ge=1, le=1000
    )
    database_timeout: float = Field(
        15.0, description="Timeout of one statement in seconds.", examples=["15"], gt=0, le=3600
    )


class MigrationWait(Settings):
    """How long the commands about migrations wait."""

    migration_wait: float = Field(
        120.0,
        description="Seconds to wait for a database that cannot be reached yet, or for migrations that are missing.",
        examples=["120"],
        ge=0,
        le=3600,
    )


class AwaitSchemaSettings(MigrationWait, ApplicationRole):
    """Settings of the command `await-schema` of a service that owns a Postgres schema."""


class MigrateSettings(MigrationWait):
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
