"""When a failed delivery is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from locution_gateway.webhooks.models import Outcome


@dataclass(frozen=True, slots=True)
class Schedule:
    """Attempts cap; the wait doubles from `base` up to `ceiling`, its upper half by chance ("equal jitter").

    `patience` is how long a webhook may fail at every attempt before it is disabled.
    """

    max_attempts: int
    base: timedelta
    ceiling: timedelta
    patience: timedelta

    def delay(self, outcome: Outcome, attempts: int) -> timedelta | None:
        """Return the delay after a number of attempts, or None when no attempt follows.

        A longer wait that the receiver asks for is honoured up to the ceiling.
        """
        if attempts >= self.max_attempts:
            return None
        full: timedelta = min(self.base * 2.0 ** min(attempts - 1, 32), self.ceiling)
        wait = full / 2 + full / 2 * random.random()  # noqa: S311 (jitter, not a secret)
        asked = outcome.retry_after or timedelta()
        return max(wait, min(asked, self.ceiling))
