"""Webhooks: the receivers of tenants, and the deliveries to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID

from locution_common.errors import Reason, Refused

from locution_gateway.platform.ids import JobId
from locution_gateway.platform.principal import TenantId

WebhookId = NewType("WebhookId", UUID)
DeliveryId = NewType("DeliveryId", UUID)


class EventType(StrEnum):
    """The type of an event."""

    JOB_QUEUED = "JOB_QUEUED"
    JOB_RUNNING = "JOB_RUNNING"
    JOB_SUCCEEDED = "JOB_SUCCEEDED"
    JOB_FAILED = "JOB_FAILED"
    JOB_CANCELLED = "JOB_CANCELLED"
    TEST = "TEST"


ENDS = (EventType.JOB_SUCCEEDED, EventType.JOB_FAILED, EventType.JOB_CANCELLED)


class SignatureScheme(StrEnum):
    """How deliveries are signed: with a shared secret, or with a private key."""

    HMAC_SHA256 = "HMAC_SHA256"
    ED25519 = "ED25519"


class AttemptResult(StrEnum):
    """The result of one attempt: delivered, to be retried, the last one, or released unfinished."""

    DELIVERED = "delivered"
    FAILED = "failed"
    DEAD = "dead"
    RELEASED = "released"


class DeliveryState(StrEnum):
    """The state of a delivery."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver of a tenant's events.

    `secret` is the shared one, known only when it is created; `public_key` is set instead for a key pair.
    """

    webhook_id: WebhookId
    created_by: str
    display_name: str
    url: str
    event_types: tuple[EventType, ...]
    disabled: bool
    disabled_reason: str | None
    failing_since: datetime | None
    create_time: datetime
    version: int
    signature_scheme: SignatureScheme
    public_key: str | None
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook to create; `limit` is the tenant's limit."""

    webhook_id: WebhookId
    display_name: str
    url: str
    event_types: tuple[EventType, ...]
    disabled: bool
    secret: str
    limit: int


@dataclass(frozen=True, slots=True)
class WebhookChange:
    """New values. None keeps a field."""

    display_name: str | None = None
    url: str | None = None
    event_types: tuple[EventType, ...] | None = None
    disabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery of one event to one webhook, as its tenant sees it."""

    delivery_id: DeliveryId
    webhook_id: WebhookId
    event_type: EventType
    job_id: JobId | None
    event_time: datetime
    state: DeliveryState
    attempts: int
    due_time: datetime
    response_status: int | None
    error: str | None
    last_attempt_time: datetime | None


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A delivery that this worker holds under `token`, with everything needed to send it.

    `reason` is why a FAILED job failed; `secrets` start with the newest; `trace_context` is its job's, "" without one.
    """

    delivery_id: DeliveryId
    webhook_id: WebhookId
    tenant_id: TenantId
    event_type: EventType
    job_id: JobId | None
    event_id: int
    event_time: datetime
    reason: Reason | None
    attempts: int
    token: UUID
    url: str
    secrets: tuple[str, ...]
    trace_context: str


@dataclass(frozen=True, slots=True)
class Backlog:
    """Pending deliveries of enabled webhooks, and for how many seconds the first of them has been due."""

    waiting: int
    late_seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt: the receiver's status if it answered, and the error if it failed.

    `retry_after` is the delay that the receiver asks for.
    """

    status: int | None = None
    error: str | None = None
    retry_after: timedelta | None = None

    @property
    def delivered(self) -> bool:
        """Tell whether the receiver accepted it."""
        return self.error is None


class WebhookUrlRefused(Refused):
    """The URL is malformed, or points to an address that the server may not send to."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.WEBHOOK_URL_REFUSED, message, field="webhook.url")
