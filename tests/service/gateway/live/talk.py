"""Talk to LiveService message by message."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
from locution.v1 import live_service_pb2 as pb
from locution.v1.live_service_pb2_grpc import LiveServiceStub
from locution_common.interceptors import RemoteFailure, remote_failure

SECOND = 16_000


def config(**fields: Any) -> pb.LiveConfig:
    """Return a configuration of 16 kHz PCM; `fields` go over it."""
    values: dict[str, Any] = {
        "encoding": pb.LiveConfig.ENCODING_PCM_S16LE,
        "sample_rate_hertz": SECOND,
        "language": "en",
    }
    values |= fields
    return pb.LiveConfig(**{name: value for name, value in values.items() if value is not None})


def noise(seconds: float, seed: int = 0) -> np.ndarray[Any, Any]:
    """Return samples of which no two stretches are alike."""
    return np.random.default_rng(seed).integers(-9000, 9000, round(seconds * SECOND)).astype("<i2")


@dataclass
class Talk:
    """One stream, with all that it was told."""

    call: Any
    started: pb.StreamStarted = field(default_factory=pb.StreamStarted)
    finals: dict[int, str] = field(default_factory=dict)
    acks: list[int] = field(default_factory=list)
    notices: list[pb.StreamNotice] = field(default_factory=list)
    speakers: dict[int, str] = field(default_factory=dict)
    corrected: dict[int, tuple[list[str], bool]] = field(default_factory=dict)
    partials: int = 0
    joined: bool = False
    done: pb.StreamDone | None = None

    async def say(self, **message: Any) -> None:
        await self.call.write(pb.StreamRequest(**message))

    async def begin(self, wanted: pb.LiveConfig | None = None) -> pb.StreamStarted:
        await self.say(start=pb.StreamStart(config=wanted or config()))
        return await self._started()

    async def resume(self, token: str, last_final: int = 0) -> pb.StreamStarted:
        await self.say(start=pb.StreamStart(resume=pb.StreamResume(resume_token=token, last_final_id=last_final)))
        return await self._started()

    async def send(self, audio: np.ndarray[Any, Any] | bytes, offset: int = 0, size: int = 3200) -> None:
        data = audio if isinstance(audio, bytes) else audio.astype("<i2").tobytes()
        for at in range(0, len(data), size):
            await self.say(audio=pb.StreamAudio(offset=offset + at // 2, data=data[at : at + size]))

    async def until_ack(self, offset: int) -> None:
        while not self.acks or self.acks[-1] < offset:
            assert await self.hear() is not None, "the stream ended"

    async def until_final(self, final_id: int) -> None:
        while final_id not in self.finals:
            assert await self.hear() is not None, "the stream ended"

    async def finish(self) -> Talk:
        await self.say(finish=pb.StreamFinish())
        return await self.rest()

    async def rest(self) -> Talk:
        while await self.hear() is not None:
            pass
        return self

    async def hear(self) -> pb.StreamResponse | None:
        answer = await self.call.read()
        if not isinstance(answer, pb.StreamResponse):
            code = await self.call.code()
            if code is not grpc.StatusCode.OK:
                raise grpc.aio.AioRpcError(
                    code,
                    await self.call.initial_metadata(),
                    await self.call.trailing_metadata(),
                    await self.call.details(),
                )
            return None
        self._note(answer)
        return answer

    async def leave(self) -> None:
        """Vanish, as a client whose machine dies."""
        self.call.cancel()
        await asyncio.sleep(0)

    async def refusal(self) -> RemoteFailure:
        """Listen until the stream is refused, and return how."""
        try:
            await self.rest()
        except grpc.aio.AioRpcError as error:
            return remote_failure(error)
        raise AssertionError("the stream was not refused")

    @property
    def texts(self) -> list[str]:
        return [self.finals[number] for number in sorted(self.finals)]

    async def _started(self) -> pb.StreamStarted:
        first = await self.hear()
        assert first is not None
        assert first.WhichOneof("message") == "started"
        return self.started

    def _note(self, answer: pb.StreamResponse) -> None:
        match answer.WhichOneof("message"):
            case "started":
                self.started = answer.started
            case "final":
                assert self.finals.get(answer.final.id, answer.final.text) == answer.final.text
                self.finals[answer.final.id] = answer.final.text
                self.speakers[answer.final.id] = answer.final.words[0].speaker if answer.final.words else ""
            case "speakers":
                self.corrected[answer.speakers.final_id] = (list(answer.speakers.speakers), answer.speakers.settled)
            case "ack":
                self.acks.append(answer.ack.offset)
            case "notice":
                self.notices.append(answer.notice)
            case "partial":
                self.partials += 1
                self.joined = answer.partial.unstable_joined
            case "done":
                self.done = answer.done


@dataclass
class Speaker:
    """Open streams on one connection."""

    stub: LiveServiceStub

    def talk(self) -> Talk:
        return Talk(self.stub.Stream())

    async def whole(self, audio: np.ndarray[Any, Any], wanted: pb.LiveConfig | None = None) -> Talk:
        """Send a recording and return what was told."""
        talk = self.talk()
        await talk.begin(wanted)
        sending = asyncio.create_task(talk.send(audio))
        while not sending.done() and await talk.hear() is not None:
            pass
        await sending
        return await talk.finish()
