"""Translate between the messages of Listen and the domain."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
from locution.engine.v1 import asr_service_pb2 as pb
from locution.engine.v1 import common_pb2
from locution_common.engine.models import TrafficClass
from locution_common.errors import Reason, Refused
from locution_common.pcm import OffsetChecker

from locution_asr import convert
from locution_asr.core.engine import Started
from locution_asr.core.languages import from_bcp47, to_bcp47
from locution_asr.core.listen import (
    Final,
    Flush,
    LiveEvent,
    LiveInput,
    LiveProgress,
    LiveReport,
    LiveStart,
    SpeechEnded,
    SpeechStarted,
    Update,
)
from locution_asr.core.look import Partial
from locution_asr.core.speech import FRAME
from locution_asr.domain.models import PcmChunk


async def live_start(requests: AsyncIterator[pb.ListenRequest], monotonic: float) -> LiveStart:
    """Read the first message; refused with STREAM_PROTOCOL_VIOLATED unless it is the `start` of a live stream."""
    request = await anext(requests, None)
    if request is None or request.WhichOneof("message") != "start":
        raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "the first message must be `start`")
    start = request.start
    section = convert.section_of(start.options, monotonic)
    if section.traffic is not TrafficClass.LIVE:
        raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "a stream that listens is of the class LIVE")
    if start.first_sample % FRAME:
        raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, f"first_sample must be a multiple of {FRAME}")
    return LiveStart(
        section=section,
        step=start.step_samples,
        silence=start.endpoint_samples,
        longest=start.longest_samples,
        partials=start.partials,
        first=start.first_sample,
        done=max(start.done_sample, start.first_sample),
        language=from_bcp47(start.heard_language) if start.heard_language else None,
    )


async def inputs(requests: AsyncIterator[pb.ListenRequest], first: int) -> AsyncIterator[LiveInput]:
    """Yield what follows; refused with STREAM_PROTOCOL_VIOLATED on a second start, AUDIO_OFFSET_MISMATCH on a gap."""
    checker = OffsetChecker(first, max_samples=convert.LONGEST_CHUNK)
    async for request in requests:
        match request.WhichOneof("message"):
            case "audio":
                chunk = checker.check(request.audio.start_sample, request.audio.pcm)
                yield PcmChunk(chunk.offset, np.frombuffer(chunk.data, "<i2"))
            case "flush":
                yield Flush()
            case "update":
                yield _update(request.update)
            case _:
                raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "`start` comes once, at the beginning")


def response(event: Started | LiveEvent) -> pb.ListenResponse:
    """Return the message that carries an event."""
    match event:
        case Started():
            return pb.ListenResponse(started=convert.started(event))
        case SpeechStarted():
            return pb.ListenResponse(speech_started=pb.ListenSpeech(sample=event.sample))
        case SpeechEnded():
            return pb.ListenResponse(speech_ended=pb.ListenSpeech(sample=event.sample))
        case Partial():
            return pb.ListenResponse(partial=_partial(event))
        case Final():
            return pb.ListenResponse(final=_final(event))
        case LiveProgress():
            return pb.ListenResponse(
                progress=pb.ListenProgress(done_sample=event.done, keep_from_sample=event.keep_from)
            )
        case LiveReport():
            return pb.ListenResponse(done=_done(event))


def _update(update: pb.ListenUpdate) -> Update:
    language = update.language if update.HasField("language") else None
    return Update(
        language=None if language in (None, "", "auto") else from_bcp47(language or ""),
        detect=language in ("", "auto"),
        prompt=update.prompt if update.HasField("prompt") else None,
        hotwords=tuple(update.vocabulary.hotwords) if update.HasField("vocabulary") else None,
    )


def _partial(event: Partial) -> pb.ListenPartial:
    return pb.ListenPartial(
        start_sample=event.start,
        confirmed=[convert.word_message(word) for word in event.confirmed],
        unstable=event.unstable,
        heard_sample=event.heard,
    )


def _final(event: Final) -> pb.ListenFinal:
    return pb.ListenFinal(
        start_sample=event.span.start,
        end_sample=event.span.end,
        text=" ".join(segment.text for segment in event.segments),
        words=[convert.word_message(word) for segment in event.segments for word in segment.words],
        language=to_bcp47(event.language),
        reason=event.reason,
    )


def _done(event: LiveReport) -> pb.ListenDone:
    return pb.ListenDone(
        sample_count=event.length,
        timings=common_pb2.EngineTimings(
            queue_seconds=event.queue_wait,
            compute_seconds=event.compute,
            windows=event.windows,
            redone_windows=event.redone,
        ),
    )
