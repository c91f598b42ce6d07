"""Transcripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from locution.v1 import transcript_service_pb2 as pb
from locution_common.errors import Reason, Refused
from locution_speech.clock import samples
from locution_speech.speakers import Turn
from locution_speech.transcript import CoverageSpan, Segment, Word

from locution_gateway.jobs.convert import warning_to_proto
from locution_gateway.jobs.models import Job
from locution_gateway.platform.convert import offset
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.names import JOBS, VOICES
from locution_gateway.transcripts.formats import Format
from locution_gateway.transcripts.formats.layout import BROADCAST, TELETEXT, VERTICAL, Layout, SpeakerStyle
from locution_gateway.transcripts.models import Speaker, TranscriptSummary

FORMATS: Final[Mapping[int, Format]] = {
    pb.ExportTranscriptRequest.FORMAT_TXT: Format.TXT,
    pb.ExportTranscriptRequest.FORMAT_SRT: Format.SRT,
    pb.ExportTranscriptRequest.FORMAT_VTT: Format.VTT,
    pb.ExportTranscriptRequest.FORMAT_JSON: Format.JSON,
    pb.ExportTranscriptRequest.FORMAT_RTTM: Format.RTTM,
}

PRESETS: Final[Mapping[int, Layout]] = {
    pb.SubtitleOptions.PRESET_UNSPECIFIED: BROADCAST,
    pb.SubtitleOptions.PRESET_BROADCAST: BROADCAST,
    pb.SubtitleOptions.PRESET_TELETEXT: TELETEXT,
    pb.SubtitleOptions.PRESET_VERTICAL: VERTICAL,
}
STYLES: Final[Mapping[int, SpeakerStyle]] = {
    pb.SubtitleOptions.SPEAKER_STYLE_NONE: SpeakerStyle.NONE,
    pb.SubtitleOptions.SPEAKER_STYLE_PREFIX: SpeakerStyle.PREFIX,
    pb.SubtitleOptions.SPEAKER_STYLE_VOICE: SpeakerStyle.VOICE,
    pb.SubtitleOptions.SPEAKER_STYLE_DASHES: SpeakerStyle.DASHES,
}


def transcript_job(name: str) -> JobId:
    """Return the job's id of a transcript's name."""
    return JOBS.id(name.removesuffix("/transcript"))


def layout(request: pb.ExportTranscriptRequest) -> Layout:
    """Return the preset of subtitles with the request's own values. Refuses options without effect: INVALID_REQUEST."""
    options, kind = request.subtitles, FORMATS[request.format]
    if request.HasField("subtitles") and kind not in (Format.SRT, Format.VTT):
        raise _refused("subtitles", "this format has no cues: use FORMAT_SRT or FORMAT_VTT")
    found = PRESETS[options.preset]
    if options.HasField("max_line_width"):
        found = replace(found, width=options.max_line_width, wide_width=options.max_line_width)
    if options.HasField("max_lines"):
        found = replace(found, lines=options.max_lines)
    if options.HasField("max_duration"):
        found = replace(found, longest=samples(options.max_duration.ToTimedelta().total_seconds()))
    speakers = STYLES.get(options.speaker_style, found.speakers)
    found = replace(found, speakers=speakers, reading_speed=options.reading_speed_notes)
    _refuse_without_effect(found, kind)
    return found


def _refuse_without_effect(found: Layout, kind: Format) -> None:
    if kind is Format.SRT and found.speakers is SpeakerStyle.VOICE:
        raise _refused("subtitles.speaker_style", "SubRip has no voice tags: use FORMAT_VTT")
    if kind is Format.SRT and found.reading_speed:
        raise _refused("subtitles.reading_speed_notes", "SubRip has no notes: use FORMAT_VTT")
    if found.speakers is SpeakerStyle.DASHES and found.lines < 2:
        raise _refused("subtitles.max_lines", "dashes need two lines: choose another speaker_style")


def _refused(field: str, message: str) -> Refused:
    return Refused(Reason.INVALID_REQUEST, message, field=field)


def transcript_to_proto(job: Job, summary: TranscriptSummary, segments: Iterable[Segment]) -> pb.Transcript:
    """Return a whole transcript."""
    return pb.Transcript(
        name=f"{JOBS.name(job.job_id)}/transcript",
        duration=offset(summary.duration_samples),
        language=summary.language,
        segments=segments_to_proto(segments, 0),
        speakers=map(_speaker, summary.speakers or ()),
        turns=map(_turn, summary.turns or ()),
        coverage=map(_span, summary.coverage),
        speech_coverage=summary.speech_coverage,
        warnings=map(warning_to_proto, job.warnings),
    )


def segments_to_proto(segments: Iterable[Segment], first: int) -> list[pb.Segment]:
    """Return segments, numbered from `first`."""
    return [_segment(segment, index) for index, segment in enumerate(segments, first)]


def _segment(segment: Segment, index: int) -> pb.Segment:
    return pb.Segment(
        index=index,
        start_offset=offset(segment.start),
        end_offset=offset(segment.end),
        text=segment.text,
        words=map(_word, segment.words),
        speaker=segment.speaker,
        language=segment.language,
        language_probability=segment.language_probability,
        mean_log_probability=segment.mean_log_probability,
        channel=segment.channel,
    )


def _word(word: Word) -> pb.Word:
    aligned, spread = pb.Word.TIME_SOURCE_ALIGNMENT, pb.Word.TIME_SOURCE_INTERPOLATION
    return pb.Word(
        start_offset=offset(word.start),
        end_offset=offset(word.end),
        text=word.text,
        probability=word.probability,
        speaker=word.speaker,
        speaker_confidence=word.speaker_confidence,
        time_source=aligned if word.aligned else spread,
    )


def _speaker(speaker: Speaker) -> pb.Speaker:
    return pb.Speaker(
        label=speaker.label,
        speech_duration=offset(speaker.speech_samples),
        voice=None if speaker.voice is None else VOICES.name(speaker.voice),
        display_name=speaker.display_name,
    )


def _turn(turn: Turn[str]) -> pb.Turn:
    return pb.Turn(start_offset=offset(turn.start), end_offset=offset(turn.end), speaker=turn.speaker)


def _span(span: CoverageSpan) -> pb.CoverageSpan:
    return pb.CoverageSpan(
        start_offset=offset(span.start),
        end_offset=offset(span.end),
        outcome=pb.CoverageSpan.Outcome.Value(f"OUTCOME_{span.outcome.value}"),
        reason=span.reason,
        channel=span.channel,
    )
