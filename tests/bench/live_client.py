"""Stream recordings and note when each word was confirmed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from locution.v1 import live_service_pb2 as pb
from locution_client import Client
from locution_client.live import Session

from tests.bench.recordings import RATE, Pcm

MODEL = "whisper/tiny.en"
PIECE = RATE // 10

Fault = Callable[[Session], Awaitable[None]]


@dataclass
class Heard:
    """What a stream gave: finals by id, seconds from the end of each word to its confirmation, and the sum at its end.

    `last_text` is when the last final with text came, in seconds after the first sample was spoken.
    """

    finals: dict[int, str] = field(default_factory=dict)
    delays: list[float] = field(default_factory=list)
    seconds: float = 0.0
    last_text: float = 0.0
    resumed: int = 0
    _confirmed: float = 0.0

    @property
    def text(self) -> str:
        """Return the finals' text."""
        return " ".join(self.finals[number] for number in sorted(self.finals))

    def note(self, message: pb.StreamResponse, elapsed: float) -> None:
        """Take note of a message that came so many seconds after the first sample was spoken."""
        match message.WhichOneof("message"):
            case "partial":
                self._words(message.partial.confirmed, elapsed)
            case "final":
                self.finals[message.final.id] = message.final.text
                self.last_text = elapsed if message.final.text else self.last_text
                self._words(message.final.words, elapsed)
            case "done":
                self.seconds = message.done.audio_duration.ToTimedelta().total_seconds()

    def _words(self, words: Iterable[pb.LiveWord], elapsed: float) -> None:
        for word in words:
            end = word.end_offset.ToTimedelta().total_seconds()
            if end > self._confirmed:
                self._confirmed = end
                self.delays.append(max(0.0, elapsed - end))


async def listen(
    client: Client, audio: Pcm, *, speed: float = 1.0, silence: float | None = None, recording: bool = False, fault: Fault | None = None,
    fault_after: float = 0.0, language: str = "en",
) -> Heard:  # fmt: skip
    """Stream a recording at `speed` times real time; a fault strikes once, so many seconds after the start."""
    config = pb.LiveConfig(
        encoding=pb.LiveConfig.ENCODING_PCM_S16LE, sample_rate_hertz=RATE, language=language, asr_model=MODEL
    )
    if silence is not None:
        config.endpoint_silence.FromMilliseconds(round(silence * 1000))
    if recording:
        config.endpoint_mode = pb.LiveConfig.ENDPOINT_MODE_RECORDING
    session = client.live.session(config)
    striking = asyncio.create_task(_strike(session, fault, fault_after)) if fault else None
    heard, began = Heard(), time.monotonic()
    async for message in session.run(spoken(audio, speed)):
        heard.note(message, (time.monotonic() - began) * speed)
    if striking is not None:
        await striking
    heard.resumed = session.resumed
    return heard


async def spoken(audio: Pcm, speed: float) -> AsyncIterator[bytes]:
    """Yield a recording as fast as it is spoken, times `speed`."""
    began = time.monotonic()
    for at in range(0, len(audio), PIECE):
        piece = audio[at : at + PIECE]
        await asyncio.sleep(max(0.0, began + (at + len(piece)) / RATE / speed - time.monotonic()))
        yield np.ascontiguousarray(piece).astype("<i2").tobytes()


async def _strike(session: Session, fault: Fault | None, after: float) -> None:
    await asyncio.sleep(after)
    if fault is not None:
        await fault(session)
