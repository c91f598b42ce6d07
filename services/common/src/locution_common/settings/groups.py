"""Groups of settings that services combine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from .base import PREFIX, Settings


def _listen_address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("is not host:port")
    return value


ListenAddress = Annotated[str, AfterValidator(_listen_address)]


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
    s3_connect_timeout: float = Field(
        5.0, description="Seconds that a connection to S3 may take to come about.", examples=["5"], gt=0, le=15
    )
    s3_read_timeout: float = Field(
        20.0,
        description="Seconds for which S3 may be silent before a request is tried again, three times in all.",
        examples=["20"],
        gt=0,
        le=60,
    )
