from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from locution_common.errors import Reason
from locution_common.pcm import (
    MAX_CHUNK_SAMPLES,
    SAMPLE_RATE,
    AudioBuffer,
    Chunk,
    OffsetChecker,
    chunks,
    frames,
    samples,
    seconds,
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


def test_seconds_and_samples() -> None:
    assert (seconds(SAMPLE_RATE), samples(0.1), samples(seconds(12345))) == (1.0, 1600, 12345)


@pytest.mark.parametrize("count", [0, 1, MAX_CHUNK_SAMPLES, MAX_CHUNK_SAMPLES + 1, 3 * MAX_CHUNK_SAMPLES])
def test_chunks_follow_each_other_and_lose_nothing(count: int) -> None:
    data = bytes(2 * count)
    checker = OffsetChecker(7)
    cut = [checker.check(chunk.offset, chunk.data) for chunk in chunks(data, offset=7)]
    assert b"".join(chunk.data for chunk in cut) == data
    assert checker.next_offset == 7 + count


@pytest.mark.parametrize("piece", [1, 3, 4096, 10**6])
async def test_frames_have_one_size_whatever_comes(piece: int) -> None:
    data = np.arange(5000, dtype="<i2").tobytes()

    async def source() -> AsyncIterator[bytes]:
        for start in range(0, len(data), piece):
            yield data[start : start + piece]

    framed = [chunk async for chunk in frames(source(), offset=100, size=1600)]
    assert [(chunk.offset, chunk.samples) for chunk in framed] == [(100, 1600), (1700, 1600), (3300, 1600), (4900, 200)]
    assert b"".join(chunk.data for chunk in framed) == data


async def test_half_a_sample_is_refused() -> None:
    async def source() -> AsyncIterator[bytes]:
        yield b"abc"

    with refusal(Reason.INVALID_REQUEST, match="inside a sample"):
        [chunk async for chunk in frames(source())]


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


def second(number: int) -> Chunk:
    return Chunk(number * SAMPLE_RATE, bytes(2 * SAMPLE_RATE))


async def test_a_full_buffer_makes_its_producer_wait() -> None:
    buffer = AudioBuffer(2.0)
    await buffer.put(second(0))
    await buffer.put(second(1))
    third = asyncio.create_task(buffer.put(second(2)))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not third.done()
    assert buffer.held == 2.0
    assert await buffer.get() == second(0)
    await asyncio.wait_for(third, 5)
    assert buffer.held == 2.0


async def test_what_waits_is_delivered_after_close() -> None:
    buffer = AudioBuffer(10)
    await buffer.put(second(0))
    await buffer.put(second(1))
    await buffer.close()
    assert [chunk.offset async for chunk in buffer] == [0, SAMPLE_RATE]
    assert await buffer.get() is None
    with pytest.raises(ValueError, match="closed"):
        await buffer.put(second(2))


async def test_a_chunk_longer_than_the_buffer_passes_alone() -> None:
    buffer = AudioBuffer(0.5)
    await asyncio.wait_for(buffer.put(second(0)), 5)
    assert await buffer.get() == second(0)


async def test_close_wakes_who_waits() -> None:
    buffer = AudioBuffer(1.0)
    await buffer.put(second(0))
    blocked = asyncio.create_task(buffer.put(second(1)))
    await asyncio.sleep(0)
    await buffer.close()
    with pytest.raises(ValueError, match="closed"):
        await asyncio.wait_for(blocked, 5)
