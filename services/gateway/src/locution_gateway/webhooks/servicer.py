"""WebhookService."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.empty_pb2 import Empty
from locution.v1 import webhook_service_pb2 as pb
from locution.v1.webhook_service_pb2_grpc import WebhookServiceServicer
from locution_common.auth import caller

from locution_gateway.platform.convert import request_key
from locution_gateway.platform.each import each
from locution_gateway.platform.etags import version
from locution_gateway.platform.principal import Principal
from locution_gateway.platform.servicer import Context
from locution_gateway.webhooks import convert
from locution_gateway.webhooks.manage import ManageWebhooks
from locution_gateway.webhooks.read import ReadWebhooks


@dataclass(frozen=True, slots=True)
class Webhooks(WebhookServiceServicer):
    """Notifies tenants' own servers of job events."""

    manage: ManageWebhooks
    read: ReadWebhooks

    async def CreateWebhook(self, request: pb.CreateWebhookRequest, context: Context) -> pb.Webhook:
        draft = convert.draft(request.webhook)
        if request.validate_only:
            self.manage.check(caller(Principal), draft)
            return request.webhook
        webhook = await self.manage.create(caller(Principal), draft, request_key("CreateWebhook", request))
        return convert.webhook_to_proto(webhook)

    async def GetWebhook(self, request: pb.GetWebhookRequest, context: Context) -> pb.Webhook:
        return convert.webhook_to_proto(await self.read.get(caller(Principal), convert.WEBHOOKS.id(request.name)))

    async def ListWebhooks(self, request: pb.ListWebhooksRequest, context: Context) -> pb.ListWebhooksResponse:
        webhooks, token = await self.read.list(caller(Principal), request.page_size, request.page_token)
        return pb.ListWebhooksResponse(webhooks=await each(convert.webhook_to_proto, webhooks), next_page_token=token)

    async def UpdateWebhook(self, request: pb.UpdateWebhookRequest, context: Context) -> pb.Webhook:
        webhook_id, current = convert.WEBHOOKS.id(request.webhook.name), version(request.webhook.etag)
        values, mask = convert.change(request.webhook), request.update_mask.paths
        webhook = await self.manage.update(caller(Principal), webhook_id, current, mask, values)
        return convert.webhook_to_proto(webhook)

    async def DeleteWebhook(self, request: pb.DeleteWebhookRequest, context: Context) -> Empty:
        await self.manage.delete(caller(Principal), convert.WEBHOOKS.id(request.name), version(request.etag))
        return Empty()

    async def RotateWebhookSecret(self, request: pb.RotateWebhookSecretRequest, context: Context) -> pb.Webhook:
        webhook_id, overlap = convert.WEBHOOKS.id(request.name), convert.overlap(request)
        return convert.webhook_to_proto(await self.manage.rotate(caller(Principal), webhook_id, overlap))

    async def TestWebhook(self, request: pb.TestWebhookRequest, context: Context) -> pb.WebhookDelivery:
        return convert.delivery_to_proto(await self.manage.test(caller(Principal), convert.WEBHOOKS.id(request.name)))

    async def ListWebhookDeliveries(
        self, request: pb.ListWebhookDeliveriesRequest, context: Context
    ) -> pb.ListWebhookDeliveriesResponse:
        webhook_id = convert.WEBHOOKS.id(request.parent)
        deliveries, token = await self.read.deliveries(
            caller(Principal), webhook_id, request.page_size, request.page_token, request.filter
        )
        found = await each(convert.delivery_to_proto, deliveries)
        return pb.ListWebhookDeliveriesResponse(deliveries=found, next_page_token=token)

    async def RedeliverWebhook(self, request: pb.RedeliverWebhookRequest, context: Context) -> pb.WebhookDelivery:
        ids = convert.delivery_ids(request.name)
        return convert.delivery_to_proto(await self.manage.redeliver(caller(Principal), *ids))
