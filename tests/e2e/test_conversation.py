"""The main job: a real conversation, transcribed with its speakers by four services."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import jiwer
import pytest
from pyannote.core import Annotation, Segment
from pyannote.metrics.diarization import DiarizationErrorRate
from whisper_normalizer.english import EnglishTextNormalizer

from tests.e2e.conftest import Installation


def reference_words(sample: Path) -> str:
    """Return the words of sample.stm in order of time."""
    rows = [line.split(maxsplit=5) for line in sample.with_suffix(".stm").read_text().splitlines()]
    return " ".join(row[5] for row in sorted(rows, key=lambda row: float(row[3])))


def test_the_words_are_right(conversation: dict[str, Any], sample: Path) -> None:
    normal = EnglishTextNormalizer()
    said = normal(" ".join(segment["text"] for segment in conversation["segments"]))
    rate = jiwer.wer(normal(reference_words(sample)), said)
    print(f"WER {rate:.3f}")
    assert rate <= 0.20


def test_the_speakers_are_right(
    installation: Installation, sample: Path, conversation: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "found.rttm"
    out.write_text(installation.locution("jobs", "get", newest_job(installation), "--format", "rttm").stdout)
    found = annotation(out)
    truth = annotation(sample.with_suffix(".rttm"))
    metric = DiarizationErrorRate(collar=0.0, skip_overlap=False)
    rate = float(metric(truth, found, uem=_whole(30.0)))
    print(f"DER {rate:.3f}")
    assert len(found.labels()) == 2
    assert rate <= 0.10


def newest_job(installation: Installation) -> str:
    """Return the name of the last job that transcribed the sample."""
    found = installation.locution(
        "jobs", "list", "--json", "--filter", 'display_name = "sample.wav" AND state = SUCCEEDED'
    )
    return str(json.loads(found.stdout)[0]["name"])


def annotation(rttm: Path) -> Annotation:
    """Read speaker turns (NIST RTTM: SPEAKER file channel start duration ... name)."""
    found = Annotation()
    for place, line in enumerate(rttm.read_text().splitlines()):
        fields = line.split()
        start, duration = float(fields[3]), float(fields[4])
        found[Segment(start, start + duration), place] = fields[7]
    return found


def _whole(seconds: float) -> Any:
    from pyannote.core import Timeline

    return Timeline([Segment(0.0, seconds)])


def test_the_export_has_the_documented_keys(conversation: dict[str, Any]) -> None:
    assert {"language", "duration", "segments", "coverage"} <= conversation.keys()
    assert conversation["language"] == "en"
    for segment in conversation["segments"]:
        assert {"start", "end", "speaker", "text", "words"} <= segment.keys()
        for word in segment["words"]:
            assert {"start", "end", "text", "probability", "speaker"} <= word.keys()
            assert segment["start"] <= word["start"] <= word["end"] <= segment["end"]
            assert 0.0 < word["probability"] <= 1.0


def test_every_second_is_accounted_for(conversation: dict[str, Any]) -> None:
    coverage = conversation["coverage"]
    assert coverage[0]["start"] == 0
    assert coverage[-1]["end"] == pytest.approx(conversation["duration"])
    for before, after in itertools.pairwise(coverage):
        assert before["end"] == after["start"]


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ("txt", r"SPEAKER_0[01]"),
        ("srt", r"1\n\d\d:\d\d:\d\d,\d{3} --> "),
        ("vtt", r"^WEBVTT\n"),
        ("rttm", r"^SPEAKER \S+ 1 \d+\.\d+ \d+\.\d+ <NA> <NA> SPEAKER_0[01] <NA> <NA>"),
    ],
)
def test_each_format_comes_out_clean_in_a_pipe(
    installation: Installation, conversation: dict[str, Any], form: str, pattern: str
) -> None:
    done = installation.locution("jobs", "get", newest_job(installation), "--format", form)
    assert re.search(pattern, done.stdout, re.MULTILINE)
    assert "\x1b" not in done.stdout
