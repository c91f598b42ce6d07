"""Webhooks and tags in the process `api`: names their adapters, as app_api does for the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import grpc
from locution.v1 import tag_service_pb2_grpc, webhook_service_pb2_grpc

from locution_gateway.jobs.tags.manage import ManageTags
from locution_gateway.jobs.tags.postgres import PostgresTags
from locution_gateway.jobs.tags.servicer import Tags
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.webhooks.manage import ManageWebhooks
from locution_gateway.webhooks.postgres import PostgresWebhooks
from locution_gateway.webhooks.read import ReadWebhooks
from locution_gateway.webhooks.servicer import Webhooks
from locution_gateway.webhooks.settings import WebhookApiSettings

NAMES: Final = ("locution.v1.WebhookService", "locution.v1.TagService")


def servicers(settings: WebhookApiSettings, database: TenantDatabase) -> list[Callable[[grpc.aio.Server], object]]:
    """Return what adds the services to a server."""
    store = PostgresWebhooks(database)
    manage = ManageWebhooks(store, settings.webhook_guard(), settings.max_webhooks)
    webhooks, tags = Webhooks(manage, ReadWebhooks(store)), Tags(ManageTags(PostgresTags(database)))
    return [
        lambda server: webhook_service_pb2_grpc.add_WebhookServiceServicer_to_server(webhooks, server),
        lambda server: tag_service_pb2_grpc.add_TagServiceServicer_to_server(tags, server),
    ]
