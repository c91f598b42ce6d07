"""Open the pipeline: the stages of jobs as this worker runs them."""

from __future__ import annotations

import asyncio
import os
import socket
from datetime import timedelta
from typing import Any, Final

from locution_common import postgres
from locution_common.objects import ObjectStore

from locution_gateway.media.metrics import ChildMetrics
from locution_gateway.media.ready import Children
from locution_gateway.pipeline.decoder import MediaDecoder
from locution_gateway.pipeline.engines.speakers import GrpcDiarizationEngine
from locution_gateway.pipeline.engines.speech import GrpcSpeechEngine
from locution_gateway.pipeline.metrics import StageMetrics
from locution_gateway.pipeline.postgres import PostgresStages
from locution_gateway.pipeline.recording import StoredRecording
from locution_gateway.pipeline.settings import PipelineSettings
from locution_gateway.pipeline.sources import PostgresSources
from locution_gateway.pipeline.work import Codec, StageWorker
from locution_gateway.pipeline.worker import Worker
from locution_gateway.platform.assembly import Assembly
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.settings import GatewaySettings
from locution_gateway.platform.troubled import TroubledRows
from locution_gateway.transcripts.codec import dump_section, load_section
from locution_gateway.voices.clusterings import dump_clustering, load_clustering
from locution_gateway.voices.postgres import PostgresVoices

CHANNEL: Final = "locution_stages"


async def open_worker(assembly: Assembly[Any]) -> None:
    """Run stages until stopped."""
    settings, database = assembly.settings(PipelineSettings), assembly.need(TenantDatabase)
    url = assembly.settings(GatewaySettings).database_url.get_secret_value()
    listener = await assembly.enter(postgres.listening(url, [CHANNEL], application=assembly.context.name))
    stages = PostgresStages(database, timedelta(seconds=settings.job_retention_seconds), assembly.need(TroubledRows))
    store, stall = assembly.need(ObjectStore), settings.engine_stall_seconds
    children = await assembly.enter(Children(settings.decode_ready, settings.scratch).open())
    registry = assembly.context.registry
    work = StageWorker(
        stages=stages,
        decoder=MediaDecoder(store, PostgresSources(database), settings.decoding(), children, ChildMetrics(registry)),
        recording=StoredRecording(store),
        speech=GrpcSpeechEngine(await assembly.channel(settings.asr_address), stall),
        speakers=GrpcDiarizationEngine(await assembly.channel(settings.diarizer_address), stall),
        codec=Codec(dump_section, load_section, dump_clustering, load_clustering),
        voices=assembly.need(PostgresVoices),
    )
    worker = Worker(_name(), stages, work, settings.policy(), settings.limits(), StageMetrics(registry))
    stopping = assembly.context.stopping
    assembly.run("stages", lambda: worker.run(stopping, listener.event(CHANNEL)), traced=True)
    assembly.run("reaper", lambda: worker.reap(stopping), traced=True)


def _name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{id(asyncio.get_running_loop()):x}"
