"""A speech engine and a diarizer that obey: `python -m tests.chaos.engines HOST:PORT FOLDER`.

They speak locution.engine.v1 and compute nothing: the text of a section is a digest of its samples, so that any two
runs over the same audio must give the same transcript. `plan.json` in the folder says how often they hang, crash,
refuse or talk nonsense; every section that the speech engine worked on is a line of `sections.jsonl`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from locution.engine.v1 import asr_service_pb2 as asr
from locution.engine.v1 import asr_service_pb2_grpc, diarizer_service_pb2_grpc
from locution.engine.v1 import diarizer_service_pb2 as dia

Context = grpc.aio.ServicerContext[Any, Any]
STEP: Final = 2 * 16_000
GARBAGE: Final = ("gap", "outside", "backwards", "short", "early", "undecodable", "none")


@dataclass
class Plan:
    """What the engines do, read anew for each stream: shares of streams by what befalls them, and seconds of work."""

    folder: Path
    rng: random.Random = field(default_factory=lambda: random.Random(os.getpid()))

    def read(self) -> dict[str, float]:
        """Return the plan, empty where there is none."""
        try:
            return dict(json.loads((self.folder / "plan.json").read_text()))
        except (FileNotFoundError, json.JSONDecodeError):
            return {}

    def action(self) -> str:
        """Choose what befalls a stream: work, hang, crash, busy, unavailable or garbage."""
        draw, total = self.rng.random(), 0.0
        plan = self.read()
        for name in ("hang", "crash", "busy", "unavailable", "garbage"):
            total += plan.get(name, 0.0)
            if draw < total:
                return name
        return "work"

    async def work(self, samples: int) -> None:
        """Take the time that the plan gives to so much audio."""
        await asyncio.sleep(self.read().get("pace", 0.0) * samples / 16_000)


class Speech(asr_service_pb2_grpc.AsrServiceServicer):
    """Says digests."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    async def Transcribe(
        self, requests: AsyncIterator[asr.TranscribeRequest], context: Context
    ) -> AsyncIterator[asr.TranscribeResponse]:
        began, action = time.time(), self._plan.action()
        if action == "busy":
            await refuse(context)
        yield asr.TranscribeResponse(started=asr.TranscribeStarted(model="fake", checksum="0", device="cpu"))
        label, pcm = await receive(requests)
        samples = len(pcm) // 2
        await self._plan.work(samples // 2)
        if action == "unavailable":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "going away")
        yield asr.TranscribeResponse(progress=asr.TranscribeProgress(end_sample=samples // 2))
        await befall(action)
        await self._plan.work(samples - samples // 2)
        if action == "garbage":
            for nonsense in garbage(self._plan.rng.choice(GARBAGE), samples):
                yield nonsense
            return
        found = segment(pcm)
        log(self._plan.folder, label=label, text=found.text.strip(), began=began, ended=time.time())
        yield asr.TranscribeResponse(segment=found)
        yield done(samples, [(0, samples)])

    async def Listen(self, requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
        await refuse(context)
        yield


class Speakers(diarizer_service_pb2_grpc.DiarizerServiceServicer):
    """Hears two speakers in turns of two seconds."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    async def Diarize(
        self, requests: AsyncIterator[dia.DiarizeRequest], context: Context
    ) -> AsyncIterator[dia.DiarizeResponse]:
        action = self._plan.action()
        if action == "busy":
            await refuse(context)
        yield dia.DiarizeResponse(started=dia.DiarizeStarted(model="fake", checksum="0", device="cpu"))
        _, pcm = await receive(requests)
        samples = len(pcm) // 2
        await self._plan.work(samples)
        await befall(action)
        if action == "garbage":
            section = dia.SectionSpeakers(sample_count=samples // 2)
            section.turns.add(start_sample=samples, end_sample=-5, speaker_id=77)
            yield dia.DiarizeResponse(done=dia.DiarizeDone(section=section))
            return
        yield dia.DiarizeResponse(done=dia.DiarizeDone(section=speakers(samples)))

    async def Cluster(
        self, requests: AsyncIterator[dia.ClusterRequest], context: Context
    ) -> AsyncIterator[dia.ClusterResponse]:
        action = self._plan.action()
        await befall(action)
        async for request in requests:
            if request.WhichOneof("message") == "section":
                turns = [
                    dia.SpeakerTurn(start_sample=turn.start_sample, end_sample=turn.end_sample, speaker=turn.speaker_id)
                    for turn in request.section.turns
                ]
                if action == "garbage":
                    turns = [dia.SpeakerTurn(start_sample=9, end_sample=-9, speaker=-3)]
                yield dia.ClusterResponse(turns=turns)


async def receive(requests: AsyncIterator[Any]) -> tuple[str, bytes]:
    """Return the prompt, where there is one, and the audio; a gap in its offsets ends the engine."""
    label, pcm = "", bytearray()
    async for request in requests:
        if request.WhichOneof("message") == "audio":
            assert request.audio.start_sample * 2 == len(pcm)
            pcm += request.audio.pcm
        else:
            label = getattr(request.start, "prompt", "")
    return label, bytes(pcm)


async def befall(action: str) -> None:
    """Hang for ever or crash, if that is the action."""
    if action == "hang":
        await asyncio.Event().wait()
    if action == "crash":
        os.kill(os.getpid(), signal.SIGKILL)


def segment(pcm: bytes) -> asr.AsrSegment:
    """Return one segment whose words are digests of two seconds each."""
    samples = len(pcm) // 2
    words = [
        asr.AsrWord(
            start_sample=start,
            end_sample=min(start + STEP, samples),
            text=" " + hashlib.sha256(pcm[2 * start : 2 * (start + STEP)]).hexdigest()[:8],
            probability=0.5,
            aligned=True,
        )
        for start in range(0, samples, STEP)
    ]
    text = "".join(word.text for word in words)
    return asr.AsrSegment(start_sample=0, end_sample=samples, text=text, words=words, language="en")


def speakers(samples: int) -> dia.SectionSpeakers:
    """Return two speakers in turns."""
    section = dia.SectionSpeakers(sample_count=samples)
    for number in range(2):
        section.speakers.add(id=number, embedding=[1.0 - number, float(number)], speech_sample_count=samples // 2)
    for start in range(0, samples, STEP):
        section.turns.add(start_sample=start, end_sample=min(start + STEP, samples), speaker_id=start // STEP % 2)
    return section


def done(samples: int, spans: list[tuple[int, int]]) -> asr.TranscribeResponse:
    """Return the end of a section with its coverage."""
    coverage = [
        asr.AsrCoverageSpan(start_sample=start, end_sample=end, outcome=asr.AsrCoverageSpan.OUTCOME_TRANSCRIBED)
        for start, end in spans
    ]
    message = asr.TranscribeDone(sample_count=samples, coverage=coverage, speech_sample_count=samples)
    message.timings.compute_seconds = 0.01
    return asr.TranscribeResponse(done=message)


def garbage(kind: str, samples: int) -> list[asr.TranscribeResponse]:
    """Return answers that no engine may give."""
    lie = asr.AsrSegment(start_sample=0, end_sample=samples, text=" garbage", language="en")
    match kind:
        case "gap":
            return [asr.TranscribeResponse(segment=lie), done(samples, [(0, samples // 3), (samples // 2, samples)])]
        case "outside":
            lie.end_sample = samples * 9
            return [asr.TranscribeResponse(segment=lie), done(samples, [(0, samples)])]
        case "backwards":
            lie.start_sample, lie.end_sample = samples, 0
            return [asr.TranscribeResponse(segment=lie), done(samples, [(0, samples)])]
        case "short":
            return [asr.TranscribeResponse(segment=lie), done(samples // 2, [(0, samples // 2)])]
        case "early":
            return [done(samples, [])]
        case "undecodable":
            return [asr.TranscribeResponse()]
        case _:
            return []


async def refuse(context: Context) -> None:
    """Refuse as a full engine does."""
    status = status_pb2.Status(code=code_pb2.RESOURCE_EXHAUSTED, message="full")
    status.details.add().Pack(error_details_pb2.ErrorInfo(domain="locution", reason="ENGINE_OVERLOADED"))
    await context.abort_with_status(rpc_status.to_status(status))


def log(folder: Path, **line: object) -> None:
    """Append what was done with a section."""
    with (folder / "sections.jsonl").open("a") as out:
        out.write(json.dumps(line) + "\n")


async def serve(address: str, folder: Path) -> None:
    """Serve both engines and their health until the process is killed."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    plan = Plan(folder)
    asr_service_pb2_grpc.add_AsrServiceServicer_to_server(Speech(plan), server)
    diarizer_service_pb2_grpc.add_DiarizerServiceServicer_to_server(Speakers(plan), server)
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    server.add_insecure_port(address)
    await checks.set("", health_pb2.HealthCheckResponse.SERVING)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2])))
