"""Settings of the gateway: what api and worker share, and what the api alone needs."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from locution_common.settings import (
    DatabaseSettings,
    ListenAddress,
    ObjectStoreSettings,
    ServiceSettings,
)
from pydantic import Field, SecretStr

from locution_gateway.identity.settings import IdentitySettings
from locution_gateway.voices.settings import VoiceSettings
from locution_gateway.webhooks.settings import WebhookApiSettings

_PART = 8 * 1024 * 1024
_MAX_PARTS = 10_000


class GatewaySettings(ServiceSettings, DatabaseSettings, ObjectStoreSettings):
    """Settings that both processes of the gateway share."""

    registry_address: str = Field(
        description="Registry, host:port, a comma list of them, or a gRPC target such as dns:///name:port.",
        examples=["registry:50051"],
        min_length=1,
    )
    max_audio_seconds: int = Field(
        24 * 3600,
        description="Seconds that one recording may last once decoded.",
        examples=["86400"],
        ge=1,
        le=7 * 86400,
    )
    max_audio_channels: int = Field(
        8, description="Channels that one recording may have when each is transcribed.", examples=["8"], ge=1, le=8
    )


class ApiSettings(GatewaySettings, IdentitySettings, WebhookApiSettings, VoiceSettings):
    """Settings of the process `api`."""

    development_key: SecretStr | None = Field(
        None,
        description="Key whose bearer is the operator of the default tenant, at least 16 characters; unset: nobody.",
        examples=["a line of `openssl rand -hex 32`"],
        min_length=16,
    )
    s3_public_endpoint: ListenAddress | None = Field(
        None,
        description="S3 server as clients reach it, host:port, for presigned URLs; unset takes LOCUTION_S3_ENDPOINT.",
        examples=["s3.example.com:443"],
    )
    s3_public_secure: bool | None = Field(
        None, description="Whether presigned URLs are https; unset takes LOCUTION_S3_SECURE.", examples=["true"]
    )
    max_upload_bytes: int = Field(
        64 * 1024**3,
        description="Bytes that one upload may have.",
        examples=["68719476736"],
        ge=1,
        le=_PART * _MAX_PARTS,
    )
    max_open_uploads: int = Field(
        100, description="Uploads that one tenant may have in WRITING or VERIFYING.", examples=["100"], ge=1, le=100_000
    )
    max_write_streams: int = Field(
        20,
        description="WriteUpload streams that this process takes at once; each holds up to 8 MiB, and three times that "
        "while at most four are open.",
        examples=["20"],
        ge=1,
        le=1000,
    )
    upload_silence_seconds: float = Field(
        60.0, description="Seconds without a message after which a WriteUpload stream ends.", examples=["60"], gt=0
    )
    upload_idle_seconds: int = Field(
        24 * 3600,
        description="Seconds after its last byte at which a WRITING upload expires.",
        examples=["86400"],
        ge=1,
    )
    upload_retention_seconds: int = Field(
        7 * 86400, description="Seconds that a READY, FAILED or EXPIRED upload is kept.", examples=["604800"], ge=60
    )
    upload_part_url_seconds: int = Field(
        3600, description="Seconds that a presigned part URL is good.", examples=["3600"], ge=60, le=7 * 86400
    )
    inline_verify_bytes: int = Field(
        32 * 1024**2,
        description="Bytes up to which completing an upload waits for its verification.",
        examples=["33554432"],
        ge=0,
    )
    verify_lease_seconds: int = Field(
        60, description="Seconds after which another process takes over a silent verification.", examples=["60"], ge=3
    )
    job_retention_seconds: int = Field(
        30 * 86400,
        description="Seconds that a job and its transcript are kept after its end, unless the job says otherwise.",
        examples=["2592000"],
        ge=3600,
    )
    asr_address: str | None = Field(
        None,
        description="Speech engines for live streams, as the worker's LOCUTION_ASR_ADDRESS; unset: no live streams.",
        examples=["dns:///asr:50051"],
    )
    diarizer_address: str | None = Field(
        None,
        description="Diarizers for live streams, as the worker's; unset: live streams tell no speakers apart.",
        examples=["dns:///diarizer:50051"],
    )
    live_streams: int = Field(
        200, description="Live streams that this process takes at once.", examples=["200"], ge=1, le=100_000
    )
    live_idle_seconds: float = Field(
        60.0, description="Seconds without a message after which a live stream ends.", examples=["60"], gt=0, le=3600
    )
    live_slow_seconds: float = Field(
        30.0,
        description="Seconds that a client may leave what it is sent unread before its stream ends.",
        examples=["30"],
        gt=0,
        le=3600,
    )
    live_resume_seconds: float = Field(
        600.0, description="Seconds that a live session waits for its client.", examples=["600"], ge=1, le=7 * 86400
    )
    live_lease_seconds: float = Field(
        15.0, description="Seconds after which the stream of a dead process counts as gone.", examples=["15"], ge=1
    )
    live_retention_seconds: float = Field(
        7 * 86400.0, description="Seconds that an ended live session is listed.", examples=["604800"], ge=1
    )
    live_afterwards: Literal["DELETE", "JOB"] = Field(
        "DELETE",
        description="What becomes of a live session's audio and text where its client does not say.",
        examples=["JOB"],
    )
    live_decode_isolation: bool = Field(
        True, description="Refuse compressed live audio where the kernel cannot confine its decoder.", examples=["true"]
    )
    sweep_seconds: float = Field(
        5.0, description="Seconds between two rounds of the janitor.", examples=["5"], gt=0, le=3600
    )
    registry_timeout: float = Field(
        5.0, description="Seconds that one question to the registry may take.", examples=["5"], gt=0, le=60
    )
    register_timeout: float = Field(
        600.0,
        description="Seconds that the registry may take to digest a model's files.",
        examples=["600"],
        gt=0,
        le=3600,
    )

    @property
    def operator_key(self) -> SecretStr | None:
        """Return the key of the operator."""
        return self.bootstrap_key or self.development_key

    @property
    def upload_idle(self) -> timedelta:
        """Return how long an upload may stay unwritten."""
        return timedelta(seconds=self.upload_idle_seconds)

    @property
    def upload_retention(self) -> timedelta:
        """Return how long a finished upload is kept."""
        return timedelta(seconds=self.upload_retention_seconds)

    def public_store(self) -> ObjectStoreSettings:
        """Return the object store as clients reach it."""
        secure = self.s3_secure if self.s3_public_secure is None else self.s3_public_secure
        return self.model_copy(
            update={
                "s3_endpoint": self.s3_public_endpoint or self.s3_endpoint,
                "s3_secure": secure,
                "s3_connections": 1,
            }
        )


class MigrateSettings(DatabaseSettings):
    """Settings of the process `migrate`."""
