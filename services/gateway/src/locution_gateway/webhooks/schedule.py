"""When to retry a failed delivery."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from locution_gateway.webhooks.models import Outcome


@dataclass(frozen=True, slots=True)
class Schedule:
    """Attempts are limited; the delay doubles from `base` up to `ceiling`, its upper half random ("equal jitter").

    `patience` is how long every attempt of a webhook may fail before it is disabled.
    """

    max_attempts: int
    base: timedelta
    ceiling: timedelta
    patience: timedelta

    def delay(self, outcome: Outcome, attempts: int) -> timedelta | None:
        """Return the delay after a number of attempts, or None if no attempt follows.

        A longer delay that the receiver asks for applies, up to the ceiling.
        """
        if attempts >= self.max_attempts:
            return None
        full: timedelta = min(self.base * 2.0 ** min(attempts - 1, 32), self.ceiling)
        wait = full / 2 + full / 2 * random.random()  # noqa: S311 (jitter, not a secret)
        asked = outcome.retry_after or timedelta()
        return max(wait, min(asked, self.ceiling))
