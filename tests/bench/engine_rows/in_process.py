"""The very engine that the asr service serves, called without a wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from locution.engine.v1 import asr_service_pb2 as pb
from locution_asr import app, convert
from locution_asr.core.engine import Engine
from locution_asr.domain.models import PcmChunk
from locution_asr.settings import AsrSettings
from locution_common.service import Context, Service, serving

from tests.bench.engine_client import start_message
from tests.bench.engine_rows.bench import Bench, warm_up
from tests.bench.recordings import MODELS, RATE, Pcm


@dataclass(frozen=True, slots=True)
class EngineInProcess:
    """Calls the engine as its servicer does."""

    engine: Engine
    model: str
    mode: str

    async def all(self, audios: Sequence[Pcm], language: str) -> None:
        """Transcribe sections, all at once, each in a flow of its own."""
        calls = (self._one(audio, language, f"bench-{number}") for number, audio in enumerate(audios))
        await asyncio.gather(*calls)

    async def _one(self, audio: Pcm, language: str, flow: str) -> None:
        message = pb.TranscribeRequest(start=start_message(self.model, self.mode, language, flow))
        start = await convert.section_start(_only(message), asyncio.get_running_loop().time())
        async with aclosing(self.engine.transcribe(start, _chunks(audio))) as events:
            async for _event in events:
                pass


@asynccontextmanager
async def engine_in_process(bench: Bench, model: str) -> AsyncIterator[EngineInProcess]:
    """Start the service's own composition here, with the settings of the process under test, and take its engine."""
    engines: list[Engine] = []

    async def start(stack: AsyncExitStack, context: Context[AsrSettings]) -> Service:
        service = await app.start(stack, context)
        engines.append(_engine_of(service))
        return service

    values: dict[str, Any] = {
        "listen": "127.0.0.1:0",
        "service_token": bench.installation.secret("service-token"),
        "models_root": MODELS,
        "registry_address": bench.installation.address("registry"),
        "asr_device": bench.device,
    }
    settings = AsrSettings(**values)
    async with serving(settings, start, name="asr-in-process"):
        made = EngineInProcess(engines[0], f"whisper/{model}", bench.mode)
        await made.all([warm_up()], "en")
        yield made


def _engine_of(service: Service) -> Engine:
    """Take the engine out of the servicer, which is where the composition puts it."""
    (register,) = service.servicers
    servicer: Any = register.args[0]  # type: ignore[attr-defined]  # a partial of the servicer
    engine: Engine = servicer._engine
    return engine


async def _only(message: pb.TranscribeRequest) -> AsyncIterator[pb.TranscribeRequest]:
    yield message


async def _chunks(audio: Pcm) -> AsyncIterator[PcmChunk]:
    for offset in range(0, len(audio), RATE):
        yield PcmChunk(offset, audio[offset : offset + RATE])
