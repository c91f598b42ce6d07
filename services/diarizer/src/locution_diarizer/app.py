"""Assemble the diarizer: the only module that names its adapters."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from locution.engine.v1 import diarizer_service_pb2 as pb
from locution.engine.v1 import diarizer_service_pb2_grpc
from locution.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from locution.v1 import model_service_pb2 as models_pb
from locution_common.service import Context, Service
from locution_speech.clock import samples
from locution_speech.engine.admission import Admission
from locution_speech.engine.dispatch import Dispatcher
from locution_speech.engine.in_flight import InFlightLimiter
from locution_speech.engine.pool import ModelPool
from locution_speech.engine.queue import WindowQueue
from locution_speech.engine.registry import EngineKind

from locution_diarizer.adapters import devices
from locution_diarizer.adapters.loader import PyannoteLoader
from locution_diarizer.adapters.metrics import Metrics
from locution_diarizer.core.dispatch import Analysing, EvenShares, WindowRequest, analyse
from locution_diarizer.core.engine import ClusterRule, Engine
from locution_diarizer.servicer import DiarizerServicer
from locution_diarizer.settings import DiarizerSettings

NAME = "diarizer"
FIRST_PACE = 0.05  # seconds that a slot takes for a second of audio, until it was measured


ENGINE: Final = EngineKind("diarizer", models_pb.MODEL_KIND_DIARIZATION, "pyannote", "diarization model")


async def start(stack: AsyncExitStack, context: Context[DiarizerSettings]) -> Service:
    """Open the diarizer's resources on the stack and return what it serves."""
    settings = context.settings
    device = devices.choose(
        settings.diarizer_device, settings.diarizer_workers, settings.diarizer_threads, settings.diarizer_batch_size
    )
    metrics = Metrics(context.registry)
    windows = _threads(stack, "windows", device.workers, device)
    helpers = _threads(stack, "helpers", 1, device)
    stub = RegistryServiceStub(await stack.enter_async_context(context.channel(settings.registry_address)))
    models = ModelPool(
        ENGINE.directory(stub, ENGINE.record),
        PyannoteLoader(settings.models_root, device),
        helpers,
        settings.diarizer_resident_models,
    )
    stack.push_async_callback(models.close)
    queue: WindowQueue[WindowRequest] = WindowQueue()
    dispatcher: Analysing = Dispatcher(
        queue, analyse, windows, device.workers, metrics, sharing=EvenShares(), pace=FIRST_PACE
    )
    metrics.watch_queue(lambda: dispatcher.waiting)
    metrics.watch_models(models)
    stack.push_async_callback(dispatcher.settle)
    admission = Admission(settings.diarizer_streams, lambda: dispatcher.backlog)
    engine = Engine(
        admission,
        models,
        dispatcher,
        helpers,
        longest=samples(settings.diarizer_section_seconds),
        limiter=InFlightLimiter(device.workers),
        clustering=_cluster_rule(settings),
        observer=metrics,
    )
    return Service(
        servicers=[partial(diarizer_service_pb2_grpc.add_DiarizerServiceServicer_to_server, DiarizerServicer(engine))],
        names=[pb.DESCRIPTOR.services_by_name["DiarizerService"].full_name],
        probes={"models root": partial(asyncio.to_thread, settings.models_root.is_dir)},
        tasks={
            "reports": partial(ENGINE.reports(stub, lambda: models.loaded).run, context.stopping),
            "drain": partial(admission.finish, context.stopping, settings.shutdown_grace),
        },
    )


def _threads(stack: AsyncExitStack, name: str, count: int, device: devices.Device) -> ThreadPoolExecutor:
    return stack.enter_context(
        ThreadPoolExecutor(count, thread_name_prefix=name, initializer=partial(devices.prepare_thread, device))
    )


def _cluster_rule(settings: DiarizerSettings) -> ClusterRule:
    return ClusterRule(settings.diarizer_cluster_bytes, settings.diarizer_embeddings)
