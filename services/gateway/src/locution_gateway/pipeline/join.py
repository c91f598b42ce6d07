"""Join sections and turns into the transcript of a recording."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from locution_common.errors import Reason
from locution_speech.speakers import Turn, label
from locution_speech.transcript import CoverageSpan, Outcome, Segment

from locution_gateway.jobs.models import Job, JobWarning, Section
from locution_gateway.media.models import ChannelMode
from locution_gateway.pipeline.models import Joined
from locution_gateway.pipeline.speakers import assign
from locution_gateway.pipeline.warnings import failed_sections, language_uncertain, speech_without_text
from locution_gateway.transcripts.models import SectionTranscript, Speaker, TranscriptSummary
from locution_gateway.voices.models import KnownVoice

Placed = tuple[Section, int, SectionTranscript]
"""A section, its channel, and its transcript with positions in the section."""


def join(
    job: Job,
    sections: Sequence[Section],
    transcribed: Sequence[Placed],
    failed: Sequence[tuple[Section, int, Reason]],
    spans: Sequence[Sequence[Turn[int]]] | None,
    warnings: Sequence[JobWarning] = (),
    names: Mapping[int, KnownVoice] | None = None,
) -> Joined:
    """Return the transcript.

    `failed` names sections without a result by their reason; `spans` holds the speakers' spans of each section, or None
    without diarization; `names` holds the voices of the identified speakers.
    """
    separate = job.config.channel_mode is ChannelMode.SEPARATE
    turns = None if spans is None else _turns(sections, spans)
    segments = assign(_segments(transcribed, separate), turns or ())
    coverage = _coverage(transcribed, failed, separate)
    summary = TranscriptSummary(
        duration_samples=job.audio_samples or 0,
        language=_language(segments),
        speakers=None if turns is None else _speakers(turns, names or {}),
        turns=None if turns is None else tuple(turns),
        coverage=tuple(coverage),
        speech_coverage=_speech_coverage(coverage),
        segment_count=len(segments),
    )
    speech = sum(transcript.speech_samples for _, _, transcript in transcribed)
    found = (
        *failed_sections(failed),
        *speech_without_text(_coverage(transcribed, (), separate)),
        *language_uncertain(segments),
    )
    return Joined(summary, tuple(segments), (*warnings, *found), speech)


def _segments(transcribed: Sequence[Placed], separate: bool) -> list[Segment]:
    moved = [
        replace(segment.moved(section.start), channel=channel if separate else None)
        for section, channel, transcript in transcribed
        for segment in transcript.segments
    ]
    return sorted(moved, key=lambda segment: (segment.start, segment.channel or 0))


def _turns(sections: Sequence[Section], spans: Sequence[Sequence[Turn[int]]]) -> list[Turn[str]]:
    """Return turns of the recording in order; a turn that crosses a cut is one turn."""
    placed = [
        Turn(section.start + span.start, section.start + span.end, label(span.speaker))
        for section, found in zip(sections, spans, strict=True)
        for span in found
    ]
    merged: list[Turn[str]] = []
    last: dict[str, int] = {}
    for turn in sorted(placed, key=lambda turn: (turn.start, turn.end)):
        position = last.get(turn.speaker)
        if position is not None and merged[position].end == turn.start:
            merged[position] = replace(merged[position], end=turn.end)
        else:
            last[turn.speaker] = len(merged)
            merged.append(turn)
    return merged


def _speakers(turns: Iterable[Turn[str]], names: Mapping[int, KnownVoice]) -> tuple[Speaker, ...]:
    named = {label(speaker): voice for speaker, voice in names.items()}
    spoken: dict[str, int] = defaultdict(int)
    for turn in turns:
        spoken[turn.speaker] += turn.length
    return tuple(_speaker(name, samples, named.get(name)) for name, samples in spoken.items())


def _speaker(name: str, samples: int, voice: KnownVoice | None) -> Speaker:
    if voice is None:
        return Speaker(name, samples)
    return Speaker(name, samples, voice.voice_id, voice.display_name)


def _coverage(
    transcribed: Sequence[Placed], failed: Sequence[tuple[Section, int, Reason]], separate: bool
) -> list[CoverageSpan]:
    spans = [
        replace(span.moved(section.start), channel=channel)
        for section, channel, transcript in transcribed
        for span in transcript.coverage
    ]
    spans += [
        CoverageSpan(section.start, section.end, Outcome.FAILED, reason, channel) for section, channel, reason in failed
    ]
    ordered = sorted(spans, key=lambda span: (span.channel or 0, span.start))
    merged = _merged(ordered)
    return merged if separate else [replace(span, channel=None) for span in merged]


def _merged(spans: Sequence[CoverageSpan]) -> list[CoverageSpan]:
    result = list(spans[:1])
    for before, span in pairwise(spans):
        if _alike(before, span):
            result[-1] = replace(result[-1], end=span.end)
        else:
            result.append(span)
    return result


def _alike(before: CoverageSpan, span: CoverageSpan) -> bool:
    same = (before.outcome, before.reason, before.channel) == (span.outcome, span.reason, span.channel)
    return same and before.end == span.start


def _speech_coverage(coverage: Iterable[CoverageSpan]) -> float | None:
    """Return the share of speech that has text; failed stretches count as speech without text."""
    lengths: dict[Outcome, int] = defaultdict(int)
    for span in coverage:
        lengths[span.outcome] += span.length
    speech = lengths[Outcome.TRANSCRIBED] + lengths[Outcome.DROPPED] + lengths[Outcome.FAILED]
    return lengths[Outcome.TRANSCRIBED] / speech if speech else None


def _language(segments: Iterable[Segment]) -> str | None:
    spoken: dict[str, int] = defaultdict(int)
    for segment in segments:
        if segment.language:
            spoken[segment.language] += segment.length
    return max(sorted(spoken), key=spoken.__getitem__) if spoken else None
