"""Settings of uploads."""

from __future__ import annotations

from datetime import timedelta

from locution_common.settings import ListenAddress, ObjectStoreSettings
from pydantic import Field

_PART = 8 * 1024 * 1024
_MAX_PARTS = 10_000


class UploadSettings(ObjectStoreSettings):
    """Sizes, numbers and times of uploads."""

    s3_public_endpoint: ListenAddress | None = Field(
        None,
        description="S3 server as clients reach it, host:port, for presigned URLs. Unset: LOCUTION_S3_ENDPOINT.",
        examples=["s3.example.com:443"],
    )
    s3_public_secure: bool | None = Field(
        None, description="Whether presigned URLs use HTTPS. Unset: LOCUTION_S3_SECURE.", examples=["true"]
    )
    max_upload_bytes: int = Field(
        64 * 1024**3,
        description="Maximum size of an upload in bytes.",
        examples=["68719476736"],
        ge=1,
        le=_PART * _MAX_PARTS,
    )
    max_write_streams: int = Field(
        20,
        description=(
            "Maximum number of concurrent WriteUpload streams per process. Each holds up to 8 MiB, or "
            "24 MiB while at most four are open."
        ),
        examples=["20"],
        ge=1,
        le=1000,
    )
    upload_silence_seconds: float = Field(
        60.0,
        description="Seconds without a message after which a WriteUpload stream ends.",
        examples=["60"],
        gt=0,
        le=3600,
    )
    upload_min_bytes_per_second: int = Field(
        1024,
        description=(
            "Bytes per second that a WriteUpload stream must bring, averaged over LOCUTION_UPLOAD_SILENCE_SECONDS. "
            "Time in which the server does not read does not count. 0: any rate."
        ),
        examples=["1024"],
        ge=0,
        le=1024**2,
    )
    upload_idle_seconds: int = Field(
        24 * 3600,
        description="Seconds without new bytes after which a WRITING upload expires.",
        examples=["86400"],
        ge=1,
    )
    upload_retention_seconds: int = Field(
        7 * 86400, description="Seconds that a READY, FAILED or EXPIRED upload is kept.", examples=["604800"], ge=60
    )
    upload_part_url_seconds: int = Field(
        3600, description="Lifetime of a presigned part URL in seconds.", examples=["3600"], ge=60, le=7 * 86400
    )
    inline_verify_bytes: int = Field(
        32 * 1024**2,
        description="Uploads of at most this many bytes are verified before CompleteUpload returns.",
        examples=["33554432"],
        ge=0,
    )
    verify_lease_seconds: int = Field(
        60,
        description="Seconds after which another process takes over a verification that stopped.",
        examples=["60"],
        ge=3,
    )

    @property
    def upload_idle(self) -> timedelta:
        """Return how long an upload may stay idle."""
        return timedelta(seconds=self.upload_idle_seconds)

    @property
    def upload_retention(self) -> timedelta:
        """Return how long a completed upload is kept."""
        return timedelta(seconds=self.upload_retention_seconds)

    def public_store(self) -> ObjectStoreSettings:
        """Return the object store's address for clients."""
        secure = self.s3_secure if self.s3_public_secure is None else self.s3_public_secure
        return self.model_copy(
            update={
                "s3_endpoint": self.s3_public_endpoint or self.s3_endpoint,
                "s3_secure": secure,
                "s3_connections": 1,
            }
        )
