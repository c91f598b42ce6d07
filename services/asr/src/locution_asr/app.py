"""Assemble the asr service; the only module that names concrete adapters."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial

from locution.engine.v1 import asr_service_pb2
from locution.engine.v1.asr_service_pb2_grpc import add_AsrServiceServicer_to_server
from locution.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from locution_common.service import Context, Service
from locution_speech.clock import samples
from locution_speech.engine.admission import Admission
from locution_speech.engine.in_flight import InFlightLimiter
from locution_speech.engine.pool import ModelPool
from locution_speech.engine.queue import WindowQueue

from locution_asr.adapters.devices import Device, choose
from locution_asr.adapters.loader import WhisperLoader
from locution_asr.adapters.metrics import Metrics
from locution_asr.adapters.registry import ENGINE, directory
from locution_asr.adapters.silero import SileroDetector, session
from locution_asr.core.decode import DecodeRequest, decode
from locution_asr.core.dispatch import Decoding, KeepRoomForLive
from locution_asr.core.endpointer import EndpointRule
from locution_asr.core.engine import Engine
from locution_asr.domain.ports import LoadedModel, WhisperRecord
from locution_asr.servicer import AsrServicer
from locution_asr.settings import AsrSettings

NAME = "asr"
HEARING_THREADS = 2
GIB = 1 << 30

Models = ModelPool[WhisperRecord, LoadedModel]


async def start(stack: AsyncExitStack, context: Context[AsrSettings]) -> Service:
    """Open the service's resources and return what it serves."""
    settings = context.settings
    channel = await stack.enter_async_context(context.channel(settings.registry_address))
    stub = RegistryServiceStub(channel)
    device = choose(settings.asr_device, settings.asr_workers, settings.asr_threads, settings.asr_compute_type)
    pool = _pool(stack, settings, device, stub)
    stack.push_async_callback(pool.close)
    engine = _engine(stack, context, device, pool)
    serving = ENGINE.reports(stub, lambda: pool.loaded)
    return Service(
        servicers=[partial(add_AsrServiceServicer_to_server, AsrServicer(engine))],
        names=[asr_service_pb2.DESCRIPTOR.services_by_name["AsrService"].full_name],
        probes={"models_root": partial(asyncio.to_thread, settings.models_root.is_dir)},
        tasks={
            "serving-reports": partial(serving.run, context.stopping),
            "drain": partial(engine.admission.finish, context.stopping, settings.shutdown_grace),
        },
    )


def _pool(stack: AsyncExitStack, settings: AsrSettings, device: Device, stub: RegistryServiceStub) -> Models:
    loader = WhisperLoader(settings.models_root, device, settings.asr_batch_size)
    memory = None if settings.asr_model_memory_gib is None else round(settings.asr_model_memory_gib * GIB)
    return ModelPool(
        directory=directory(stub),
        loader=loader,
        executor=_threads(stack, 1, "asr-load"),
        resident=settings.asr_resident_models,
        memory=memory,
    )


def _engine(stack: AsyncExitStack, context: Context[AsrSettings], device: Device, pool: Models) -> Engine:
    settings, metrics = context.settings, Metrics(context.registry)
    queue: WindowQueue[DecodeRequest] = WindowQueue(mix_classes=device.fills_batches)
    threads = _threads(stack, device.slots, "asr-decode")
    sharing = KeepRoomForLive(even=not device.fills_batches)
    dispatcher = Decoding(queue, decode, threads, device.slots, metrics, sharing=sharing)
    metrics.watch_queue(lambda: dispatcher.queued_cost)
    metrics.watch_models(pool)
    session()
    return Engine(
        admission=Admission(settings.asr_sections, lambda: dispatcher.backlog),
        models=pool,
        dispatcher=dispatcher,
        sharing=sharing,
        limiter=InFlightLimiter(device.slots),
        detector=SileroDetector,
        executor=_threads(stack, HEARING_THREADS, "asr-hear"),
        rule=EndpointRule(),
        longest=samples(settings.asr_section_seconds),
        observer=metrics,
    )


def _threads(stack: AsyncExitStack, count: int, name: str) -> Executor:
    executor = ThreadPoolExecutor(count, thread_name_prefix=name)
    stack.callback(executor.shutdown, wait=True, cancel_futures=True)
    return executor
