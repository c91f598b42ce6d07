"""JSON with times as numbers in seconds; unknown values are absent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from locution_speech.clock import SAMPLE_RATE
from locution_speech.speakers import Turn
from locution_speech.transcript import CoverageSpan, Segment, Word

from locution_gateway.jobs.models import JobWarning
from locution_gateway.transcripts.models import Speaker, TranscriptSummary


async def write(name: str, summary: TranscriptSummary, segments: AsyncIterator[Segment]) -> AsyncIterator[str]:
    """Yield one JSON object, one segment at a time."""
    head = _dumps(_known(language=summary.language, duration=_seconds(summary.duration_samples)))
    yield f'{head[:-1]}, "segments": ['
    separator = ""
    async for segment in segments:
        yield f"{separator}{_dumps(segment_fields(segment))}"
        separator = ", "
    yield f"], {_dumps(_tail(summary))[1:]}\n"


def segment_fields(segment: Segment) -> Mapping[str, Any]:
    """Return a segment's values."""
    return _known(
        start=_seconds(segment.start),
        end=_seconds(segment.end),
        speaker=segment.speaker,
        text=segment.text,
        words=[_word(word) for word in segment.words],
        language=segment.language,
        language_probability=segment.language_probability,
        mean_log_probability=segment.mean_log_probability,
        channel=segment.channel,
    )


def _word(word: Word) -> Mapping[str, Any]:
    return _known(
        start=_seconds(word.start),
        end=_seconds(word.end),
        text=word.text,
        probability=word.probability,
        speaker=word.speaker,
        speaker_confidence=word.speaker_confidence,
    )


def _tail(summary: TranscriptSummary) -> Mapping[str, Any]:
    return _known(
        coverage=[_span(span) for span in summary.coverage],
        speakers=None if summary.speakers is None else [_speaker(speaker) for speaker in summary.speakers],
        turns=None if summary.turns is None else [_turn(turn) for turn in summary.turns],
        speech_coverage=summary.speech_coverage,
        warnings=[_warning(warning) for warning in summary.warnings] or None,
    )


def _warning(warning: JobWarning) -> Mapping[str, Any]:
    return _known(code=warning.code.value, message=warning.message, reason=warning.reason)


def _span(span: CoverageSpan) -> Mapping[str, Any]:
    return _known(
        start=_seconds(span.start),
        end=_seconds(span.end),
        outcome=span.outcome.value,
        reason=span.reason,
        channel=span.channel,
    )


def _speaker(speaker: Speaker) -> Mapping[str, Any]:
    return _known(
        label=speaker.label,
        speech=_seconds(speaker.speech_samples),
        voice=None if speaker.voice is None else f"voices/{speaker.voice}",
        display_name=speaker.display_name,
    )


def _turn(turn: Turn[str]) -> Mapping[str, Any]:
    return {"start": _seconds(turn.start), "end": _seconds(turn.end), "speaker": turn.speaker}


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _seconds(samples: int) -> float:
    return round(samples / SAMPLE_RATE, 6)


def _dumps(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
