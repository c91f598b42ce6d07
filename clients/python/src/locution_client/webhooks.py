"""Manage webhooks."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from locution.v1 import webhook_service_pb2 as pb
from locution.v1.webhook_service_pb2_grpc import WebhookServiceStub

from locution_client.calls import Access
from locution_client.service import Service


class Webhooks(Service):
    """Call WebhookService."""

    def __init__(self, channel: grpc.aio.Channel, access: Access) -> None:
        super().__init__(access)
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
        """Create a new secret; the answer holds it. Earlier secrets stay valid for the overlap."""
        request = pb.RotateWebhookSecretRequest(name=name)
        if overlap is not None:
            request.overlap_duration.FromTimedelta(overlap)
        return await self._call(self._stub.RotateWebhookSecret, request)

    async def test(self, name: str) -> pb.WebhookDelivery:
        """Request a test delivery."""
        return await self._call(self._stub.TestWebhook, pb.TestWebhookRequest(name=name))

    async def deliveries(self, name: str, limit: int = 50, *, matching: str = "") -> Sequence[pb.WebhookDelivery]:
        """List the newest deliveries of a webhook that match a filter (AIP-160)."""
        request = pb.ListWebhookDeliveriesRequest(parent=name, filter=matching)
        return await self._list(self._stub.ListWebhookDeliveries, request, "deliveries", limit)

    async def redeliver(self, delivery: str) -> pb.WebhookDelivery:
        """Send a delivery again."""
        return await self._call(self._stub.RedeliverWebhook, pb.RedeliverWebhookRequest(name=delivery))
