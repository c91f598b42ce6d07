"""Send due deliveries: claim, sign, post, judge. Any number of workers may do this at once."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from locution_common.clock import Clock
from locution_common.errors import Refused

from locution_gateway.platform.principal import system
from locution_gateway.webhooks.message import body_of, headers_of
from locution_gateway.webhooks.metrics import WebhookMetrics
from locution_gateway.webhooks.models import AttemptResult, Dispatch, Outcome
from locution_gateway.webhooks.outbox import PostgresOutbox
from locution_gateway.webhooks.ports import Sender
from locution_gateway.webhooks.schedule import Schedule

_log = logging.getLogger("locution.webhooks")

FORGET_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    """How much one worker sends at once; `lease` is longer than an attempt may take."""

    at_once: int
    per_webhook: int
    lease: timedelta
    poll: timedelta
    retention: timedelta


class Deliveries:
    """Sends deliveries in parallel; a failing webhook delays no other."""

    def __init__(
        self,
        outbox: PostgresOutbox,
        sender: Sender,
        schedule: Schedule,
        limits: DeliveryLimits,
        clock: Clock,
        agent: str,
        metrics: WebhookMetrics,
    ) -> None:
        """Send as `agent`, the User-Agent."""
        self._outbox = outbox
        self._sender = sender
        self._schedule = schedule
        self._limits = limits
        self._clock = clock
        self._agent = agent
        self._metrics = metrics
        self._tasks: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()

    async def run(self, stopping: asyncio.Event, wake: asyncio.Event) -> None:
        """Send until `stopping`, then finish what was started; `wake` hints at work, polling is the guarantee."""
        try:
            while not stopping.is_set():
                wake.clear()
                self._freed.clear()
                if not await self._claim():
                    await self._idle(stopping, wake)
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            await self._drain()

    async def forget(self) -> None:
        """Delete deliveries whose retention has ended."""
        await self._outbox.forget(self._limits.retention, FORGET_AT_ONCE)

    async def measure(self) -> None:
        """Record the backlog."""
        self._metrics.backlog(await self._outbox.backlog())

    async def _claim(self) -> bool:
        room = self._limits.at_once - len(self._tasks)
        if room <= 0:
            return False
        try:
            claimed = await self._outbox.claim(self._limits.lease, room, self._limits.per_webhook)
        except Refused as error:
            _log.warning("no delivery could be claimed", extra={"reason": error.reason})
            return False
        for dispatch in claimed:
            self._start(dispatch)
        return bool(claimed)

    def _start(self, dispatch: Dispatch) -> None:
        task = asyncio.create_task(self._deliver(dispatch), name=f"webhook delivery {dispatch.delivery_id}")
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(dispatch, done))

    def _ended(self, dispatch: Dispatch, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._freed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error(
                "a delivery could not be released; its lease will expire", exc_info=error, extra=_names(dispatch)
            )

    async def _deliver(self, dispatch: Dispatch) -> None:
        with self._metrics.attempt(dispatch) as attempt:
            try:
                outcome = await self._send(dispatch)
            except asyncio.CancelledError:
                attempt.ended(AttemptResult.RELEASED)
                await asyncio.shield(self._release(dispatch))
                raise
            except Exception as error:  # noqa: BLE001 - counted as an attempt, so that no delivery repeats for ever
                _log.error("a delivery failed by an internal error", exc_info=error, extra=_names(dispatch))
                outcome = Outcome(error="an internal error")
            delay = None if outcome.delivered else self._schedule.delay(outcome, dispatch.attempts)
            attempt.ended(_result(outcome, delay), outcome)
            await self._keep(dispatch, outcome, delay)

    async def _send(self, dispatch: Dispatch) -> Outcome:
        body = body_of(dispatch)
        headers = headers_of(dispatch, body, int(self._clock.now().timestamp()), self._agent)
        return await self._sender.send(dispatch.url, headers, body)

    async def _keep(self, dispatch: Dispatch, outcome: Outcome, delay: timedelta | None) -> None:
        principal = system(dispatch.tenant_id)
        if outcome.delivered:
            await self._outbox.delivered(principal, dispatch, outcome)
            return
        _log.info("a delivery failed", extra={**_names(dispatch), "error": outcome.error, "again": delay is not None})
        await self._outbox.failed(principal, dispatch, outcome, delay, self._schedule.patience)

    async def _release(self, dispatch: Dispatch) -> None:
        try:
            await self._outbox.release(system(dispatch.tenant_id), dispatch)
        except Refused as error:
            _log.info(
                "a delivery could not be released; its lease will expire",
                extra={**_names(dispatch), "reason": error.reason},
            )

    async def _idle(self, stopping: asyncio.Event, wake: asyncio.Event) -> None:
        waits = [asyncio.create_task(event.wait()) for event in (stopping, wake, self._freed)]
        try:
            seconds = self._limits.poll.total_seconds()
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
                with suppress(asyncio.CancelledError):
                    await wait

    async def _drain(self) -> None:
        """Release what is being sent: another worker sends it again, which at-least-once delivery allows."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _result(outcome: Outcome, delay: timedelta | None) -> AttemptResult:
    if outcome.delivered:
        return AttemptResult.DELIVERED
    return AttemptResult.DEAD if delay is None else AttemptResult.FAILED


def _names(dispatch: Dispatch) -> dict[str, object]:
    return {
        "delivery_id": str(dispatch.delivery_id),
        "webhook_id": str(dispatch.webhook_id),
        "attempts": dispatch.attempts,
    }
