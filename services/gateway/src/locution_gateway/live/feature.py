"""Open live sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from locution.v1.live_service_pb2_grpc import add_LiveServiceServicer_to_server
from locution_common import telemetry
from locution_common.errors import Reason

from locution_gateway.jobs.config import Afterwards
from locution_gateway.jobs.create import CreateJob
from locution_gateway.jobs.defaults import Defaults
from locution_gateway.live.attach import Attach
from locution_gateway.live.diarizer import GrpcLiveSpeakers
from locution_gateway.live.engine import GrpcLiveEngine
from locution_gateway.live.metrics import LiveMetrics
from locution_gateway.live.models import LiveLimits
from locution_gateway.live.parts import LiveParts
from locution_gateway.live.postgres import PostgresLive
from locution_gateway.live.read import EndLive, ReadLive
from locution_gateway.live.servicer import Live
from locution_gateway.live.settings import LiveSettings
from locution_gateway.live.settle import SettleLive
from locution_gateway.live.stream import StreamLive
from locution_gateway.media.metrics import ChildMetrics
from locution_gateway.media.stream import StreamDecoders
from locution_gateway.models.registry import RegistryModels
from locution_gateway.platform.assembly import Assembly
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.settings import ApiBaseSettings
from locution_gateway.platform.troubled import TroubledRows
from locution_gateway.quotas.known import KnownQuotas
from locution_gateway.quotas.postgres.guard import QuotaGuard
from locution_gateway.quotas.slots import SlotKinds
from locution_gateway.uploads.create import CreateUpload
from locution_gateway.uploads.objects import S3Objects
from locution_gateway.uploads.write import WriteUpload


async def open_api(assembly: Assembly[Any]) -> None:
    """Serve LiveService, unless no engine is configured."""
    settings, context, need = assembly.settings(LiveSettings), assembly.context, assembly.need
    if settings.asr_address is None:
        return
    common = assembly.settings(ApiBaseSettings)
    limits, objects = _limits(settings, common.shutdown_grace), need(S3Objects)
    store = PostgresLive(
        need(TenantDatabase),
        timedelta(seconds=limits.lease),
        timedelta(seconds=limits.resume),
        timedelta(seconds=limits.retention),
        need(QuotaGuard),
    )
    shares = need(KnownQuotas).share
    engine = GrpcLiveEngine(await assembly.channel(settings.asr_address), shares)
    address = settings.diarizer_address
    speakers = None if address is None else GrpcLiveSpeakers(await assembly.channel(address), shares)
    attach = Attach(
        store,
        objects,
        need(RegistryModels),
        telemetry.capture,
        limits.default,
        need(Defaults).live_afterwards,
        speakers is not None,
    )
    settle = SettleLive(store, attach, need(CreateUpload), need(WriteUpload), need(CreateJob), need(TroubledRows))
    parts = LiveParts(
        store,
        objects,
        engine,
        StreamDecoders(settings.live_decode_isolation, ChildMetrics(context.registry)),
        LiveMetrics(context.registry, context.tracer_provider),
        context.clock,
        context.stopping,
        speakers,
    )
    slots = need(SlotKinds).make("live", settings.live_streams, Reason.LIVE_OVERLOADED)
    live = Live(StreamLive(parts, attach, settle, limits, slots), ReadLive(store), EndLive(store, settle))
    assembly.serve("locution.v1.LiveService", add_LiveServiceServicer_to_server, live)
    assembly.every("live", common.reaper_seconds, settle.reap)


def _limits(settings: LiveSettings, grace: float) -> LiveLimits:
    """Return the limits of live streams."""
    return LiveLimits(
        idle=settings.live_idle_seconds,
        slow=settings.live_slow_seconds,
        resume=settings.live_resume_seconds,
        lease=settings.live_lease_seconds,
        retention=settings.live_retention_seconds,
        grace=grace,
        default=Afterwards(settings.live_afterwards),
    )
