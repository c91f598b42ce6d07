"""Serve one stream of a live session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from locution_common.errors import Reason, Refused

from locution_gateway.live.attach import Attach, Attached, restart
from locution_gateway.live.models import (
    FINISHED,
    ClientMessage,
    Done,
    LiveLimits,
    LiveRequest,
    LiveState,
    RegionIgnored,
    Resume,
    ServerMessage,
    Started,
)
from locution_gateway.live.outbox import Outbox
from locution_gateway.live.parts import LiveParts
from locution_gateway.live.serve import Serve
from locution_gateway.live.settle import SettleLive
from locution_gateway.platform.authorise import require
from locution_gateway.platform.principal import Principal, Role
from locution_gateway.quotas.slots import OnEnd, Slots


class StreamLive:
    """Runs live streams, in the slots of this process."""

    def __init__(self, parts: LiveParts, attach: Attach, settle: SettleLive, limits: LiveLimits, slots: Slots) -> None:
        self._parts = parts
        self._attach = attach
        self._settle = settle
        self._limits = limits
        self._slots = slots

    async def run(
        self, principal: Principal, messages: AsyncIterator[ClientMessage], on_end: OnEnd
    ) -> AsyncGenerator[ServerMessage]:
        """Serve a stream to its end; a broken stream leaves its session to be resumed.

        Refuses with LIVE_OVERLOADED, STREAM_PROTOCOL_VIOLATED, and the reasons of live streams, models, media, offsets.
        """
        require(principal, Role.MEMBER)
        outbox = Outbox(self._limits.slow)
        task = asyncio.create_task(self._run(principal, messages, on_end, outbox))
        try:
            while (message := await outbox.get()) is not None:
                yield message
            await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(
        self, principal: Principal, messages: AsyncIterator[ClientMessage], on_end: OnEnd, outbox: Outbox
    ) -> None:
        try:
            async with self._slots.hold(principal.tenant_id, on_end):
                timed = timely(messages, self._limits.idle)
                async with aclosing(timed):
                    await self._serve(principal, timed, outbox)
        finally:
            await outbox.close()

    async def _serve(self, principal: Principal, messages: AsyncIterator[ClientMessage], outbox: Outbox) -> None:
        attached = await self._attached(principal, await anext(messages, None))
        session_id = attached.session.session_id
        async with self._parts.observer.opened(attached.session):
            await outbox.put(self._started(attached))
            if attached.region_ignored:
                await outbox.put(RegionIgnored())
            for final in attached.finals:
                await outbox.put(final)
            if attached.session.state is LiveState.OPEN:
                again = restart(attached.session)
                serve = Serve(self._parts, self._attach, self._limits, principal, attached, again, outbox)
                await serve.run(messages)
                await self._parts.store.end(principal, session_id, attached.owner, FINISHED)
            await outbox.put(Done(await self._settle.run(principal, session_id)))

    async def _attached(self, principal: Principal, first: ClientMessage | None) -> Attached:
        match first:
            case LiveRequest():
                return await self._attach.begin(principal, first)
            case Resume():
                return await self._attach.resume(principal, first)
            case _:
                raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "the first message must be `start`")

    def _started(self, attached: Attached) -> Started:
        return Started(attached.session, attached.token, attached.session.kept, self._limits.resume)


async def timely(messages: AsyncIterator[ClientMessage], seconds: float) -> AsyncGenerator[ClientMessage]:
    """Pass messages on. Refuses with LIVE_STREAM_IDLE after too long a silence, the reader's own time excluded."""
    while True:
        try:
            async with asyncio.timeout(seconds) as limit:
                message = await anext(messages, None)
        except TimeoutError:
            if not limit.expired():
                raise
            told = f"no message came for {seconds:.0f} s; the session can be resumed"
            raise Refused(Reason.LIVE_STREAM_IDLE, told) from None
        if message is None:
            return
        yield message
