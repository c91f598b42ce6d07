"""Cancellation: what a library swallowed of it, and work that another task may end with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def cancellable() -> Iterator[None]:
    """Raise CancelledError if the current task was cancelled in the body, whatever the body raised instead.

    A call of grpc.aio with interceptors that is cancelled before it has begun raises InvalidStateError or returns. A
    caller that retries such errors would never end.
    """
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    try:
        yield
    except Exception as error:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError from error
        raise
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError


class Ending:
    """The way to end a task's work from outside."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task = task
        self.error: Exception | None = None
        self.times = 0

    def end(self, error: Exception) -> None:
        """Cancel the work and make it raise an error. Of several errors the first counts; each cancels again."""
        self.error = self.error or error
        self.times += 1
        self._task.cancel()


@contextmanager
def endable() -> Iterator[Ending]:
    """Let others end the body: it is cancelled, and the error that they give is raised in place of CancelledError."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("only the work of a task can be ended")
    ending, before = Ending(task), task.cancelling()
    try:
        yield ending
    except asyncio.CancelledError:
        _forgive(task, ending)
        if ending.error is None or task.cancelling() > before:
            raise
        raise ending.error from None
    except BaseException:
        _forgive(task, ending)
        raise


def _forgive(task: asyncio.Task[Any], ending: Ending) -> None:
    """Take back the cancellations that were ours, so that an outer scope sees its own alone."""
    for _ in range(ending.times):
        task.uncancel()
