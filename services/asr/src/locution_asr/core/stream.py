"""Turn a use case that emits events into an async iterator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

E = TypeVar("E")


async def stream(
    run: Callable[[Callable[[E], Awaitable[None]]], Awaitable[None]], ahead: int = 4
) -> AsyncGenerator[E, None]:
    """Yield the events of `run`, which may be `ahead` events ahead of the reader and is cancelled with it."""
    events: asyncio.Queue[E | None] = asyncio.Queue()
    room = asyncio.Semaphore(ahead)

    async def emit(event: E) -> None:
        await room.acquire()
        events.put_nowait(event)

    task = asyncio.ensure_future(_without_cycle(run(emit)))
    task.add_done_callback(lambda _: events.put_nowait(None))
    try:
        while (event := await events.get()) is not None:
            room.release()
            yield event
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    task.result()


async def _without_cycle(work: Awaitable[None]) -> None:
    """Await work, and drop the frames of its cancellation so that everything they hold is freed at once.

    CPython 3.11's TaskGroup keeps the exception in a frame that its own traceback keeps, so a section's audio would
    stay until a garbage collection.
    """
    try:
        await work
    except asyncio.CancelledError as cancelled:
        raise cancelled.with_traceback(None) from None
