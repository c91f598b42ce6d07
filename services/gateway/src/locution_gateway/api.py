"""The process `api`: serves the public API. The only module that names its adapters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import grpc
from locution.v1 import (
    job_service_pb2_grpc,
    model_service_pb2_grpc,
    system_service_pb2_grpc,
    transcript_service_pb2_grpc,
    upload_service_pb2_grpc,
)
from locution_common import postgres, telemetry
from locution_common.objects import ObjectStore, open_store
from locution_common.service import Context, Service

from locution_gateway.identity.feature import BOOTSTRAP, Identity, open_identity
from locution_gateway.identity.feature import NAMES as IDENTITY_NAMES
from locution_gateway.identity.postgres.first_tenant import ensure_tenant
from locution_gateway.jobs.cancel import CancelJob
from locution_gateway.jobs.configure import Configure
from locution_gateway.jobs.create import CreateJob
from locution_gateway.jobs.delete import DeleteJobs
from locution_gateway.jobs.estimate import EstimateJob
from locution_gateway.jobs.postgres.events import CHANNEL, PostgresEvents
from locution_gateway.jobs.postgres.jobs import PostgresJobs
from locution_gateway.jobs.postgres.state_machine import Advance
from locution_gateway.jobs.postgres.wakeups import PostgresWakeups
from locution_gateway.jobs.read import ReadJobs
from locution_gateway.jobs.retry import RetryJob
from locution_gateway.jobs.servicer import Jobs
from locution_gateway.jobs.update import UpdateJob
from locution_gateway.jobs.watch import WatchJob
from locution_gateway.live.feature import LiveService, Neighbours, open_live
from locution_gateway.models.registry import RegistryModels
from locution_gateway.models.servicer import Models
from locution_gateway.platform.background import repeat
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.principal import DEFAULT_TENANT_NAME
from locution_gateway.quotas.models import Limits
from locution_gateway.quotas.postgres.guard import QuotaGuard
from locution_gateway.settings import ApiSettings
from locution_gateway.system.models import ServerInfo
from locution_gateway.system.servicer import System
from locution_gateway.transcripts.export import ExportTranscript
from locution_gateway.transcripts.postgres import PostgresTranscripts
from locution_gateway.transcripts.read import ReadTranscripts
from locution_gateway.transcripts.servicer import Transcripts
from locution_gateway.upkeep.postgres import PostgresUpkeep
from locution_gateway.upkeep.reaper import Sweep
from locution_gateway.upkeep.verifier import Verifier
from locution_gateway.uploads.complete import CompleteUpload
from locution_gateway.uploads.create import CreateUpload, UploadLimits
from locution_gateway.uploads.objects import S3Objects
from locution_gateway.uploads.part_urls import CreatePartUrls
from locution_gateway.uploads.postgres import PostgresUploads
from locution_gateway.uploads.read import DeleteUpload, ReadUploads
from locution_gateway.uploads.servicer import Uploads
from locution_gateway.uploads.verify import VerifyUpload
from locution_gateway.uploads.write import PART_SIZE, WriteUpload
from locution_gateway.voices import feature as app_voices
from locution_gateway.voices.choose import ChooseVoices
from locution_gateway.voices.postgres import PostgresVoices
from locution_gateway.webhooks import feature as app_webhooks

NAMES = tuple(f"locution.v1.{name}Service" for name in ("Upload", "Job", "Transcript", "Model", "System"))
MULTIPART_SWEEPS = 12
"""Rounds of the janitor for each look at multipart uploads, which asks the object store for a list."""


@dataclass(frozen=True, slots=True)
class Adapters:
    """What was opened."""

    database: TenantDatabase
    uploads: PostgresUploads
    jobs: PostgresJobs
    objects: S3Objects
    upkeep: PostgresUpkeep
    wakeups: PostgresWakeups
    registry: RegistryModels


async def start(stack: AsyncExitStack, context: Context[ApiSettings]) -> Service:
    """Open database, object store and registry, and serve the public API."""
    settings = context.settings
    pool = await stack.enter_async_context(_pool(context))
    store = await stack.enter_async_context(open_store(settings))
    public = await stack.enter_async_context(open_store(settings.public_store()))
    adapters = await _adapters(stack, context, pool, store, public)
    if settings.operator_key is not None:
        await ensure_tenant(adapters.database, BOOTSTRAP, DEFAULT_TENANT_NAME)
    identity = await open_identity(stack, context, adapters.database, _limits(settings))
    unverified = asyncio.Event()
    verify = VerifyUpload(
        adapters.uploads,
        adapters.objects,
        context.clock,
        timedelta(seconds=settings.verify_lease_seconds),
        settings.upload_retention,
    )
    live = await _live(stack, context, adapters, identity, verify, unverified.set)
    return Service(
        servicers=[
            *_servicers(context, adapters, identity, verify, unverified.set),
            *identity.servicers,
            *app_webhooks.servicers(settings, adapters.database),
            *app_voices.servicers(settings, adapters.database),
            *live.servicers,
        ],
        names=[*NAMES, *IDENTITY_NAMES, *app_webhooks.NAMES, *app_voices.NAMES, *live.names],
        probes={"postgres": postgres.probe(pool), "objects": store.probe},
        tasks={**_tasks(context, adapters, verify, unverified), **identity.tasks, **dict(live.tasks)},
        authenticator=identity.authenticator,
        translators=[postgres.translate],
        admission=[identity.admission],
        limits=[identity.limits],
    )


async def _live(
    stack: AsyncExitStack,
    context: Context[ApiSettings],
    adapters: Adapters,
    identity: Identity,
    verify: VerifyUpload,
    wake: Callable[[], None],
) -> LiveService:
    uploads, jobs = _uploads(context.settings, adapters, verify, wake), _jobs(context, adapters, identity)
    neighbours = Neighbours(
        adapters.database,
        adapters.objects,
        adapters.registry,
        uploads.create,
        uploads.write,
        jobs.create,
        identity.defaults.live_afterwards,
    )
    return await open_live(stack, context, neighbours)


def _limits(settings: ApiSettings) -> Limits:
    return settings.default_limits(settings.max_open_uploads)


def _pool(context: Context[ApiSettings]) -> Any:
    settings = context.settings
    return postgres.open_pool(
        settings.database_url.get_secret_value(),
        application=context.name,
        size=settings.database_pool_size,
        timeout=settings.database_timeout,
    )


async def _adapters(
    stack: AsyncExitStack,
    context: Context[ApiSettings],
    pool: postgres.Pool,
    store: ObjectStore,
    public: ObjectStore,
) -> Adapters:
    settings = context.settings
    listener = await stack.enter_async_context(
        postgres.listening(settings.database_url.get_secret_value(), [CHANNEL], application=context.name)
    )
    channel = await stack.enter_async_context(context.channel(settings.registry_address))
    database = TenantDatabase(pool)
    advance = Advance(timedelta(seconds=settings.job_retention_seconds))
    guard = QuotaGuard(_limits(settings))
    return Adapters(
        database,
        PostgresUploads(database, advance, guard),
        PostgresJobs(database, advance, guard),
        S3Objects(store, public),
        PostgresUpkeep(database),
        PostgresWakeups(listener),
        RegistryModels(channel, settings.registry_timeout, settings.register_timeout),
    )


def _servicers(
    context: Context[ApiSettings],
    adapters: Adapters,
    identity: Identity,
    verify: VerifyUpload,
    wake: Callable[[], None],
) -> list[Callable[[grpc.aio.Server], object]]:
    uploads = _uploads(context.settings, adapters, verify, wake)
    jobs = _jobs(context, adapters, identity)
    read = ReadTranscripts(PostgresTranscripts(adapters.database))
    transcripts = Transcripts(read, ExportTranscript(read))
    system = System(_info(context.settings))
    return [
        lambda server: upload_service_pb2_grpc.add_UploadServiceServicer_to_server(uploads, server),
        lambda server: job_service_pb2_grpc.add_JobServiceServicer_to_server(jobs, server),
        lambda server: transcript_service_pb2_grpc.add_TranscriptServiceServicer_to_server(transcripts, server),
        lambda server: model_service_pb2_grpc.add_ModelServiceServicer_to_server(Models(adapters.registry), server),
        lambda server: system_service_pb2_grpc.add_SystemServiceServicer_to_server(system, server),
    ]


def _uploads(settings: ApiSettings, adapters: Adapters, verify: VerifyUpload, wake: Callable[[], None]) -> Uploads:
    store, objects = adapters.uploads, adapters.objects
    limits = UploadLimits(
        settings.max_upload_bytes,
        settings.max_open_uploads,
        settings.upload_idle,
        settings.upload_retention,
        timedelta(seconds=settings.upload_silence_seconds),
    )
    complete = CompleteUpload(store, objects, verify, limits, PART_SIZE, settings.inline_verify_bytes, wake)
    return Uploads(
        create=CreateUpload(store, limits),
        write=WriteUpload(store, objects, complete, limits, settings.max_write_streams),
        complete=complete,
        read=ReadUploads(store),
        delete=DeleteUpload(store),
        part_urls=CreatePartUrls(store, objects, timedelta(seconds=settings.upload_part_url_seconds)),
    )


def _jobs(context: Context[ApiSettings], adapters: Adapters, identity: Identity) -> Jobs:
    store = adapters.jobs
    configure = Configure(adapters.registry)
    voices = ChooseVoices(PostgresVoices(adapters.database))
    return Jobs(
        create=CreateJob(store, configure, context.clock, telemetry.capture, identity.defaults, voices),
        read=ReadJobs(store),
        watch=WatchJob(PostgresEvents(adapters.database), adapters.wakeups, context.stopping),
        cancel=CancelJob(store),
        retry=RetryJob(store, telemetry.capture),
        update=UpdateJob(store),
        delete=DeleteJobs(store),
        estimate=EstimateJob(store, configure, context.clock, identity.quotas),
    )


def _info(settings: ApiSettings) -> ServerInfo:
    return ServerInfo(
        version("locution-gateway"),
        settings.max_upload_bytes,
        timedelta(seconds=settings.max_audio_seconds),
        settings.max_audio_channels,
    )


def _tasks(
    context: Context[ApiSettings], adapters: Adapters, verify: VerifyUpload, unverified: asyncio.Event
) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
    settings, stopping = context.settings, context.stopping
    verifier = Verifier(adapters.upkeep, verify)
    sweep = Sweep(
        adapters.upkeep,
        adapters.uploads,
        adapters.jobs,
        adapters.objects,
        context.clock,
        settings.upload_retention,
    )

    async def verifying() -> None:
        with telemetry.suppressed():
            await repeat(verifier.run, settings.sweep_seconds, stopping, unverified)

    async def sweeping() -> None:
        with telemetry.suppressed():
            await repeat(sweep.run, settings.sweep_seconds, stopping)

    async def aborting() -> None:
        with telemetry.suppressed():
            await repeat(sweep.abort_multiparts, settings.sweep_seconds * MULTIPART_SWEEPS, stopping)

    return {"verifier": verifying, "sweep": sweeping, "multiparts": aborting}
