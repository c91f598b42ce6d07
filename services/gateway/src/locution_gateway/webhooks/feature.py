"""Open webhooks: the api manages them, the worker sends."""

from __future__ import annotations

from typing import Any, Final

from locution.v1.webhook_service_pb2_grpc import add_WebhookServiceServicer_to_server
from locution_common import postgres

from locution_gateway.platform.assembly import Assembly
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.settings import GatewaySettings
from locution_gateway.webhooks.deliver import Deliveries
from locution_gateway.webhooks.manage import ManageWebhooks
from locution_gateway.webhooks.metrics import WebhookMetrics
from locution_gateway.webhooks.outbox import PostgresOutbox
from locution_gateway.webhooks.postgres import PostgresWebhooks
from locution_gateway.webhooks.read import ReadWebhooks
from locution_gateway.webhooks.sender import AGENT, HttpSender, SystemResolver, trusting
from locution_gateway.webhooks.servicer import Webhooks
from locution_gateway.webhooks.settings import WebhookApiSettings, WebhookWorkerSettings

CHANNEL: Final = "locution_webhooks"
FORGET_SECONDS: Final = 60.0
MEASURE_SECONDS: Final = 15.0


async def open_api(assembly: Assembly[Any]) -> None:
    """Serve WebhookService."""
    settings, store = assembly.settings(WebhookApiSettings), PostgresWebhooks(assembly.need(TenantDatabase))
    manage = ManageWebhooks(store, settings.webhook_guard(), settings.max_webhooks)
    servicer = Webhooks(manage, ReadWebhooks(store))
    assembly.serve("locution.v1.WebhookService", add_WebhookServiceServicer_to_server, servicer)


async def open_worker(assembly: Assembly[Any]) -> None:
    """Send due deliveries."""
    url = assembly.settings(GatewaySettings).database_url.get_secret_value()
    context, application = assembly.context, f"{assembly.context.name}-webhooks"
    listener = await assembly.enter(postgres.listening(url, [CHANNEL], application=application))
    deliveries = _deliveries(assembly)
    assembly.run("webhooks", lambda: deliveries.run(context.stopping, listener.event(CHANNEL)))
    assembly.every("measure webhooks", MEASURE_SECONDS, deliveries.measure)
    assembly.every("forget webhooks", FORGET_SECONDS, deliveries.forget)


def _deliveries(assembly: Assembly[Any]) -> Deliveries:
    settings, context = assembly.settings(WebhookWorkerSettings), assembly.context
    return Deliveries(
        PostgresOutbox(assembly.need(TenantDatabase)),
        HttpSender(
            settings.webhook_guard(), SystemResolver(), settings.webhook_timeout(), trusting(settings.webhook_ca_file)
        ),
        settings.webhook_schedule(),
        settings.webhook_limits(),
        context.clock,
        AGENT,
        WebhookMetrics(context.registry, context.tracer_provider),
    )
