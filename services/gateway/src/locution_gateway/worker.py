"""The process `worker`: runs the stages of jobs."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import AsyncExitStack
from datetime import timedelta

from locution_common import objects, postgres, telemetry
from locution_common.service import Context, Service

from locution_gateway.pipeline.decoder import MediaDecoder
from locution_gateway.pipeline.engines.speakers import GrpcDiarizationEngine
from locution_gateway.pipeline.engines.speech import GrpcSpeechEngine
from locution_gateway.pipeline.postgres import PostgresStages
from locution_gateway.pipeline.recording import StoredRecording
from locution_gateway.pipeline.settings import WorkerSettings
from locution_gateway.pipeline.sources import PostgresSources
from locution_gateway.pipeline.work import Codec, StageWorker
from locution_gateway.pipeline.worker import Worker
from locution_gateway.platform.background import repeat
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.transcripts import codec as transcripts_codec
from locution_gateway.voices import clusterings
from locution_gateway.voices.postgres import PostgresVoices
from locution_gateway.webhooks.deliver import Deliveries
from locution_gateway.webhooks.metrics import WebhookMeasures
from locution_gateway.webhooks.outbox import PostgresOutbox
from locution_gateway.webhooks.sender import AGENT, HttpSender, SystemResolver, trusting

CHANNEL = "locution_stages"
WEBHOOKS = "locution_webhooks"
FORGET_SECONDS = 60.0
MEASURE_SECONDS = 15.0


async def start(stack: AsyncExitStack, context: Context[WorkerSettings]) -> Service:
    """Open database, object store and engines, and run stages until told to stop."""
    settings = context.settings
    url = settings.database_url.get_secret_value()
    pool = await stack.enter_async_context(
        postgres.open_pool(
            url, application=context.name, size=settings.database_pool_size, timeout=settings.database_timeout
        )
    )
    listener = await stack.enter_async_context(postgres.listening(url, [CHANNEL, WEBHOOKS], application=context.name))
    store = await stack.enter_async_context(objects.open_store(settings))
    database = TenantDatabase(pool)
    stages = PostgresStages(database, timedelta(seconds=settings.job_retention_seconds))
    work = await _stage_worker(stack, context, database, store, stages)
    worker = Worker(_name(), stages, work, settings.policy(), settings.limits())

    async def run() -> None:
        await worker.run(context.stopping, listener.event(CHANNEL))

    async def sweep() -> None:
        await worker.sweep(context.stopping)

    deliveries = _deliveries(context, database)

    async def deliver() -> None:
        with telemetry.suppressed():
            await deliveries.run(context.stopping, listener.event(WEBHOOKS))

    async def measure() -> None:
        with telemetry.suppressed():
            await repeat(deliveries.measure, MEASURE_SECONDS, context.stopping)

    async def forget() -> None:
        with telemetry.suppressed():
            await repeat(deliveries.forget, FORGET_SECONDS, context.stopping)

    return Service(
        probes={"postgres": postgres.probe(pool), "objects": store.probe},
        tasks={
            "stages": run,
            "sweep": sweep,
            "webhooks": deliver,
            "measure webhooks": measure,
            "forget webhooks": forget,
        },
        translators=[postgres.translate],
    )


async def _stage_worker(
    stack: AsyncExitStack,
    context: Context[WorkerSettings],
    database: TenantDatabase,
    store: objects.ObjectStore,
    stages: PostgresStages,
) -> StageWorker:
    settings = context.settings
    asr = await stack.enter_async_context(context.channel(settings.asr_address))
    diarizer = await stack.enter_async_context(context.channel(settings.diarizer_address))
    return StageWorker(
        stages=stages,
        decoder=MediaDecoder(store, PostgresSources(database), settings.decoding()),
        recording=StoredRecording(store),
        speech=GrpcSpeechEngine(asr, settings.engine_stall_seconds),
        speakers=GrpcDiarizationEngine(diarizer, settings.engine_stall_seconds),
        codec=Codec(
            transcripts_codec.dump_section,
            transcripts_codec.load_section,
            clusterings.dump_clustering,
            clusterings.load_clustering,
        ),
        voices=PostgresVoices(database),
    )


def _deliveries(context: Context[WorkerSettings], database: TenantDatabase) -> Deliveries:
    settings = context.settings
    guard, timeout = settings.webhook_guard(), settings.webhook_timeout()
    sender = HttpSender(guard, SystemResolver(), timeout, trusting(settings.webhook_ca_file))
    limits = settings.webhook_limits(timedelta(seconds=settings.poll_seconds))
    measures = WebhookMeasures(context.registry, context.tracer_provider)
    outbox, schedule = PostgresOutbox(database), settings.webhook_schedule()
    return Deliveries(outbox, sender, schedule, limits, context.clock, AGENT, measures)


def _name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{id(asyncio.get_running_loop()):x}"
