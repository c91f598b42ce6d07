"""The life of a service process, from settings to the last flushed span.

Start: logs, telemetry, metrics endpoint, the service's own `start`, gRPC server, health. One AsyncExitStack holds
everything that was opened. Shutdown, after a signal:

1. health answers NOT_SERVING
2. wait `shutdown_delay`, so that load balancers and endpoints notice
3. stop taking work: `context.stopping` is set
4. the server refuses new calls and gives those in progress `shutdown_grace`
5. background tasks finish or release their work within `shutdown_grace`, then are cancelled
6. telemetry is flushed
7. the stack is closed, newest first
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Generic, NoReturn, TypeAlias, TypeVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry

from . import logs, metrics, telemetry
from .auth import Authenticator, RefuseAll, ServiceTokenAuthenticator
from .channels import open_channel
from .clock import Clock, SystemClock
from .health import Health, Probe
from .interceptors import Layer, Translator, chain
from .loop_lag import PROBE, LoopLag
from .settings import ServiceSettings
from .tasks import Supervisor
from .tls import server_credentials

S = TypeVar("S", bound=ServiceSettings)

_log = logging.getLogger("locution.service")
_HEALTH_SERVICE: Final = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name


@dataclass(frozen=True, slots=True)
class Context(Generic[S]):
    """The inputs of a service's `start`."""

    name: str
    settings: S
    stopping: asyncio.Event
    health: Health
    registry: CollectorRegistry
    tracer_provider: TracerProvider
    redactor: logs.Redactor
    clock: Clock = field(default_factory=SystemClock)

    def channel(self, address: str) -> grpc.aio.Channel:
        """Return a channel to another service with this service's credential, trust and limits."""
        return open_channel(
            address,
            token=self.settings.service_token,
            ca_file=self.settings.tls_ca_file,
            shown=self.settings.client_pair,
            max_message_bytes=self.settings.max_message_bytes,
            tracer_provider=self.tracer_provider,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What a service runs; a process without a public API leaves `servicers` empty.

    `servicers` are functions that add a servicer to the server; `names` are the full names of their services, for
    health and reflection. `tasks` run until `context.stopping` is set and then return; a task that ends earlier or
    raises is restarted with backoff. Without an `authenticator`, callers must send the service token. `translators`
    convert errors of an adapter's library to domain errors, for example `postgres.translate`. `admission` and `limits`
    are layers of the interceptor chain, before and after auth.
    """

    servicers: Sequence[Callable[[grpc.aio.Server], object]] = ()
    names: Sequence[str] = ()
    probes: Mapping[str, Probe] = field(default_factory=dict)
    tasks: Mapping[str, Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=dict)
    authenticator: Authenticator | None = None
    translators: Sequence[Translator] = ()
    admission: Sequence[Layer] = ()
    limits: Sequence[Layer] = ()


Start: TypeAlias = Callable[[AsyncExitStack, Context[S]], Awaitable[Service]]


@dataclass(slots=True)
class Running(Generic[S]):
    """A running service: its addresses, and a way to stop it."""

    context: Context[S]
    host: str
    port: int
    metrics_port: int | None
    health_port: int | None
    tasks: list[asyncio.Task[None]]
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self) -> str:
        """Return host:port with the actual port."""
        return f"{self.host}:{self.port}"

    def stop(self) -> None:
        """Start the shutdown."""
        self._ended.set()

    async def wait(self) -> None:
        """Wait for `stop`."""
        await self._ended.wait()


@asynccontextmanager
async def serving(
    settings: S, start: Start[S], *, name: str, redactor: logs.Redactor | None = None
) -> AsyncIterator[Running[S]]:
    """Start a service and serve inside the context; leaving runs the shutdown. Tests use this; processes use `main`."""
    async with AsyncExitStack() as stack:
        context = _context(stack, settings, name, redactor or logs.Redactor(settings.secrets()))
        metrics_port = _serve_metrics(stack, context)
        service = await start(stack, context)
        interceptor = _interceptor(context, service)
        server, port = _server(context, service, interceptor)
        await context.health.publish_not_serving()
        health_port = await _serve_health(stack, context, interceptor)
        await server.start()  # from here on nothing fails before the `finally` that stops it
        tasks = _start_tasks(context, service)
        running = Running(context, settings.listen.rpartition(":")[0], port, metrics_port, health_port, tasks)
        ports = {"metrics_port": metrics_port, "health_port": health_port}
        _log.info("serving", extra={"address": running.address, **ports})
        try:
            yield running
        finally:
            await _shut_down(context, server, tasks)


async def run(settings: S, start: Start[S], *, name: str) -> int:
    """Serve until SIGTERM or SIGINT and return the exit code."""
    redactor = logs.configure(name, settings.log_level, settings.secrets())
    loop = asyncio.get_running_loop()
    signalled = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signalled.set)
    try:
        return await _run(settings, start, name, signalled, redactor)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def main(settings: S, start: Start[S], *, name: str) -> NoReturn:
    """Run a service as this process and exit with its code."""
    try:
        code = asyncio.run(run(settings, start, name=name))
    except Exception:  # noqa: BLE001 - the last line of defence: logged in full, then the exit code tells
        _log.exception("the service could not start or shut down")
        code = 1
    sys.exit(code)


async def _run(settings: S, start: Start[S], name: str, signalled: asyncio.Event, redactor: logs.Redactor) -> int:
    async with serving(settings, start, name=name, redactor=redactor) as running:
        tame_garbage_collection()
        stopper = asyncio.create_task(_stop_on(signalled, running))
        try:
            await running.wait()
        finally:
            stopper.cancel()
    return 0


def tame_garbage_collection() -> None:
    """Keep pauses of the collector short: what lives as long as the process is left out, and full rounds come often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(1000, 5, 2)


async def _stop_on(signalled: asyncio.Event, running: Running[S]) -> None:
    await signalled.wait()
    _log.info("received a signal to stop")
    running.stop()


def _context(stack: AsyncExitStack, settings: S, name: str, redactor: logs.Redactor) -> Context[S]:
    provider = telemetry.setup(name, settings.trace_file)
    stack.callback(provider.shutdown)
    registry = metrics.new_registry()
    health = Health(interval=settings.health_interval, registry=registry)
    return Context(name, settings, asyncio.Event(), health, registry, provider, redactor)


def _serve_metrics(stack: AsyncExitStack, context: Context[S]) -> int | None:
    address = context.settings.metrics_listen
    return None if address is None else stack.enter_context(metrics.serving(context.registry, address))


def _interceptor(context: Context[S], service: Service) -> grpc.aio.ServerInterceptor:
    return chain(
        authenticator=service.authenticator or _service_authenticator(context.settings),
        tracer_provider=context.tracer_provider,
        metrics=metrics.RpcMetrics(context.registry),
        default_deadline=context.settings.default_deadline,
        reflection=context.settings.reflection,
        translators=service.translators,
        admission=service.admission,
        limits=service.limits,
        services=service.names,
    )


def _server(
    context: Context[S], service: Service, interceptor: grpc.aio.ServerInterceptor
) -> tuple[grpc.aio.Server, int]:
    server = grpc.aio.server(interceptors=[interceptor], options=_options(context.settings))
    for add in service.servicers:
        add(server)
    health_pb2_grpc.add_HealthServicer_to_server(context.health.servicer, server)
    context.health.add(service.probes, service.names)
    if context.settings.reflection:
        reflection.enable_server_reflection([*service.names, _HEALTH_SERVICE, reflection.SERVICE_NAME], server)
    return server, _bind(server, context.settings)


def _service_authenticator(settings: ServiceSettings) -> Authenticator:
    token = settings.service_token
    return RefuseAll() if token is None else ServiceTokenAuthenticator(token.get_secret_value())


def _options(settings: ServiceSettings) -> list[tuple[str, Any]]:
    return [
        ("grpc.so_reuseport", 0),  # a second process on the same port must fail, not share its calls
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", settings.max_message_bytes),
        ("grpc.max_concurrent_streams", settings.max_concurrent_streams),
        ("grpc.max_metadata_size", 16 * 1024),
        # Fixed flow control windows: steady uploads in bounded memory.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", 1 << 20),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.http2.max_ping_strikes", 2),
    ]


async def _serve_health(
    stack: AsyncExitStack, context: Context[S], interceptor: grpc.aio.ServerInterceptor
) -> int | None:
    """Serve health without TLS until the stack is closed, if an address is set."""
    address = context.settings.health_listen
    if address is None:
        return None
    server = grpc.aio.server(interceptors=[interceptor], options=_options(context.settings))
    health_pb2_grpc.add_HealthServicer_to_server(context.health.servicer, server)
    port = server.add_insecure_port(address)
    await server.start()
    stack.push_async_callback(server.stop, None)
    return port


def _bind(server: grpc.aio.Server, settings: ServiceSettings) -> int:
    if settings.server_pair is None:
        return server.add_insecure_port(settings.listen)
    credentials = server_credentials(settings.server_pair, settings.tls_client_ca_file)
    return server.add_secure_port(settings.listen, credentials)


def _start_tasks(context: Context[S], service: Service) -> list[asyncio.Task[None]]:
    supervisor = Supervisor(context.stopping, context.health, context.registry)
    lag = LoopLag(context.registry)
    context.health.add({PROBE: lag.probe})
    tasks: dict[str, Callable[[], Awaitable[object]]] = {
        **service.tasks,
        "health": partial(_until_stopping, context, context.health.run),
        PROBE: partial(_until_stopping, context, lag.run),
    }
    return [asyncio.create_task(supervisor.run(name, run), name=name) for name, run in tasks.items()]


async def _until_stopping(context: Context[S], work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    working = asyncio.create_task(work())
    stopping = asyncio.create_task(context.stopping.wait())
    try:
        done, _ = await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        if working in done:
            working.result()
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


async def _shut_down(context: Context[S], server: grpc.aio.Server, tasks: Sequence[asyncio.Task[None]]) -> None:
    settings = context.settings
    _log.info("shutting down", extra={"delay": settings.shutdown_delay, "grace": settings.shutdown_grace})
    await context.health.shut_down()
    await context.clock.sleep(settings.shutdown_delay)
    context.stopping.set()
    context.health.end_watches()
    await server.stop(settings.shutdown_grace)
    await _finish(tasks, settings.shutdown_grace)
    await asyncio.to_thread(context.tracer_provider.force_flush)


async def _finish(tasks: Sequence[asyncio.Task[None]], grace: float) -> None:
    _, late = await asyncio.wait(tasks, timeout=grace)
    for task in late:
        _log.warning("a background task did not finish in time", extra={"task": task.get_name()})
        task.cancel()
    for task, result in zip(tasks, await asyncio.gather(*tasks, return_exceptions=True), strict=True):
        if isinstance(result, Exception):
            _log.error("a background task failed", exc_info=result, extra={"task": task.get_name()})
