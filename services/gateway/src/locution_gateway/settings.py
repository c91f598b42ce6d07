"""Settings of the processes, inherited from their features."""

from __future__ import annotations

from locution_gateway.identity.settings import IdentitySettings
from locution_gateway.jobs.settings import JobSettings
from locution_gateway.live.settings import LiveSettings
from locution_gateway.media.settings import MediaSettings
from locution_gateway.models.settings import ModelSettings
from locution_gateway.pipeline.settings import PipelineSettings
from locution_gateway.platform.settings import ApiBaseSettings
from locution_gateway.quotas.settings import QuotaSettings
from locution_gateway.uploads.settings import UploadSettings
from locution_gateway.voices.settings import VoiceSettings
from locution_gateway.webhooks.settings import WebhookApiSettings, WebhookWorkerSettings

__all__ = ["ApiSettings", "WorkerSettings"]


class ApiSettings(
    ApiBaseSettings,
    QuotaSettings,
    IdentitySettings,
    MediaSettings,
    ModelSettings,
    UploadSettings,
    JobSettings,
    VoiceSettings,
    LiveSettings,
    WebhookApiSettings,
):
    """Settings of the process `api`."""


class WorkerSettings(PipelineSettings, WebhookWorkerSettings):
    """Settings of the process `worker`."""
