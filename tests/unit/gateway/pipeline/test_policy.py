"""Which failures are tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from locution_common.errors import Reason, Retry
from locution_gateway.jobs.models import Failure
from locution_gateway.pipeline.policy import RetryPolicy

POLICY = RetryPolicy(4, timedelta(seconds=1), timedelta(seconds=5), timedelta(hours=1))
FAILED = Failure(Reason.INFERENCE_FAILED, "")
PERMANENT = (
    "MEDIA_EMPTY", "MEDIA_UNRECOGNISED", "MEDIA_NO_AUDIO", "MEDIA_CORRUPT", "MEDIA_TOO_LONG", "MEDIA_TOO_COMPLEX",
    "MEDIA_ENCODING_REQUIRED", "MEDIA_DECODE_TIMEOUT", "OPTION_UNSUPPORTED", "MODEL_NOT_FOUND", "MODEL_NOT_USABLE",
    "MODEL_CHECKSUM_MISMATCH", "AUDIO_OFFSET_MISMATCH", "AUDIO_TOO_LONG", "STREAM_PROTOCOL_VIOLATED",
    "INVALID_REQUEST",
    "UPLOAD_NOT_FOUND", "UPLOAD_STATE_CONFLICT", "UPLOAD_DIGEST_MISMATCH", "UPLOAD_SIZE_MISMATCH",
)  # fmt: skip
"""What a stage can fail with where trying again cannot help: the input or the request is what is wrong."""


@pytest.mark.parametrize("name", PERMANENT)
def test_what_cannot_help_is_not_tried_again(name: str) -> None:
    assert POLICY.delay(Failure(Reason(name), ""), 1) is None


@pytest.mark.parametrize("reason", Reason)
def test_the_catalogue_says_what_is_tried_again(reason: Reason) -> None:
    assert (POLICY.delay(Failure(reason, ""), 1) is None) == (reason.retry in (Retry.NO, Retry.RESUME))


def test_backoff_doubles_with_jitter_to_its_ceiling_and_ends_with_the_attempts() -> None:
    for attempts, full in ((1, 1.0), (2, 2.0), (3, 4.0)):
        delay = POLICY.delay(FAILED, attempts)
        assert delay is not None
        assert full / 2 <= delay.total_seconds() <= full
    assert POLICY.delay(FAILED, 4) is None
    assert POLICY.backoff(30) <= timedelta(seconds=5)
