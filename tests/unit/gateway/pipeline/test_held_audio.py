"""The worker keeps decoded audio in memory for the next stage, up to a bound over all channels."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest
from locution_gateway.jobs.models import Section
from locution_gateway.media.models import Opening
from locution_gateway.media.sections import SectionRule
from locution_gateway.pipeline.decoder import _Sink
from locution_gateway.pipeline.models import SHORT
from locution_gateway.pipeline.recording import held

SECOND = 16_000


class Store:
    """Takes what it is given."""

    async def put_stream(self, _key: str, source: Any, **_options: Any) -> None:
        async for _piece in source:
            pass


async def kept(seconds: int, channels: int) -> tuple[bytes, ...]:
    """Decode a recording whose samples name their channel."""
    frame = b"".join(bytes([channel + 1, 0]) for channel in range(channels))
    store: Any = Store()
    async with AsyncExitStack() as stack:
        sink = _Sink(store, "pcm", SectionRule(), lambda _done: None, stack)
        await sink.begin(Opening("wav", "pcm_s16le", channels, SECOND, 1, None, channels))
        for _ in range(seconds):
            await sink.write(frame * SECOND)
        await sink.finish()
        return sink.pcm


@pytest.mark.parametrize("channels", [1, 2])
async def test_a_short_recording_is_kept_by_channel(channels: int) -> None:
    seconds = SHORT // SECOND // channels
    assert await kept(seconds, channels) == tuple(bytes([n + 1, 0]) * SECOND * seconds for n in range(channels))


@pytest.mark.parametrize("channels", [1, 2])
async def test_nothing_of_a_longer_one_is_kept(channels: int) -> None:
    assert await kept(SHORT // SECOND // channels + 1, channels) == ()


async def test_a_section_is_cut_from_what_is_kept() -> None:
    pcm = bytes(range(20))
    assert [data async for data in held(pcm, Section(1, 3, 7))] == [bytes(range(6, 14))]
