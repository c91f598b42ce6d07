"""A channel that follows a service's replicas as their names resolve, faster than gRPC's own resolver.

gRPC looks names up again when a connection breaks. After a name was not found, it waits up to two minutes between two
attempts: a service that scales from zero, or whose pods are all new, would be left unused that long. A replica that is
added would get no calls until another one breaks. This channel looks names up itself and moves its calls over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, TypeAlias

import grpc

from .addresses import Address, Places, resolve, target, written

LookUp: TypeAlias = Callable[[Address], Awaitable[Sequence[Address] | None]]
"""Returns the IP addresses of a name, none if it has none; None if that is not known."""

CONNECTED_INTERVAL: Final = 5.0
UNCONNECTED_INTERVAL: Final = 1.0
"""Seconds between two look-ups, while there is a connection and while there is none."""

_log = logging.getLogger(__name__)


async def never() -> bool:
    """Return that nothing was renewed."""
    return False


class FollowingChannel(grpc.aio.Channel):
    """A channel to whatever `places` resolve to.

    `connect` makes a channel to a target. Until something resolves, calls go to gRPC's own `dns:` target and fail with
    its UNAVAILABLE. A call stays on the channel on which it began, which is closed when its last call has ended. When
    `renewed` returns that there are other credentials, new calls go to a new channel.
    """

    def __init__(
        self,
        places: Places,
        connect: Callable[[str], grpc.aio.Channel],
        *,
        look_up: LookUp = resolve,
        renewed: Callable[[], Awaitable[bool]] = never,
        intervals: tuple[float, float] = (CONNECTED_INTERVAL, UNCONNECTED_INTERVAL),
    ) -> None:
        self._places = places
        self._connect = connect
        self._look_up = look_up
        self._renewed = renewed
        self._connected, self._unconnected = intervals
        self.target = f"dns:///{written(places[0][0])}"
        """Where new calls go, a target of gRPC."""
        self._current = Counted(connect(self.target))
        self.retired: set[Counted] = set()
        """Channels that are left, until their last calls have ended."""
        self._moved = asyncio.Event()
        self._following = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        while True:
            try:
                await self._move_if_changed()
            except Exception:  # noqa: BLE001 - logged; if this ended, the channel would stay where it is for ever
                _log.exception("a channel could not be moved", extra={"address": written(self._places[0][0])})
            ready = self.get_state(try_to_connect=True) is grpc.ChannelConnectivity.READY
            await asyncio.sleep(self._connected if ready else self._unconnected)

    async def _move_if_changed(self) -> None:
        found = await self._found()
        at = target(found) if found else self.target
        if await self._renewed() or at != self.target:
            self._move(at)

    async def _found(self) -> list[Address]:
        """Return the addresses to use; none if a name that comes before them could not be asked for."""
        for names in self._places:
            known = [answer for answer in await asyncio.gather(*map(self._look_up, names)) if answer is not None]
            if len(known) < len(names):
                return []
            if found := sorted({address for answer in known for address in answer}):
                return found
        return []

    def _move(self, at: str) -> None:
        before, self.target, self._current = self._current, at, Counted(self._connect(at))
        self.retired.add(before)
        before.retire(self.retired.discard)
        self._moved.set()
        self._moved = asyncio.Event()

    async def __aenter__(self) -> FollowingChannel:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        """Stop following, and close as a channel of gRPC does."""
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)
        await asyncio.gather(*(each.channel.close(grace) for each in [self._current, *self.retired]))

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return the state of the channel that new calls use."""
        return self._current.channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Return when the state of the channel that new calls use is another one."""
        while self.get_state() is last_observed_state:
            await self._unless_moved(self._current.channel.wait_for_state_change(last_observed_state))

    async def channel_ready(self) -> None:
        """Return when there is a connection."""
        while self.get_state(try_to_connect=True) is not grpc.ChannelConnectivity.READY:
            await self._unless_moved(self._current.channel.channel_ready())

    async def _unless_moved(self, waiting: Coroutine[Any, Any, None]) -> None:
        moved = asyncio.ensure_future(self._moved.wait())
        wait = asyncio.ensure_future(waiting)
        try:
            await asyncio.wait([wait, moved], return_when=asyncio.FIRST_COMPLETED)
            if not moved.done():
                await wait
        finally:
            wait.cancel()
            moved.cancel()
            await asyncio.gather(wait, moved, return_exceptions=True)

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:
        """Return a callable of a method whose calls go where the channel goes."""
        return self._method("unary_unary", args, kwargs)

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Return a callable of a method whose calls go where the channel goes."""
        return self._method("unary_stream", args, kwargs)

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        """Return a callable of a method whose calls go where the channel goes."""
        return self._method("stream_unary", args, kwargs)

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Return a callable of a method whose calls go where the channel goes."""
        return self._method("stream_stream", args, kwargs)

    def _method(self, kind: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[..., Any]:
        def call(*call_args: Any, **call_kwargs: Any) -> Any:
            return self._current.begin(kind, args, kwargs, call_args, call_kwargs)

        return call


class Counted:
    """A channel that knows its calls in progress, so that it can be closed after the last one."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self._calls = 0
        self._methods: dict[tuple[str, str], Callable[..., Any]] = {}
        self._closed: Callable[[Counted], object] | None = None
        self._closing: asyncio.Task[None] | None = None

    def begin(
        self, kind: str, args: tuple[Any, ...], kwargs: dict[str, Any], call_args: Any, call_kwargs: dict[str, Any]
    ) -> Any:
        """Begin a call of a method, and return it."""
        path = args[0] if args else kwargs["method"]
        if (kind, path) not in self._methods:
            self._methods[kind, path] = getattr(self.channel, kind)(*args, **kwargs)
        call = self._methods[kind, path](*call_args, **call_kwargs)
        self._calls += 1
        call.add_done_callback(self._end)
        return call

    def retire(self, closed: Callable[[Counted], object]) -> None:
        """Close the channel when its calls have ended, and then call `closed`."""
        self._closed = closed
        self._close_if_idle()

    def _end(self, _call: object) -> None:
        self._calls -= 1
        self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self._closed is not None and self._calls == 0 and self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close(self._closed))

    async def _close(self, closed: Callable[[Counted], object]) -> None:
        await self.channel.close()
        closed(self)
