"""Client of locution.engine.v1.AsrService."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import grpc
from locution.engine.v1 import asr_service_pb2 as pb
from locution.engine.v1 import asr_service_pb2_grpc, common_pb2
from locution_common.errors import Reason, Refused

from locution_gateway.adapters.engines.exchange import Exchange
from locution_gateway.domain.config import DecodeMode, JobConfig, Task
from locution_gateway.domain.stages import Audio, Flow, Progress, SpeechAnswer
from locution_gateway.domain.transcripts import CoverageSpan, Outcome, SectionTranscript, Segment, Word

CHUNK_BYTES = 32_000
PREFERENCES = {
    None: pb.DECODE_PREFERENCE_UNSPECIFIED,
    DecodeMode.ACCURATE: pb.DECODE_PREFERENCE_ACCURATE,
    DecodeMode.FAST: pb.DECODE_PREFERENCE_FAST,
}
OUTCOMES = {
    pb.AsrCoverageSpan.OUTCOME_TRANSCRIBED: Outcome.TRANSCRIBED,
    pb.AsrCoverageSpan.OUTCOME_NO_SPEECH: Outcome.NO_SPEECH,
    pb.AsrCoverageSpan.OUTCOME_DROPPED: Outcome.DROPPED,
    pb.AsrCoverageSpan.OUTCOME_FAILED: Outcome.FAILED,
}


class GrpcSpeechEngine:
    """Speech to text by any asr replica behind a channel."""

    def __init__(self, channel: grpc.aio.Channel, stall_seconds: float) -> None:
        """Give a section up when the engine says nothing for `stall_seconds`."""
        self._stub = asr_service_pb2_grpc.AsrServiceStub(channel)
        self._stall = stall_seconds

    async def transcribe(
        self, flow: Flow, config: JobConfig, model: str, audio: Audio, progress: Progress
    ) -> SpeechAnswer:
        """Transcribe one section."""
        exchange = Exchange(self._stub.Transcribe(), _requests(start(flow, config, model), audio), self._stall)
        checksum, segments, done = "", list[Segment](), None
        async with aclosing(exchange.answers()) as answers:
            async for answer in answers:
                match answer.WhichOneof("message"):
                    case "started":
                        checksum = answer.started.checksum
                    case "segment":
                        exchange.found_result()
                        segments.append(segment(answer.segment))
                    case "progress":
                        exchange.found_result()
                        progress(answer.progress.end_sample)
                    case "done":
                        done = answer.done
        if done is None:
            raise Refused(Reason.DEPENDENCY_UNAVAILABLE, "the engine ended a section without its result")
        return SpeechAnswer(transcript(segments, done), checksum)


async def _requests(begin: pb.TranscribeStart, audio: Audio) -> AsyncGenerator[pb.TranscribeRequest]:
    yield pb.TranscribeRequest(start=begin)
    async for chunk in chunks(audio):
        yield pb.TranscribeRequest(audio=chunk)


async def chunks(audio: Audio) -> AsyncGenerator[common_pb2.AudioChunk]:
    """Yield a section's PCM as messages of at most one second with their sample offsets."""
    offset = 0
    async for pcm in audio():
        for begin in range(0, len(pcm), CHUNK_BYTES):
            piece = pcm[begin : begin + CHUNK_BYTES]
            yield common_pb2.AudioChunk(start_sample=offset, pcm=piece)
            offset += len(piece) // 2


def flow_message(flow: Flow) -> common_pb2.Flow:
    """Return who asks, for work on a recording."""
    return common_pb2.Flow(key=flow.key, weight=flow.weight, work_class=common_pb2.WORK_CLASS_FILE)


def start(flow: Flow, config: JobConfig, model: str) -> pb.TranscribeStart:
    """Return what is wanted of a section."""
    return pb.TranscribeStart(
        flow=flow_message(flow),
        model=model,
        language=config.language,
        language_candidates=config.language_candidates,
        translate=config.task is Task.TRANSLATE,
        prompt=config.prompt,
        hotwords=config.hotwords,
        beam_size=config.beam_size,
        word_times=config.word_times,
        decode_preference=PREFERENCES[config.decode_mode],
        max_temperature=config.max_temperature,
    )


def segment(found: pb.AsrSegment) -> Segment:
    """Return a segment of the engine, positions in the section."""
    return Segment(
        start=found.start_sample,
        end=found.end_sample,
        text=found.text.strip(),
        words=tuple(word(each) for each in found.words if each.text.strip()),
        language=found.language or None,
        language_probability=found.language_probability if found.HasField("language_probability") else None,
        mean_log_probability=found.mean_log_probability if found.HasField("mean_log_probability") else None,
    )


def word(found: pb.AsrWord) -> Word:
    """Return a word of the engine, positions in the section."""
    return Word(
        start=found.start_sample,
        end=found.end_sample,
        text=found.text.strip(),
        probability=found.probability if found.HasField("probability") else None,
        alignment_score=found.alignment_score if found.HasField("alignment_score") else None,
        aligned=found.aligned,
    )


def transcript(segments: list[Segment], done: pb.TranscribeDone) -> SectionTranscript:
    """Return what the engine gave for a section."""
    coverage = tuple(
        CoverageSpan(span.start_sample, span.end_sample, OUTCOMES[span.outcome], span.reason or None)
        for span in done.coverage
    )
    return SectionTranscript(
        segments=tuple(segments),
        coverage=coverage,
        speech_samples=done.speech_sample_count,
        queue_seconds=done.timings.queue_seconds,
        compute_seconds=done.timings.compute_seconds,
    )
