"""Segments as they are kept: small, and read back as they were, those of earlier releases included."""

from __future__ import annotations

import json
import zlib

from locution_gateway.transcripts import codec as transcripts_codec
from locution_gateway.transcripts.models import SectionTranscript, TranscriptSummary
from locution_gateway.voices.clusterings import Clustering, dump_clustering, load_clustering
from locution_speech.speakers import Turn
from locution_speech.transcript import CoverageSpan, DropReason, Outcome, Segment, Word

WORDS = (Word(0, 5, "你", 0.5, spaced=False), Word(5, 9, "ok", None, aligned=False, speaker="SPEAKER_00"))
SEGMENT = Segment(0, 9, "你 ok", WORDS, language="zh", mean_log_probability=-0.5)
COVERAGE = (CoverageSpan(0, 9, Outcome.TRANSCRIBED), CoverageSpan(9, 12, Outcome.DROPPED, DropReason.NO_TEXT))


def test_a_segment_comes_back_and_holds_no_defaults() -> None:
    kept = transcripts_codec.SEGMENT.dump(SEGMENT)
    assert transcripts_codec.SEGMENT.load(kept) == SEGMENT
    assert kept["words"][0] == {"start": 0, "end": 5, "text": "你", "probability": 0.5, "spaced": False}
    assert "channel" not in kept


def test_a_segment_of_an_earlier_release_is_read() -> None:
    word = {"start": 0, "end": 5, "text": "a", "probability": 0.5, "aligned": True}
    kept = {"start": 0, "end": 9, "text": "a", "words": [word], "language": "en"}
    assert transcripts_codec.SEGMENT.load(kept) == Segment(0, 9, "a", (Word(0, 5, "a", 0.5),), language="en")


def test_a_section_comes_back() -> None:
    section = SectionTranscript((SEGMENT,), COVERAGE, 9, 0.5, 1.5)
    assert transcripts_codec.load_section(transcripts_codec.dump_section(section)) == section
    old = {"segments": [], "coverage": [{"start": 0, "end": 9, "outcome": "NO_SPEECH"}], "speech_samples": 0}
    found = transcripts_codec.load_section(zlib.compress(json.dumps(old).encode()))
    assert found.coverage == (CoverageSpan(0, 9, Outcome.NO_SPEECH),)


def test_a_summary_comes_back() -> None:
    turns = (Turn(0, 9, "SPEAKER_00"), Turn(4, 12, "SPEAKER_01"))
    summary = TranscriptSummary(12, "zh", None, turns, COVERAGE, 0.5, 1)
    kept = transcripts_codec.SUMMARY.dump(summary)
    assert kept["turns"][0] == {"start": 0, "end": 9, "speaker": "SPEAKER_00"}
    assert transcripts_codec.SUMMARY.load(json.loads(json.dumps(kept))) == summary


def test_a_clustering_comes_back() -> None:
    clustering = Clustering(((Turn(0, 9, 0), Turn(4, 12, 1)), ()), ((0.5, 0.5), ()))
    assert load_clustering(dump_clustering(clustering)) == clustering
