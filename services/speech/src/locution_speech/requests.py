"""Read the streams of requests that engines receive: `start` first, then audio. `wire` converts the messages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from locution_common.errors import Reason, Refused

from locution_speech.clock import SAMPLE_RATE
from locution_speech.pcm import Chunk, OffsetChecker

LONGEST_CHUNK: Final = 2 * SAMPLE_RATE
"""Most samples of one message (AudioChunk.pcm)."""


async def opening(requests: AsyncIterator[Any]) -> Any:
    """Return `start` of the first message. Refuses any other message with STREAM_PROTOCOL_VIOLATED."""
    request = await anext(requests, None)
    if request is None or request.WhichOneof("message") != "start":
        raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "the first message must be `start`")
    return request.start


async def following(requests: AsyncIterator[Any], kind: str) -> AsyncIterator[Any]:
    """Yield the payloads of the following messages. Refuses messages of another kind with STREAM_PROTOCOL_VIOLATED."""
    async for request in requests:
        if request.WhichOneof("message") != kind:
            raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, f"only `{kind}` may follow `start`")
        yield getattr(request, kind)


async def audio(requests: AsyncIterator[Any]) -> AsyncIterator[Chunk]:
    """Yield the audio that follows. Refuses as `following` does, and gaps with AUDIO_OFFSET_MISMATCH."""
    checker = checked_from(0)
    async for message in following(requests, "audio"):
        yield checker.check(message.start_sample, message.pcm)


def checked_from(first: int) -> OffsetChecker:
    """Return a checker of audio that begins at sample `first`."""
    return OffsetChecker(first, max_samples=LONGEST_CHUNK)
