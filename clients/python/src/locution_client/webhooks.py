"""Manage webhooks, and check what they bring: `verify` is what a receiver calls first."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from locution.v1 import webhook_service_pb2 as pb
from locution.v1.webhook_service_pb2_grpc import WebhookServiceStub

from locution_client.service import Metadata, Service

HEADER = "Locution-Signature"
TOLERANCE = 300.0
"""Seconds by which the clocks of sender and receiver may differ, and for which a delivery may be played back."""


class SignatureInvalid(Exception):
    """Say why a delivery is not to be believed."""


def verify(
    headers: Mapping[str, str],
    body: bytes,
    secret: str,
    *,
    tolerance: float = TOLERANCE,
    now: float | None = None,
) -> dict[str, Any]:
    """Return the told event once its signature is good; raise SignatureInvalid otherwise.

    `body` is the body as it came, before anything parsed it. `now` is in seconds since 1970.
    """
    seconds, signatures = _parse(_header(headers))
    signed = f"{seconds}.".encode() + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    # During a rotation there is one for each secret.
    if not any(hmac.compare_digest(expected, each) for each in signatures):
        raise SignatureInvalid("no signature is by this secret")
    if abs((time.time() if now is None else now) - seconds) > tolerance:
        raise SignatureInvalid(f"it was signed more than {tolerance:g} s ago, or ahead")
    told: dict[str, Any] = json.loads(body)
    return told


def _header(headers: Mapping[str, str]) -> str:
    for name, value in headers.items():
        if name.lower() == HEADER.lower():
            return value
    raise SignatureInvalid(f"there is no {HEADER}")


def _parse(header: str) -> tuple[int, list[str]]:
    pairs = [part.strip().partition("=")[::2] for part in header.split(",")]
    times = [value for name, value in pairs if name == "t" and value.isascii() and value.isdigit() and len(value) < 16]
    if len(times) != 1:
        raise SignatureInvalid(f"{HEADER} has no time")
    return int(times[0]), [value for name, value in pairs if name == "v1" and value.isascii()]


class Webhooks(Service):
    """Call WebhookService."""

    def __init__(self, channel: grpc.aio.Channel, metadata: Metadata) -> None:
        super().__init__(metadata)
        self._stub = WebhookServiceStub(channel)

    async def create(self, webhook: pb.Webhook) -> pb.Webhook:
        """Create a webhook; the answer holds its secret."""
        request = pb.CreateWebhookRequest(webhook=webhook, request_id=str(uuid.uuid4()))
        return await self._call(self._stub.CreateWebhook, request)

    async def get(self, name: str) -> pb.Webhook:
        """Read one webhook."""
        return await self._call(self._stub.GetWebhook, pb.GetWebhookRequest(name=name))

    async def all(self) -> list[pb.Webhook]:
        """List all webhooks."""
        return await self._list(self._stub.ListWebhooks, pb.ListWebhooksRequest(), "webhooks")

    async def update(self, webhook: pb.Webhook, fields: Iterable[str]) -> pb.Webhook:
        """Change some fields of a webhook."""
        request = pb.UpdateWebhookRequest(webhook=webhook, update_mask=FieldMask(paths=fields))
        return await self._call(self._stub.UpdateWebhook, request)

    async def delete(self, name: str) -> None:
        """Delete a webhook with its deliveries."""
        await self._call(self._stub.DeleteWebhook, pb.DeleteWebhookRequest(name=name))

    async def rotate_secret(self, name: str, *, overlap: timedelta | None = None) -> pb.Webhook:
        """Make a new secret; the answer holds it. Those before stay good for the overlap."""
        request = pb.RotateWebhookSecretRequest(name=name)
        if overlap is not None:
            request.overlap_duration.FromTimedelta(overlap)
        return await self._call(self._stub.RotateWebhookSecret, request)

    async def test(self, name: str) -> pb.WebhookDelivery:
        """Have a test sent."""
        return await self._call(self._stub.TestWebhook, pb.TestWebhookRequest(name=name))

    async def deliveries(self, name: str, limit: int = 50, *, matching: str = "") -> Sequence[pb.WebhookDelivery]:
        """List the newest deliveries of a webhook, of those that a filter names (AIP-160)."""
        request = pb.ListWebhookDeliveriesRequest(parent=name, filter=matching)
        return await self._list(self._stub.ListWebhookDeliveries, request, "deliveries", limit)

    async def redeliver(self, delivery: str) -> pb.WebhookDelivery:
        """Send a delivery again."""
        return await self._call(self._stub.RedeliverWebhook, pb.RedeliverWebhookRequest(name=delivery))
