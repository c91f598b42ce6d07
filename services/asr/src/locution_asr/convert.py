"""Translate between the protos and the domain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import numpy as np
from locution.engine.v1 import asr_service_pb2 as pb
from locution.engine.v1 import common_pb2
from locution_common.engine.models import FlowKey, TrafficClass, WeightName
from locution_common.errors import Reason, Refused
from locution_common.pcm import OffsetChecker

from locution_asr.core.engine import Started
from locution_asr.core.languages import from_bcp47, to_bcp47
from locution_asr.core.transcribe import Event, Progress
from locution_asr.domain.models import (
    SAMPLE_RATE,
    CoverageSpan,
    Mode,
    ModeChoice,
    Options,
    Outcome,
    PcmChunk,
    SectionReport,
    SectionStart,
    Segment,
    Task,
    Word,
    samples,
    seconds,
)

DEFAULT_BEAM = 5
LONGEST_CHUNK = 2 * SAMPLE_RATE

_TRAFFIC = {
    common_pb2.WORK_CLASS_LIVE: TrafficClass.LIVE,
    common_pb2.WORK_CLASS_FILE: TrafficClass.FILE,
}
_MODES = {
    pb.DECODE_PREFERENCE_UNSPECIFIED: ModeChoice.PROVEN,
    pb.DECODE_PREFERENCE_ACCURATE: ModeChoice.ACCURATE,
    pb.DECODE_PREFERENCE_FAST: ModeChoice.FAST,
    pb.DECODE_PREFERENCE_FAST_UNPROVEN: ModeChoice.FAST_UNPROVEN,
}
_OUTCOMES = {
    Outcome.TRANSCRIBED: pb.AsrCoverageSpan.OUTCOME_TRANSCRIBED,
    Outcome.NO_SPEECH: pb.AsrCoverageSpan.OUTCOME_NO_SPEECH,
    Outcome.DROPPED: pb.AsrCoverageSpan.OUTCOME_DROPPED,
    Outcome.FAILED: pb.AsrCoverageSpan.OUTCOME_FAILED,
}


async def section_start(requests: AsyncIterator[pb.TranscribeRequest], monotonic: float) -> SectionStart:
    """Read the first message; refused with STREAM_PROTOCOL_VIOLATED when it is anything but `start`.

    `monotonic` is the event loop's time, on which the deadline is placed.
    """
    request = await anext(requests, None)
    if request is None or request.WhichOneof("message") != "start":
        raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "the first message must be `start`")
    return section_of(request.start, monotonic)


def section_of(start: pb.TranscribeStart, monotonic: float) -> SectionStart:
    """Return what a start message asks for."""
    flow = start.flow
    return SectionStart(
        weight=WeightName(start.model),
        flow=FlowKey(flow.key),
        flow_weight=float(flow.weight or 1),
        traffic=_TRAFFIC[flow.work_class],
        deadline=_deadline(flow, monotonic),
        options=_options(start),
    )


async def pcm_chunks(requests: AsyncIterator[pb.TranscribeRequest]) -> AsyncIterator[PcmChunk]:
    """Yield the audio; refused with STREAM_PROTOCOL_VIOLATED on any other message, AUDIO_OFFSET_MISMATCH on a gap."""
    checker = OffsetChecker(max_samples=LONGEST_CHUNK)
    async for request in requests:
        if request.WhichOneof("message") != "audio":
            raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "only `audio` may follow `start`")
        chunk = checker.check(request.audio.start_sample, request.audio.pcm)
        yield PcmChunk(chunk.offset, np.frombuffer(chunk.data, "<i2"))


def response(event: Started | Event) -> pb.TranscribeResponse:
    """Return the message that carries an event."""
    match event:
        case Started():
            return pb.TranscribeResponse(started=started(event))
        case Segment():
            return pb.TranscribeResponse(segment=_segment(event))
        case Progress():
            return pb.TranscribeResponse(progress=pb.TranscribeProgress(end_sample=event.end))
        case SectionReport():
            return pb.TranscribeResponse(done=_done(event))


def _deadline(flow: common_pb2.Flow, monotonic: float) -> float | None:
    if not flow.HasField("deadline"):
        return None
    wanted = flow.deadline.ToDatetime(tzinfo=UTC)
    return monotonic + (wanted - datetime.now(UTC)).total_seconds()


def _options(start: pb.TranscribeStart) -> Options:
    return Options(
        language=None if start.language in ("", "auto") else from_bcp47(start.language),
        allowed_languages=tuple(from_bcp47(code) for code in start.language_candidates),
        task=Task.TRANSLATE if start.translate else Task.TRANSCRIBE,
        prompt=start.prompt,
        hotwords=tuple(start.hotwords),
        beam_size=start.beam_size or DEFAULT_BEAM,
        word_times=start.word_times,
        max_temperature=start.max_temperature,
        mode=_MODES[start.decode_preference],
        shortest_input=_shortest_input(start),
    )


def _shortest_input(start: pb.TranscribeStart) -> int | None:
    if not start.HasField("min_encoder_input"):
        return None
    return samples(start.min_encoder_input.ToTimedelta().total_seconds())


def started(event: Started) -> pb.TranscribeStarted:
    """Return what a stream runs with."""
    message = pb.TranscribeStarted(
        model=event.weight, checksum=event.checksum, fast=event.mode is Mode.FAST, device=event.device
    )
    if event.shortest_input is not None:
        message.min_encoder_input.FromTimedelta(timedelta(seconds=seconds(event.shortest_input)))
    return message


def _segment(segment: Segment) -> pb.AsrSegment:
    return pb.AsrSegment(
        start_sample=segment.span.start,
        end_sample=segment.span.end,
        text=segment.text,
        words=[word_message(word) for word in segment.words],
        language=to_bcp47(segment.language),
        language_probability=segment.language_probability,
        mean_log_probability=segment.mean_log_probability,
    )


def word_message(word: Word) -> pb.AsrWord:
    """Return a word."""
    return pb.AsrWord(
        start_sample=word.span.start,
        end_sample=word.span.end,
        text=word.text,
        probability=word.probability,
        aligned=word.aligned,
    )


def _done(report: SectionReport) -> pb.TranscribeDone:
    return pb.TranscribeDone(
        sample_count=report.length,
        coverage=[_coverage(item) for item in report.coverage],
        speech_sample_count=report.speech,
        text_speech_sample_count=report.text_speech,
        timings=_timings(report),
    )


def _coverage(item: CoverageSpan) -> pb.AsrCoverageSpan:
    return pb.AsrCoverageSpan(
        start_sample=item.span.start,
        end_sample=item.span.end,
        outcome=_OUTCOMES[item.outcome],
        reason=item.reason.name if item.reason else "",
    )


def _timings(report: SectionReport) -> common_pb2.EngineTimings:
    windows = report.windows
    return common_pb2.EngineTimings(
        queue_seconds=sum(window.queue_wait for window in windows),
        compute_seconds=sum(window.decode for window in windows),
        windows=len(windows),
        redone_windows=sum(window.passes > 1 for window in windows),
        mean_batch_size=sum(window.batch_size for window in windows) / len(windows) if windows else 0.0,
    )
