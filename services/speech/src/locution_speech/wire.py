"""The only conversion to and from locution.engine.v1, but for speakers (wire_speakers).

Reading an impossible value, such as a word that ends before it begins, raises ValueError.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from locution.engine.v1 import asr_service_pb2 as asr_pb
from locution.engine.v1 import common_pb2

from locution_speech.asr import (
    DecodeMode,
    EngineSizes,
    Flush,
    ListenDone,
    ListenEvent,
    ListenFinal,
    ListenPartial,
    ListenProgress,
    ListenStart,
    ListenUpdate,
    ModeChoice,
    Options,
    SectionDone,
    SectionStart,
    SpeechEvent,
    Started,
    Task,
)
from locution_speech.clock import samples, seconds
from locution_speech.engine.models import Flow, FlowKey, ModelName, Timings, TrafficClass
from locution_speech.languages import AUTO
from locution_speech.pcm import Chunk
from locution_speech.transcript import CoverageSpan, Outcome, Segment, Word

DEFAULT_BEAM = 5

_TRAFFIC = {
    common_pb2.WORK_CLASS_LIVE: TrafficClass.LIVE,
    common_pb2.WORK_CLASS_FILE: TrafficClass.FILE,
}
_WORK_CLASSES = {traffic: number for number, traffic in _TRAFFIC.items()}
_MODES = {
    asr_pb.DECODE_PREFERENCE_UNSPECIFIED: ModeChoice.QUALIFIED,
    asr_pb.DECODE_PREFERENCE_ACCURATE: ModeChoice.ACCURATE,
    asr_pb.DECODE_PREFERENCE_FAST: ModeChoice.FAST,
    asr_pb.DECODE_PREFERENCE_FAST_UNQUALIFIED: ModeChoice.FAST_UNQUALIFIED,
}
_PREFERENCES = {mode: number for number, mode in _MODES.items()}


# Flows, audio and timings.


def flow_to_proto(flow: Flow) -> common_pb2.Flow:
    """Convert a flow. Its deadline is of one process's clock and is omitted."""
    return common_pb2.Flow(key=flow.key, share=flow.share, work_class=_WORK_CLASSES[flow.traffic])


def flow_from_proto(flow: common_pb2.Flow, monotonic: float) -> Flow:
    """Convert a flow; `monotonic` is the event loop's time, which the deadline is converted to."""
    deadline = None
    if flow.HasField("deadline"):
        deadline = monotonic + (flow.deadline.ToDatetime(tzinfo=UTC) - datetime.now(UTC)).total_seconds()
    return Flow(FlowKey(flow.key), flow.share or 1, _TRAFFIC[flow.work_class], deadline)


def audio_to_proto(chunk: Chunk) -> common_pb2.AudioChunk:
    """Convert audio."""
    return common_pb2.AudioChunk(start_sample=chunk.offset, pcm=chunk.data)


def timings_to_proto(timings: Timings) -> common_pb2.EngineTimings:
    """Convert timings."""
    return common_pb2.EngineTimings(
        queue_seconds=timings.queue_seconds,
        compute_seconds=timings.compute_seconds,
        windows=timings.windows,
        redone_windows=timings.redone_windows,
        mean_batch_size=timings.mean_batch_size,
    )


def timings_from_proto(timings: common_pb2.EngineTimings) -> Timings:
    """Convert timings."""
    return Timings(
        timings.queue_seconds,
        timings.compute_seconds,
        timings.windows,
        timings.redone_windows,
        timings.mean_batch_size,
    )


# Speech to text.


def section_start_to_proto(start: SectionStart) -> asr_pb.TranscribeStart:
    """Convert the options of a section."""
    options = start.options
    return asr_pb.TranscribeStart(
        flow=flow_to_proto(start.flow),
        model=start.model,
        language=options.language or AUTO,
        language_candidates=options.allowed_languages,
        translate=options.task is Task.TRANSLATE,
        prompt=options.prompt,
        hotwords=options.hotwords,
        beam_size=options.beam_size,
        word_times=options.word_times,
        max_temperature=options.max_temperature,
        decode_preference=_PREFERENCES[options.mode],
        min_encoder_input=_length_to_proto(options.shortest_input),
    )


def section_start_from_proto(start: asr_pb.TranscribeStart, monotonic: float) -> SectionStart:
    """Convert the options of a section; `monotonic` as for a flow."""
    options = Options(
        language=None if start.language in ("", AUTO) else start.language,
        allowed_languages=tuple(start.language_candidates),
        task=Task.TRANSLATE if start.translate else Task.TRANSCRIBE,
        prompt=start.prompt,
        hotwords=tuple(start.hotwords),
        beam_size=start.beam_size or DEFAULT_BEAM,
        word_times=start.word_times,
        max_temperature=start.max_temperature,
        mode=_MODES[start.decode_preference],
        shortest_input=_length_from_proto(start.min_encoder_input) if start.HasField("min_encoder_input") else None,
    )
    return SectionStart(ModelName(start.model), flow_from_proto(start.flow, monotonic), options)


def started_to_proto(started: Started) -> asr_pb.TranscribeStarted:
    """Convert the effective configuration of a stream."""
    return asr_pb.TranscribeStarted(
        model=started.model,
        checksum=started.checksum,
        fast=started.mode is DecodeMode.FAST,
        device=started.device,
        min_encoder_input=_length_to_proto(started.shortest_input),
        frame_samples=started.sizes.frame if started.sizes else 0,
        warm_up_samples=started.sizes.warm_up if started.sizes else 0,
        longest_window_samples=started.sizes.longest_window if started.sizes else 0,
    )


def started_from_proto(started: asr_pb.TranscribeStarted) -> Started:
    """Convert the effective configuration of a stream."""
    shortest = _length_from_proto(started.min_encoder_input) if started.HasField("min_encoder_input") else None
    mode = DecodeMode.FAST if started.fast else DecodeMode.ACCURATE
    return Started(started.model, started.checksum, started.device, mode, shortest, _sizes_from_proto(started))


def _sizes_from_proto(started: asr_pb.TranscribeStarted) -> EngineSizes | None:
    if started.frame_samples < 1:
        return None
    return EngineSizes(started.frame_samples, started.warm_up_samples, started.longest_window_samples)


def segment_to_proto(segment: Segment) -> asr_pb.AsrSegment:
    """Convert a segment."""
    return asr_pb.AsrSegment(
        start_sample=segment.start,
        end_sample=segment.end,
        text=segment.text,
        words=map(_word_to_proto, segment.words),
        language=segment.language or "",
        language_probability=segment.language_probability,
        mean_log_probability=segment.mean_log_probability,
    )


def segment_from_proto(segment: asr_pb.AsrSegment) -> Segment:
    """Convert a segment."""
    return Segment(
        start=segment.start_sample,
        end=segment.end_sample,
        text=segment.text.strip(),
        words=_words_from_proto(segment.words),
        language=segment.language or None,
        language_probability=segment.language_probability if segment.HasField("language_probability") else None,
        mean_log_probability=segment.mean_log_probability if segment.HasField("mean_log_probability") else None,
    )


def _word_to_proto(word: Word) -> asr_pb.AsrWord:
    return asr_pb.AsrWord(
        start_sample=word.start,
        end_sample=word.end,
        text=f" {word.text}" if word.spaced else word.text,
        probability=word.probability,
        aligned=word.aligned,
    )


def _words_from_proto(words: Iterable[asr_pb.AsrWord]) -> tuple[Word, ...]:
    return tuple(
        Word(
            start=word.start_sample,
            end=word.end_sample,
            text=word.text.strip(),
            probability=word.probability if word.HasField("probability") else None,
            aligned=word.aligned,
            spaced=word.text[0].isspace(),
        )
        for word in words
        if word.text.strip()
    )


def section_done_to_proto(done: SectionDone) -> asr_pb.TranscribeDone:
    """Convert the totals of a section."""
    return asr_pb.TranscribeDone(
        sample_count=done.length,
        coverage=map(_coverage_to_proto, done.coverage),
        speech_sample_count=done.speech,
        text_speech_sample_count=done.text_speech,
        timings=timings_to_proto(done.timings),
    )


def section_done_from_proto(done: asr_pb.TranscribeDone) -> SectionDone:
    """Convert the totals of a section."""
    return SectionDone(
        length=done.sample_count,
        speech=done.speech_sample_count,
        text_speech=done.text_speech_sample_count,
        coverage=tuple(map(_coverage_from_proto, done.coverage)),
        timings=timings_from_proto(done.timings),
    )


def _coverage_to_proto(span: CoverageSpan) -> asr_pb.AsrCoverageSpan:
    return asr_pb.AsrCoverageSpan(
        start_sample=span.start,
        end_sample=span.end,
        outcome=asr_pb.AsrCoverageSpan.Outcome.Value(f"OUTCOME_{span.outcome.value}"),
        reason=span.reason or "",
    )


def _coverage_from_proto(span: asr_pb.AsrCoverageSpan) -> CoverageSpan:
    outcome = asr_pb.AsrCoverageSpan.Outcome.Name(span.outcome).removeprefix("OUTCOME_")
    return CoverageSpan(span.start_sample, span.end_sample, Outcome(outcome), span.reason or None)


def _length_to_proto(length: int | None) -> Duration | None:
    if length is None:
        return None
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=seconds(length)))
    return duration


def _length_from_proto(length: Duration) -> int:
    return samples(length.ToTimedelta().total_seconds())


# Live speech.


def listen_start_to_proto(start: ListenStart) -> asr_pb.ListenStart:
    """Convert the options of a live stream."""
    return asr_pb.ListenStart(
        options=section_start_to_proto(start.section),
        step_samples=start.step,
        endpoint_samples=start.silence,
        longest_samples=start.longest,
        partials=start.partials,
        first_sample=start.first,
        done_sample=start.done,
        heard_language=start.language or "",
    )


def listen_start_from_proto(start: asr_pb.ListenStart, monotonic: float) -> ListenStart:
    """Convert the options of a live stream; `monotonic` as for a flow."""
    return ListenStart(
        section=section_start_from_proto(start.options, monotonic),
        step=start.step_samples,
        silence=start.endpoint_samples,
        longest=start.longest_samples,
        partials=start.partials,
        first=start.first_sample,
        done=max(start.done_sample, start.first_sample),
        language=start.heard_language or None,
    )


def listen_input_to_proto(message: Chunk | Flush | ListenUpdate) -> asr_pb.ListenRequest:
    """Convert audio, a flush or an update."""
    match message:
        case Chunk():
            return asr_pb.ListenRequest(audio=audio_to_proto(message))
        case Flush():
            return asr_pb.ListenRequest(flush=asr_pb.ListenFlush())
        case ListenUpdate():
            update = asr_pb.ListenUpdate(language=message.language, prompt=message.prompt)
            if message.hotwords is not None:
                update.vocabulary.CopyFrom(asr_pb.ListenVocabulary(hotwords=message.hotwords))
            return asr_pb.ListenRequest(update=update)


def update_from_proto(update: asr_pb.ListenUpdate) -> ListenUpdate:
    """Convert an update."""
    return ListenUpdate(
        language=update.language or AUTO if update.HasField("language") else None,
        prompt=update.prompt if update.HasField("prompt") else None,
        hotwords=tuple(update.vocabulary.hotwords) if update.HasField("vocabulary") else None,
    )


def listen_event_to_proto(event: Started | ListenEvent) -> asr_pb.ListenResponse:
    """Convert an event."""
    match event:
        case Started():
            return asr_pb.ListenResponse(started=started_to_proto(event))
        case SpeechEvent():
            speech = asr_pb.ListenSpeech(sample=event.sample)
            if event.began:
                return asr_pb.ListenResponse(speech_started=speech)
            return asr_pb.ListenResponse(speech_ended=speech)
        case ListenPartial():
            return asr_pb.ListenResponse(partial=_partial_to_proto(event))
        case ListenFinal():
            return asr_pb.ListenResponse(final=_final_to_proto(event))
        case ListenProgress():
            progress = asr_pb.ListenProgress(done_sample=event.done, keep_from_sample=event.keep_from)
            return asr_pb.ListenResponse(progress=progress)
        case ListenDone():
            done = asr_pb.ListenDone(sample_count=event.length, timings=timings_to_proto(event.timings))
            return asr_pb.ListenResponse(done=done)


def listen_event_from_proto(response: asr_pb.ListenResponse) -> Started | ListenEvent | None:
    """Convert an event; return None for one that this release does not know."""
    match response.WhichOneof("message"):
        case "started":
            return started_from_proto(response.started)
        case "speech_started":
            return SpeechEvent(response.speech_started.sample, True)
        case "speech_ended":
            return SpeechEvent(response.speech_ended.sample, False)
        case "partial":
            return _partial_from_proto(response.partial)
        case "final":
            return _final_from_proto(response.final)
        case "progress":
            return ListenProgress(response.progress.done_sample, response.progress.keep_from_sample)
        case "done":
            return ListenDone(response.done.sample_count, timings_from_proto(response.done.timings))
        case _:
            return None


def _partial_to_proto(partial: ListenPartial) -> asr_pb.ListenPartial:
    return asr_pb.ListenPartial(
        start_sample=partial.start,
        confirmed=map(_word_to_proto, partial.confirmed),
        unstable=partial.unstable,
        heard_sample=partial.heard,
        unstable_joined=partial.joined,
    )


def _partial_from_proto(partial: asr_pb.ListenPartial) -> ListenPartial:
    confirmed = _words_from_proto(partial.confirmed)
    return ListenPartial(
        partial.start_sample, confirmed, partial.unstable, partial.heard_sample, partial.unstable_joined
    )


def _final_to_proto(final: ListenFinal) -> asr_pb.ListenFinal:
    return asr_pb.ListenFinal(
        start_sample=final.start,
        end_sample=final.end,
        text=final.text,
        words=map(_word_to_proto, final.words),
        language=final.language,
        reason=final.reason,
    )


def _final_from_proto(final: asr_pb.ListenFinal) -> ListenFinal:
    words = _words_from_proto(final.words)
    return ListenFinal(final.start_sample, final.end_sample, final.text, words, final.language, final.reason)
