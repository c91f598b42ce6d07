"""Put live sessions together, for the process `api`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import grpc
from locution.v1 import live_service_pb2_grpc
from locution_common import telemetry
from locution_common.service import Context

from locution_gateway.jobs.config import Afterwards
from locution_gateway.jobs.create import CreateJob
from locution_gateway.live.attach import Attach
from locution_gateway.live.diarizer import GrpcLiveSpeakers
from locution_gateway.live.engine import GrpcLiveEngine
from locution_gateway.live.metrics import LiveMeasures
from locution_gateway.live.models import LiveLimits
from locution_gateway.live.parts import LiveParts
from locution_gateway.live.postgres import PostgresLive
from locution_gateway.live.read import EndLive, ReadLive
from locution_gateway.live.servicer import Live
from locution_gateway.live.settle import SettleLive
from locution_gateway.live.stream import StreamLive
from locution_gateway.live.transcoder import ChildTranscoders
from locution_gateway.models.ports import ModelResolver
from locution_gateway.platform.background import repeat
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.principal import Principal
from locution_gateway.quotas.postgres.guard import QuotaGuard
from locution_gateway.settings import ApiSettings
from locution_gateway.uploads.create import CreateUpload
from locution_gateway.uploads.ports import ObjectBytes
from locution_gateway.uploads.write import WriteUpload

NAME: Final = "locution.v1.LiveService"


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What live sessions share with the rest of the api."""

    database: TenantDatabase
    objects: ObjectBytes
    models: ModelResolver
    uploads: CreateUpload
    writing: WriteUpload
    jobs: CreateJob
    afterwards: Callable[[Principal], Awaitable[Afterwards | None]]


@dataclass(frozen=True, slots=True)
class LiveService:
    """What to serve: nothing where no engine is named."""

    servicers: tuple[Callable[[grpc.aio.Server], object], ...] = ()
    names: tuple[str, ...] = ()
    tasks: tuple[tuple[str, Callable[[], Coroutine[Any, Any, None]]], ...] = ()


async def open_live(stack: AsyncExitStack, context: Context[ApiSettings], neighbours: Neighbours) -> LiveService:
    """Open the engines and return what to serve."""
    settings = context.settings
    if settings.asr_address is None:
        return LiveService()
    channel = await stack.enter_async_context(context.channel(settings.asr_address))
    limits = live_limits(settings)
    store = PostgresLive(
        neighbours.database,
        timedelta(seconds=limits.lease),
        timedelta(seconds=limits.resume),
        timedelta(seconds=limits.retention),
        QuotaGuard(settings.default_limits(settings.max_open_uploads)),
    )
    speakers = await _speakers(stack, context)
    attach = Attach(
        store,
        neighbours.objects,
        neighbours.models,
        telemetry.capture,
        limits.default,
        neighbours.afterwards,
        speakers is not None,
    )
    settle = SettleLive(store, attach, neighbours.uploads, neighbours.writing, neighbours.jobs)
    parts = LiveParts(
        store,
        neighbours.objects,
        GrpcLiveEngine(channel),
        ChildTranscoders(settings.live_decode_isolation),
        LiveMeasures(context.registry, context.tracer_provider),
        context.clock,
        context.stopping,
        speakers,
    )
    live = Live(StreamLive(parts, attach, settle, limits), ReadLive(store), EndLive(store, settle))
    return LiveService(
        (lambda server: live_service_pb2_grpc.add_LiveServiceServicer_to_server(live, server),),
        (NAME,),
        (("live", lambda: _sweep(settle, settings.sweep_seconds, context.stopping)),),
    )


async def _speakers(stack: AsyncExitStack, context: Context[ApiSettings]) -> GrpcLiveSpeakers | None:
    """Open the diarizers, where any is named."""
    address = context.settings.diarizer_address
    if address is None:
        return None
    return GrpcLiveSpeakers(await stack.enter_async_context(context.channel(address)))


def live_limits(settings: ApiSettings) -> LiveLimits:
    """Return the bounds of live streams."""
    return LiveLimits(
        streams=settings.live_streams,
        idle=settings.live_idle_seconds,
        slow=settings.live_slow_seconds,
        resume=settings.live_resume_seconds,
        lease=settings.live_lease_seconds,
        retention=settings.live_retention_seconds,
        grace=settings.shutdown_grace,
        default=Afterwards(settings.live_afterwards),
    )


async def _sweep(settle: SettleLive, seconds: float, stopping: asyncio.Event) -> None:
    with telemetry.suppressed():
        await repeat(settle.sweep, seconds, stopping)
