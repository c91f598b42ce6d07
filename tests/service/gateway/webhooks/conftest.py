"""The real api, a real Postgres, receivers on loopback, and workers that deliver as the worker's role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from locution.v1 import webhook_service_pb2 as pb
from locution.v1.webhook_service_pb2_grpc import WebhookServiceStub
from locution_common.channels import open_channel
from locution_common.clock import SystemClock
from locution_common.postgres import open_pool
from locution_common.telemetry import sampler
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.webhooks.deliver import Deliveries, DeliveryLimits
from locution_gateway.webhooks.guard import Guard
from locution_gateway.webhooks.metrics import SPAN, WebhookMetrics
from locution_gateway.webhooks.outbox import PostgresOutbox
from locution_gateway.webhooks.schedule import Schedule
from locution_gateway.webhooks.sender import AGENT, HttpSender, SystemResolver, trusting
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from tests.service.gateway.conftest import (
    KEY,
    Gateway,
    Serve,
    bucket,
    gateway_database,
    postgres,
    s3,
    serve,
    worker,
)
from tests.service.gateway.webhooks.receiver import Receiver, receiving

__all__ = ["bucket", "gateway_database", "postgres", "s3", "serve", "worker"]

ALLOW = "127.0.0.0/8"
GUARD = Guard.read(ALLOW, http=True)


@pytest.fixture
async def gateway(serve: Serve) -> AsyncIterator[Gateway]:
    async with serve(webhook_allow=ALLOW, webhook_allow_http=True, max_webhooks=5) as running:
        yield running


@dataclass
class Hooks:
    """The WebhookService, in the short words that tests use."""

    stub: WebhookServiceStub

    async def create(self, url: str, *events: str, request_id: str = "", **fields: Any) -> pb.Webhook:
        types = [pb.WebhookEventType.Value(f"WEBHOOK_EVENT_TYPE_{event}") for event in events]
        webhook = pb.Webhook(url=url, event_types=types, **fields)
        return await self.stub.CreateWebhook(pb.CreateWebhookRequest(webhook=webhook, request_id=request_id))

    async def get(self, name: str) -> pb.Webhook:
        return await self.stub.GetWebhook(pb.GetWebhookRequest(name=name))

    async def update(self, name: str, *mask: str, **fields: Any) -> pb.Webhook:
        request = pb.UpdateWebhookRequest(webhook=pb.Webhook(name=name, **fields), update_mask=FieldMask(paths=mask))
        return await self.stub.UpdateWebhook(request)

    async def deliveries(self, name: str, matching: str = "") -> list[pb.WebhookDelivery]:
        request = pb.ListWebhookDeliveriesRequest(parent=name, filter=matching)
        return list((await self.stub.ListWebhookDeliveries(request)).deliveries)

    async def redeliver(self, name: str) -> pb.WebhookDelivery:
        return await self.stub.RedeliverWebhook(pb.RedeliverWebhookRequest(name=name))

    async def test(self, name: str) -> pb.WebhookDelivery:
        return await self.stub.TestWebhook(pb.TestWebhookRequest(name=name))

    async def settled(self, name: str, count: int) -> list[pb.WebhookDelivery]:
        """Wait until there are so many deliveries and none of them is pending."""

        async def done() -> bool:
            found = await self.deliveries(name)
            pending = [each for each in found if each.state == pb.WebhookDelivery.STATE_PENDING]
            return len(found) >= count and not pending

        await until(done)
        return await self.deliveries(name)


@pytest.fixture
async def hooks(gateway: Gateway) -> AsyncIterator[Hooks]:
    async with open_channel(gateway.running.address, token=KEY) as channel:
        yield Hooks(WebhookServiceStub(channel))


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running


@dataclass
class Tuning:
    """How a worker of the tests delivers: as in production, but in milliseconds."""

    attempts: int = 5
    base: timedelta = timedelta(milliseconds=20)
    ceiling: timedelta = timedelta(milliseconds=100)
    patience: timedelta = timedelta(hours=1)
    timeout: timedelta = timedelta(seconds=5)
    lease: timedelta = timedelta(seconds=15)
    each: int = 4
    guard: Guard = GUARD
    resolver: Any = field(default_factory=SystemResolver)


@dataclass(frozen=True)
class Measured:
    """What the workers of a test measured together."""

    metrics: WebhookMetrics
    registry: CollectorRegistry
    exporter: InMemorySpanExporter

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    @property
    def spans(self) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == SPAN]


@pytest.fixture
def measured() -> Iterator[Measured]:
    registry, exporter = CollectorRegistry(), InMemorySpanExporter()
    provider = TracerProvider(sampler=sampler())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield Measured(WebhookMetrics(registry, provider), registry, exporter)
    provider.shutdown()


Deliver = Callable[..., AbstractAsyncContextManager[None]]


@pytest.fixture
async def deliver(gateway_database: str, measured: Measured) -> Deliver:
    """Run a worker's deliveries; several at once are several workers."""

    @asynccontextmanager
    async def run(**changes: Any) -> AsyncIterator[None]:
        tuning = Tuning(**changes)
        async with open_pool(gateway_database.replace("postgres@", "locution_worker@"), size=4) as pool:
            sender = HttpSender(tuning.guard, tuning.resolver, tuning.timeout, trusting())
            schedule = Schedule(tuning.attempts, tuning.base, tuning.ceiling, tuning.patience)
            limits = DeliveryLimits(16, tuning.each, tuning.lease, timedelta(milliseconds=50), timedelta(days=7))
            outbox = PostgresOutbox(TenantDatabase(pool))
            stopping = asyncio.Event()
            work = Deliveries(outbox, sender, schedule, limits, SystemClock(), AGENT, measured.metrics)
            running = asyncio.create_task(work.run(stopping, asyncio.Event()))
            try:
                yield
            finally:
                stopping.set()
                await running

    return run


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 60.0) -> None:
    """Wait for a condition, with a deadline."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)
