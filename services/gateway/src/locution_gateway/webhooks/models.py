"""Webhooks: where tenants want to be told, and what is on its way there."""

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
    """What a webhook is told about."""

    JOB_QUEUED = "JOB_QUEUED"
    JOB_RUNNING = "JOB_RUNNING"
    JOB_SUCCEEDED = "JOB_SUCCEEDED"
    JOB_FAILED = "JOB_FAILED"
    JOB_CANCELLED = "JOB_CANCELLED"
    TEST = "TEST"


ENDS = (EventType.JOB_SUCCEEDED, EventType.JOB_FAILED, EventType.JOB_CANCELLED)


class SignatureScheme(StrEnum):
    """How deliveries are signed: by a secret that both sides share, or by a private key."""

    HMAC_SHA256 = "HMAC_SHA256"
    ED25519 = "ED25519"


class AttemptResult(StrEnum):
    """How one attempt at a delivery ended: taken, to be made again, the last one, or given back unfinished."""

    DELIVERED = "delivered"
    FAILED = "failed"
    DEAD = "dead"
    RELEASED = "released"


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a tenant wants to be told.

    `secret` is the shared one, known in the moment in which it is made; `public_key` is there without one.
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
    """A webhook to be created; `limit` is how many its tenant may have."""

    webhook_id: WebhookId
    display_name: str
    url: str
    event_types: tuple[EventType, ...]
    disabled: bool
    secret: str
    limit: int


@dataclass(frozen=True, slots=True)
class WebhookChange:
    """New values. None keeps the field."""

    display_name: str | None = None
    url: str | None = None
    event_types: tuple[EventType, ...] | None = None
    disabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook, as its tenant sees it."""

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
    """A delivery held by this worker under `token`, with what it takes to send it.

    `reason` is why a FAILED job failed; `secrets` begin with the newest; `trace_context` is its job's, "" without one.
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
    """Deliveries that wait for webhooks which are not disabled, and for how many seconds the first of them is due."""

    waiting: int
    late_seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: the receiver's status where it answered, and why it failed where it did.

    `retry_after` is how long the receiver asks to be left alone.
    """

    status: int | None = None
    error: str | None = None
    retry_after: timedelta | None = None

    @property
    def delivered(self) -> bool:
        """Tell whether the receiver took it."""
        return self.error is None


class WebhookUrlRefused(Refused):
    """The URL does not parse, or leads where the server does not send."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.WEBHOOK_URL_REFUSED, message, field="webhook.url")
