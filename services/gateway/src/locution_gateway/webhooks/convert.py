"""Webhooks and their deliveries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID

from locution.v1 import webhook_service_pb2 as pb
from locution_common.errors import Reason, Refused

from locution_gateway.platform.convert import refuse_others, timestamp
from locution_gateway.platform.etags import etag
from locution_gateway.platform.names import JOBS, Names
from locution_gateway.webhooks.manage import WebhookDraft
from locution_gateway.webhooks.models import (
    Delivery,
    DeliveryId,
    DeliveryState,
    EventType,
    SignatureScheme,
    Webhook,
    WebhookChange,
    WebhookId,
)

SETTABLE: Final = frozenset({"display_name", "url", "event_types", "disabled"})
CREATABLE: Final = SETTABLE | {"signature_scheme"}
UPDATABLE: Final = SETTABLE | {"name", "etag"}
OVERLAP: Final = timedelta(hours=24)

WEBHOOKS: Final = Names("webhooks", WebhookId, Reason.WEBHOOK_NOT_FOUND)

_PREFIX: Final = "WEBHOOK_EVENT_TYPE_"
_SCHEME: Final = "SIGNATURE_SCHEME_"


def delivery_ids(name: str) -> tuple[WebhookId, DeliveryId]:
    """Return the ids in a delivery's name."""
    webhook, _, text = name.partition("/deliveries/")
    try:
        found = UUID(text)
    except ValueError:
        raise Refused(Reason.WEBHOOK_DELIVERY_NOT_FOUND) from None
    return WEBHOOKS.id(webhook), DeliveryId(found)


def draft(webhook: pb.Webhook) -> WebhookDraft:
    """Return a client's description of a new webhook. Refuses fields that clients cannot set with INVALID_REQUEST."""
    refuse_others(webhook, "webhook", CREATABLE)
    scheme = _scheme(webhook.signature_scheme)
    return WebhookDraft(webhook.url, webhook.display_name, _events(webhook.event_types), webhook.disabled, scheme)


def change(webhook: pb.Webhook) -> WebhookChange:
    """Return the values of an update. Refuses immutable fields with INVALID_REQUEST."""
    refuse_others(webhook, "webhook", UPDATABLE)
    return WebhookChange(webhook.display_name, webhook.url, _events(webhook.event_types), webhook.disabled)


def overlap(request: pb.RotateWebhookSecretRequest) -> timedelta:
    """Return how long the previous secrets stay valid."""
    return request.overlap_duration.ToTimedelta() if request.HasField("overlap_duration") else OVERLAP


def webhook_to_proto(webhook: Webhook) -> pb.Webhook:
    """Return the public form of a webhook."""
    since = webhook.failing_since
    return pb.Webhook(
        name=WEBHOOKS.name(webhook.webhook_id),
        display_name=webhook.display_name,
        url=webhook.url,
        event_types=[_event(event) for event in webhook.event_types],
        disabled=webhook.disabled,
        disabled_reason=webhook.disabled_reason,
        secret=webhook.secret,
        signature_scheme=pb.Webhook.SignatureScheme.Value(_SCHEME + webhook.signature_scheme),
        public_key=webhook.public_key,
        failing_since_time=None if since is None else timestamp(since),
        create_time=timestamp(webhook.create_time),
        etag=etag(webhook.version),
    )


def delivery_to_proto(delivery: Delivery) -> pb.WebhookDelivery:
    """Return the public form of a delivery."""
    last, pending = delivery.last_attempt_time, delivery.state is DeliveryState.PENDING
    return pb.WebhookDelivery(
        name=f"{WEBHOOKS.name(delivery.webhook_id)}/deliveries/{delivery.delivery_id}",
        state=pb.WebhookDelivery.State.Value(f"STATE_{delivery.state.value}"),
        event_type=_event(delivery.event_type),
        job=None if delivery.job_id is None else JOBS.name(delivery.job_id),
        attempts=delivery.attempts,
        response_status=delivery.response_status,
        error=delivery.error,
        create_time=timestamp(delivery.event_time),
        last_attempt_time=None if last is None else timestamp(last),
        next_attempt_time=timestamp(delivery.due_time) if pending else None,
    )


def _events(values: Iterable[pb.WebhookEventType.ValueType]) -> tuple[EventType, ...]:
    return tuple(EventType(pb.WebhookEventType.Name(value).removeprefix(_PREFIX)) for value in values)


def _event(event: EventType) -> pb.WebhookEventType.ValueType:
    return pb.WebhookEventType.Value(_PREFIX + event.value)


def _scheme(value: pb.Webhook.SignatureScheme.ValueType) -> SignatureScheme:
    name = pb.Webhook.SignatureScheme.Name(value or pb.Webhook.SIGNATURE_SCHEME_HMAC_SHA256)
    return SignatureScheme(name.removeprefix(_SCHEME))
