"""Client of locution.engine.v1.AsrService."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import grpc
from locution.engine.v1 import asr_service_pb2 as pb
from locution.engine.v1 import asr_service_pb2_grpc, common_pb2
from locution_common.errors import Reason, Refused
from locution_speech import asr, pcm, wire
from locution_speech.asr import SectionStart
from locution_speech.engine.models import Flow, ModelName
from locution_speech.languages import AUTO
from locution_speech.transcript import Segment

from locution_gateway.jobs.config import JobConfig
from locution_gateway.pipeline.engines.exchange import Exchange, believed
from locution_gateway.pipeline.models import Audio, Progress, SpeechAnswer
from locution_gateway.transcripts.models import SectionTranscript


class GrpcSpeechEngine:
    """Speech to text. Refuses with a `retry_after` if the engine did nothing."""

    def __init__(self, channel: grpc.aio.Channel, stall_seconds: float) -> None:
        """Fail if the engine is silent for `stall_seconds`."""
        self._stub = asr_service_pb2_grpc.AsrServiceStub(channel)
        self._stall = stall_seconds

    async def transcribe(
        self, flow: Flow, config: JobConfig, model: str, audio: Audio, progress: Progress
    ) -> SpeechAnswer:
        """Transcribe one section, and report the samples done."""
        exchange = Exchange(self._stub.Transcribe(), _requests(section_start(flow, config, model), audio), self._stall)
        checksum, segments, done = "", list[Segment](), None
        async with aclosing(exchange.answers()) as answers:
            async for answer in answers:
                match answer.WhichOneof("message"):
                    case "started":
                        checksum = answer.started.checksum
                    case "segment":
                        exchange.found_result()
                        with believed():
                            segments.append(wire.segment_from_proto(answer.segment))
                    case "progress":
                        exchange.found_result()
                        progress(answer.progress.end_sample)
                    case "done":
                        with believed():
                            done = wire.section_done_from_proto(answer.done)
        if done is None:
            raise Refused(Reason.DEPENDENCY_UNAVAILABLE, "the engine ended a section without a result")
        spent = done.timings
        transcript = SectionTranscript(
            tuple(segments), done.coverage, done.speech, spent.queue_seconds, spent.compute_seconds
        )
        return SpeechAnswer(transcript, checksum)


async def _requests(begin: SectionStart, audio: Audio) -> AsyncGenerator[pb.TranscribeRequest]:
    yield pb.TranscribeRequest(start=wire.section_start_to_proto(begin))
    async for chunk in chunks(audio):
        yield pb.TranscribeRequest(audio=chunk)


async def chunks(audio: Audio) -> AsyncGenerator[common_pb2.AudioChunk]:
    """Yield a section's PCM as messages of at most one second with their sample offsets."""
    offset = 0
    async for data in audio():
        for chunk in pcm.chunks(data, offset=offset):
            yield wire.audio_to_proto(chunk)
            offset = chunk.end


def section_start(flow: Flow, config: JobConfig, model: str) -> SectionStart:
    """Return the options of a section."""
    options = asr.Options(
        language=None if config.language == AUTO else config.language,
        allowed_languages=config.language_candidates,
        task=config.task,
        prompt=config.prompt,
        hotwords=config.hotwords,
        beam_size=config.beam_size,
        word_times=config.word_times,
        max_temperature=config.max_temperature,
        mode=asr.ModeChoice.QUALIFIED if config.decode_mode is None else asr.ModeChoice[config.decode_mode],
    )
    return SectionStart(ModelName(model), flow, options)
