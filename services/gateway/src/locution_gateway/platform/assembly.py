"""Assemble a process from its features, in the order of its list.

A feature is a module with the coroutine `open_api` or `open_worker`. It asks the assembly for its settings and for what
earlier features provide, and adds its services and background tasks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Generic, TypeVar, cast

import grpc
from locution_common import telemetry
from locution_common.auth import Authenticator
from locution_common.clock import Clock
from locution_common.health import Probe
from locution_common.interceptors import Layer, Translator
from locution_common.service import Context, Service

from locution_gateway.platform.background import repeat
from locution_gateway.platform.settings import GatewaySettings

S = TypeVar("S", bound=GatewaySettings)
T = TypeVar("T")


class Assembly(Generic[S]):
    """A process whose features open one after the other."""

    def __init__(self, stack: AsyncExitStack, context: Context[S]) -> None:
        self.context = context
        self.authenticator: Authenticator | None = None
        self.admission: list[Layer] = []
        self.limits: list[Layer] = []
        self.translators: list[Translator] = []
        self.probes: dict[str, Probe] = {}
        self._stack = stack
        self._parts: dict[type, object] = {}
        self._servicers: dict[str, Callable[[grpc.aio.Server], object]] = {}
        self._tasks: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {}

    @property
    def clock(self) -> Clock:
        """Return the process's clock."""
        return self.context.clock

    def settings(self, kind: type[T]) -> T:
        """Return the settings of one feature; the process's settings inherit from them."""
        settings: object = self.context.settings
        if not isinstance(settings, kind):
            raise TypeError(f"the settings of this process do not include {kind.__name__}")
        return settings

    def provide(self, part: T, kind: type | None = None) -> T:
        """Provide a part to later features, under its class or the port that it implements, and return it."""
        self._parts[kind or type(part)] = part
        return part

    def need(self, kind: type[T]) -> T:
        """Return the part that was provided under a class. Raises KeyError if no earlier feature provides it."""
        return cast("T", self._parts[kind])

    async def enter(self, opened: AbstractAsyncContextManager[T]) -> T:
        """Open a resource that closes when the process ends, newest first."""
        return await self._stack.enter_async_context(opened)

    async def channel(self, address: str) -> grpc.aio.Channel:
        """Open a channel to another service."""
        return await self.enter(self.context.channel(address))

    def serve(self, name: str, add: Callable[[Any, grpc.aio.Server], None], servicer: object) -> None:
        """Serve a gRPC service under its full name; `add` is the generated function that registers it."""
        self._servicers[name] = lambda server: add(servicer, server)

    def run(self, name: str, work: Callable[[], Awaitable[object]], *, traced: bool = False) -> None:
        """Run a task until `context.stopping` is set; its calls appear in traces only if `traced`."""

        async def task() -> None:
            if traced:
                await work()
                return
            with telemetry.suppressed():
                await work()

        self._tasks[name] = task

    def every(self, name: str, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        """Repeat work at an interval in seconds. A failed round is logged and does not stop the next."""
        self.run(name, lambda: repeat(work, seconds, self.context.stopping))

    def service(self) -> Service:
        """Return what the process serves and runs."""
        return Service(
            servicers=list(self._servicers.values()),
            names=list(self._servicers),
            probes=self.probes,
            tasks=self._tasks,
            authenticator=self.authenticator,
            translators=self.translators,
            admission=self.admission,
            limits=self.limits,
        )
