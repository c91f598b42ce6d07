"""Backoff with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015)."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from .clock import Clock, SystemClock
from .errors import Refused, Retry

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays between attempts: uniform in [0, min(cap, base * factor**n)], in seconds."""

    base: float = 0.1
    factor: float = 2.0
    cap: float = 10.0
    attempts: int = 5
    random: random.Random = field(default_factory=random.SystemRandom)

    def delay(self, retries: int) -> float:
        """Return the delay after a number of earlier retries."""
        return self.random.uniform(0, min(self.cap, self.base * self.factor ** min(retries, 64)))

    def delays(self) -> Iterator[float]:
        """Yield one delay per retry: `attempts - 1` of them."""
        for retries in range(self.attempts - 1):
            yield self.delay(retries)


def is_transient(error: BaseException) -> bool:
    """Tell whether the call had no effect, so that it may be retried."""
    return isinstance(error, Refused) and error.reason.retry is Retry.LATER


async def retry(
    attempt: Callable[[], Awaitable[T]],
    *,
    backoff: Backoff | None = None,
    retryable: Callable[[BaseException], bool] = is_transient,
    clock: Clock | None = None,
) -> T:
    """Call `attempt` until it succeeds, fails for good, or attempts run out; then raise the last error.

    If the error itself states a longer delay (`retry_after`), that applies.
    """
    clock = clock or SystemClock()
    for delay in (backoff or Backoff()).delays():
        try:
            return await attempt()
        except Exception as error:
            if not retryable(error):
                raise
            await clock.sleep(max(delay, getattr(error, "retry_after", None) or 0.0))
    return await attempt()
