"""Which failures are retried, and when."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from locution_common.errors import Retry

from locution_gateway.jobs.models import Failure


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Attempts are limited; backoff doubles from `base` up to `ceiling`, with full jitter above half."""

    max_attempts: int
    base: timedelta
    ceiling: timedelta
    max_age: timedelta

    def delay(self, failure: Failure, attempts: int) -> timedelta | None:
        """Return the delay before the next attempt, or None if there is none."""
        if failure.reason.retry in (Retry.NO, Retry.RESUME) or attempts >= self.max_attempts:
            return None
        return self.backoff(attempts)

    def backoff(self, attempts: int) -> timedelta:
        """Return the delay after a number of attempts (AWS architecture blog, "equal jitter")."""
        full: timedelta = min(self.base * 2.0 ** max(attempts - 1, 0), self.ceiling)
        return full / 2 + full / 2 * random.random()  # noqa: S311 (jitter, not a secret)
