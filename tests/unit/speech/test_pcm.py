from __future__ import annotations

import numpy as np
import pytest
from locution_common.errors import Reason
from locution_speech.pcm import (
    MAX_CHUNK_SAMPLES,
    OffsetChecker,
    chunks,
    to_bytes,
    to_float,
)

from tests.support.refusals import refusal


def test_conversion_is_exact_for_every_value() -> None:
    data = np.arange(-32768, 32768, dtype="<i2").tobytes()
    audio = to_float(data)
    assert audio.dtype == np.float32
    assert (audio.min(), audio.max()) == (-1.0, np.float32(32767 / 32768))
    assert to_bytes(audio) == data


def test_what_is_too_loud_is_clipped() -> None:
    assert np.frombuffer(to_bytes(np.array([2.0, -2.0, 1.0], np.float32)), "<i2").tolist() == [32767, -32768, 32767]


@pytest.mark.parametrize("count", [0, 1, MAX_CHUNK_SAMPLES, MAX_CHUNK_SAMPLES + 1, 3 * MAX_CHUNK_SAMPLES])
def test_chunks_follow_each_other_and_lose_nothing(count: int) -> None:
    data = bytes(2 * count)
    checker = OffsetChecker(7)
    cut = [checker.check(chunk.offset, chunk.data) for chunk in chunks(data, offset=7)]
    assert b"".join(chunk.data for chunk in cut) == data
    assert checker.next_offset == 7 + count


@pytest.mark.parametrize("offset", [0, 99, 101])
def test_gaps_and_overlaps_are_refused_and_change_nothing(offset: int) -> None:
    checker = OffsetChecker(100)
    with refusal(Reason.AUDIO_OFFSET_MISMATCH) as refused:
        checker.check(offset, b"ab")
    assert refused.value.metadata == {"expected_offset": "100"}
    assert checker.check(100, b"ab").end == 101


@pytest.mark.parametrize("data", [b"abc", bytes(2 * MAX_CHUNK_SAMPLES + 2)])
def test_chunks_of_half_samples_or_too_long_are_refused(data: bytes) -> None:
    with refusal(Reason.INVALID_REQUEST):
        OffsetChecker().check(0, data)
