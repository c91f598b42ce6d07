"""Settings of webhooks: their allowed targets, which both processes check, and how the worker sends them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from locution_common.settings import Settings
from pydantic import Field, field_validator

from locution_gateway.platform.settings import WorkerBaseSettings
from locution_gateway.webhooks.deliver import DeliveryLimits
from locution_gateway.webhooks.guard import Guard
from locution_gateway.webhooks.schedule import Schedule


class WebhookSettings(Settings):
    """Allowed targets of webhooks."""

    webhook_allow: str = Field(
        "",
        description="Comma-separated networks and host names that webhooks may reach although they are not public.",
        examples=["10.20.0.0/16,hooks.internal"],
    )
    webhook_allow_http: bool = Field(
        False, description="Whether webhooks may use unencrypted HTTP.", examples=["false"]
    )

    @field_validator("webhook_allow")
    @classmethod
    def _readable(cls, value: str) -> str:
        Guard.read(value, http=False)
        return value

    def webhook_guard(self) -> Guard:
        """Return the rule for URLs and addresses."""
        return Guard.read(self.webhook_allow, http=self.webhook_allow_http)


class WebhookApiSettings(WebhookSettings):
    """Limits of webhooks."""

    max_webhooks: int = Field(
        20, description="Maximum number of webhooks per tenant.", examples=["20"], ge=0, le=10_000
    )


class WebhookWorkerSettings(WorkerBaseSettings, WebhookSettings):
    """How webhooks are sent."""

    webhook_timeout_seconds: float = Field(
        15.0,
        description="Timeout of one attempt in seconds, name resolution included.",
        examples=["15"],
        gt=0,
        le=60,
    )
    webhook_attempts: int = Field(
        15, description="Attempts at a delivery before it is dead.", examples=["15"], ge=1, le=100
    )
    webhook_retry_seconds: float = Field(
        5.0,
        description="Delay in seconds before the second attempt. It doubles with each attempt.",
        examples=["5"],
        gt=0,
        le=3600,
    )
    webhook_retry_ceiling_seconds: float = Field(
        3600.0, description="Maximum delay in seconds before another attempt.", examples=["3600"], gt=0, le=86400
    )
    webhook_patience_seconds: float = Field(
        3 * 86400.0,
        description="Seconds of failed attempts after which a webhook is disabled.",
        examples=["259200"],
        gt=0,
    )
    webhook_retention_seconds: float = Field(
        7 * 86400.0,
        description=(
            "Seconds after its event that a delivery stays listed, once it is finished or its webhook is disabled."
        ),
        examples=["604800"],
        ge=60,
    )
    webhook_deliveries: int = Field(
        32, description="Maximum number of concurrent deliveries per process.", examples=["32"], ge=1, le=1000
    )
    webhook_deliveries_each: int = Field(
        4,
        description="Maximum number of concurrent deliveries per webhook. A failing webhook gets one.",
        examples=["4"],
        ge=1,
        le=100,
    )
    webhook_ca_file: Path | None = Field(
        None,
        description="PEM certificates to trust in addition to the public ones, for receivers with a private CA.",
        examples=["/etc/locution/ca.pem"],
    )

    def webhook_schedule(self) -> Schedule:
        """Return when to retry failed deliveries."""
        base, ceiling = self.webhook_retry_seconds, self.webhook_retry_ceiling_seconds
        patience = timedelta(seconds=self.webhook_patience_seconds)
        return Schedule(self.webhook_attempts, timedelta(seconds=base), timedelta(seconds=ceiling), patience)

    def webhook_limits(self) -> DeliveryLimits:
        """Return how much to send at once."""
        # Twice an attempt, plus its bookkeeping.
        lease = timedelta(seconds=2 * self.webhook_timeout_seconds + 5)
        retention = timedelta(seconds=self.webhook_retention_seconds)
        poll = timedelta(seconds=self.poll_seconds)
        return DeliveryLimits(self.webhook_deliveries, self.webhook_deliveries_each, lease, poll, retention)

    def webhook_timeout(self) -> timedelta:
        """Return the time limit of one attempt."""
        return timedelta(seconds=self.webhook_timeout_seconds)
