"""Which failures are tried again, and when."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from locution_gateway.domain.jobs import Failure

# Trying again cannot help: the input or the request is what is wrong.
PERMANENT = frozenset(
    {
        "MEDIA_EMPTY", "MEDIA_UNRECOGNISED", "MEDIA_NO_AUDIO", "MEDIA_CORRUPT", "MEDIA_TOO_LONG", "MEDIA_TOO_COMPLEX",
        "MEDIA_ENCODING_REQUIRED", "MEDIA_DECODE_TIMEOUT", "OPTION_UNSUPPORTED", "MODEL_NOT_FOUND", "MODEL_NOT_USABLE",
        "MODEL_CHECKSUM_MISMATCH", "AUDIO_OFFSET_MISMATCH", "AUDIO_TOO_LONG", "STREAM_PROTOCOL_VIOLATED",
        "INVALID_REQUEST",
        "UPLOAD_NOT_FOUND", "UPLOAD_STATE_CONFLICT", "UPLOAD_DIGEST_MISMATCH", "UPLOAD_SIZE_MISMATCH",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Attempts cap; backoff doubles from `base` up to `ceiling`, with full jitter above half."""

    max_attempts: int
    base: timedelta
    ceiling: timedelta
    max_age: timedelta

    def delay(self, failure: Failure, attempts: int) -> timedelta | None:
        """Return how long to wait before the next attempt; None when there is to be none."""
        if failure.reason in PERMANENT or attempts >= self.max_attempts:
            return None
        return self.backoff(attempts)

    def backoff(self, attempts: int) -> timedelta:
        """Return the wait after so many attempts (AWS architecture blog, "equal jitter")."""
        full: timedelta = min(self.base * 2.0 ** max(attempts - 1, 0), self.ceiling)
        return full / 2 + full / 2 * random.random()  # noqa: S311 (jitter, not a secret)
