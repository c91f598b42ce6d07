"""Follow a job's events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from locution_common.errors import DependencyUnavailable, Reason, Refused

from locution_gateway.jobs.models import EventKind, JobEvent, JobState
from locution_gateway.jobs.postgres.events import PostgresEvents
from locution_gateway.jobs.postgres.wakeups import PostgresWakeups
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.principal import Principal

BATCH: Final = 500


class WatchJob:
    """Yields every event of a job after a cursor, then waits for more until the job has ended."""

    def __init__(
        self, events: PostgresEvents, wakeups: PostgresWakeups, stopping: asyncio.Event, poll: float = 1.0
    ) -> None:
        self._events = events
        self._wakeups = wakeups
        self._stopping = stopping
        self._poll = poll

    async def run(self, principal: Principal, job_id: JobId, cursor: str) -> AsyncIterator[JobEvent]:
        """Yield events in order, and end after the terminal one.

        Refuses with JOB_NOT_FOUND (also if the job is deleted meanwhile), CURSOR_INVALID, and DependencyUnavailable
        when this process shuts down.
        """
        after = parse_cursor(job_id, cursor)
        woken = asyncio.Event()
        with self._wakeups.on_job(job_id, woken.set):
            if after > (await self._events.head(principal, job_id))[1]:
                raise Refused(Reason.CURSOR_INVALID, field="after_cursor")
            while True:
                woken.clear()
                state, last = await self._events.head(principal, job_id)
                if last > after:
                    async for event in self._behind(principal, job_id, after):
                        yield event
                        after = event.event_id
                        if _is_end(event):
                            return
                if state.terminal and after >= last:
                    return
                await self._wait(woken)

    async def _behind(self, principal: Principal, job_id: JobId, after: int) -> AsyncIterator[JobEvent]:
        while events := await self._events.read(principal, job_id, after, BATCH):
            for event in events:
                yield event
            after = events[-1].event_id

    async def _wait(self, woken: asyncio.Event) -> None:
        """Wait for a notice, or until the next poll; a server that shuts down sends its watchers elsewhere."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._poll):
                await woken.wait()
        if self._stopping.is_set():
            raise DependencyUnavailable("the server is shutting down: go on from the last cursor")


def cursor_of(job_id: JobId, event_id: int) -> str:
    """Return the cursor of an event."""
    return f"{job_id.hex}.{event_id}"


def parse_cursor(job_id: JobId, cursor: str) -> int:
    """Return the id of a cursor's event, 0 for "". Refuses a cursor of another job with CURSOR_INVALID."""
    if not cursor:
        return 0
    job, _, event = cursor.partition(".")
    if job != job_id.hex or not (event.isascii() and event.isdecimal()) or len(event) > 18:
        raise Refused(Reason.CURSOR_INVALID, field="after_cursor")
    return int(event)


def _is_end(event: JobEvent) -> bool:
    return event.kind is EventKind.STATE_CHANGED and JobState(str(event.payload["state"])).terminal
