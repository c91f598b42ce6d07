"""Engines that answer at once with as much text and as many turns as real ones: for benches that measure the gateway.

python -m tests.bench.instant_engines --asr HOST:PORT --diarizer HOST:PORT
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from locution.engine.v1 import asr_service_pb2 as asr
from locution.engine.v1 import asr_service_pb2_grpc, diarizer_service_pb2_grpc
from locution.engine.v1 import diarizer_service_pb2 as dia

from tests.bench.recordings import RATE

Context = grpc.aio.ServicerContext[Any, Any]

SEGMENT = 5 * RATE
WORDS = 13
"""Words in a segment of 5 s: 2.6 a second, as in lively speech."""
TURN = 8 * RATE
VOICE = [0.0] * 191 + [1.0]


class InstantAsr(asr_service_pb2_grpc.AsrServiceServicer):
    """Says thirteen words for every five seconds."""

    async def Transcribe(
        self, requests: AsyncIterator[asr.TranscribeRequest], context: Context
    ) -> AsyncIterator[asr.TranscribeResponse]:
        yield asr.TranscribeResponse(started=asr.TranscribeStarted(model="instant", checksum="0" * 64, device="cpu"))
        samples = said = 0
        async for request in requests:
            samples += len(request.audio.pcm) // 2
            while samples - said >= SEGMENT:
                yield asr.TranscribeResponse(segment=_segment(said, said + SEGMENT))
                said += SEGMENT
        transcribed = asr.AsrCoverageSpan(
            start_sample=0, end_sample=samples, outcome=asr.AsrCoverageSpan.OUTCOME_TRANSCRIBED
        )
        yield asr.TranscribeResponse(
            done=asr.TranscribeDone(sample_count=samples, coverage=[transcribed], speech_sample_count=samples)
        )


class InstantDiarizer(diarizer_service_pb2_grpc.DiarizerServiceServicer):
    """Hears two speakers in turns of eight seconds."""

    async def Diarize(
        self, requests: AsyncIterator[dia.DiarizeRequest], context: Context
    ) -> AsyncIterator[dia.DiarizeResponse]:
        yield dia.DiarizeResponse(started=dia.DiarizeStarted(model="instant", checksum="0" * 64, device="cpu"))
        samples = 0
        async for request in requests:
            samples += len(request.audio.pcm) // 2
        section = dia.SectionSpeakers(sample_count=samples)
        for speaker in range(2):
            section.speakers.add(id=speaker, embedding=VOICE, speech_sample_count=samples // 2)
        for number, start in enumerate(range(0, samples, TURN)):
            section.turns.add(start_sample=start, end_sample=min(start + TURN, samples), speaker_id=number % 2)
        yield dia.DiarizeResponse(done=dia.DiarizeDone(section=section))

    async def Cluster(
        self, requests: AsyncIterator[dia.ClusterRequest], context: Context
    ) -> AsyncIterator[dia.ClusterResponse]:
        async for request in requests:
            if request.WhichOneof("message") == "section":
                turns = [
                    dia.SpeakerTurn(start_sample=turn.start_sample, end_sample=turn.end_sample, speaker=turn.speaker_id)
                    for turn in request.section.turns
                ]
                yield dia.ClusterResponse(turns=turns)


def _segment(start: int, end: int) -> asr.AsrSegment:
    step = (end - start) // WORDS
    words = [
        asr.AsrWord(
            start_sample=start + number * step,
            end_sample=start + (number + 1) * step,
            text=f" word{number}",
            probability=0.9,
            aligned=True,
        )
        for number in range(WORDS)
    ]
    text = "".join(word.text for word in words).strip()
    return asr.AsrSegment(
        start_sample=start, end_sample=end, text=text, words=words, language="en", mean_log_probability=-0.2
    )


async def serve(asr_address: str, diarizer_address: str) -> None:
    """Serve both until cancelled."""
    servers = []
    for address in (asr_address, diarizer_address):
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", 16 * 1024 * 1024)])
        asr_service_pb2_grpc.add_AsrServiceServicer_to_server(InstantAsr(), server)  # type: ignore[abstract]  # not live
        diarizer_service_pb2_grpc.add_DiarizerServiceServicer_to_server(InstantDiarizer(), server)
        checks = health.aio.HealthServicer()
        await checks.set("", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(checks, server)
        server.add_insecure_port(address)
        await server.start()
        servers.append(server)
    await asyncio.gather(*(server.wait_for_termination() for server in servers))


def main() -> None:
    """Serve until killed."""
    made = argparse.ArgumentParser(prog="python -m tests.bench.instant_engines", description=__doc__)
    made.add_argument("--asr", required=True, metavar="HOST:PORT")
    made.add_argument("--diarizer", required=True, metavar="HOST:PORT")
    options = made.parse_args()
    asyncio.run(serve(options.asr, options.diarizer))


if __name__ == "__main__":
    main()
