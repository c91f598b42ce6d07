"""Somebody who was enrolled from one recording is named in another, by the real stack and the command line."""

from __future__ import annotations

import json
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Installation

pytestmark = pytest.mark.timeout(300)

HALF = 15.0


@pytest.fixture(scope="module")
def halves(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The conversation's two halves as recordings of their own."""
    folder = tmp_path_factory.mktemp("halves")
    return cut(sample, folder / "first.wav", 0.0, HALF), cut(sample, folder / "second.wav", HALF, 2 * HALF)


def cut(path: Path, out: Path, start: float, end: float) -> Path:
    with wave.open(str(path), "rb") as source, wave.open(str(out), "wb") as target:
        target.setparams(source.getparams())
        source.setpos(int(start * source.getframerate()))
        target.writeframes(source.readframes(int((end - start) * source.getframerate())))
    return out


@pytest.fixture(scope="module")
def second_job(installation: Installation, halves: tuple[Path, Path]) -> str:
    """A finished job of the second half, whose speakers can be enrolled."""
    installation.locution("transcribe", halves[1], "--asr-model", "whisper/tiny.en", "--speakers", "2")
    query = 'display_name = "second.wav" AND state = SUCCEEDED'
    return str(json.loads(installation.locution("jobs", "list", "--json", "--filter", query).stdout)[0]["name"])


@pytest.fixture
def enrolled(installation: Installation, second_job: str) -> Iterator[dict[str, str]]:
    """Both speakers of the second half: the person of the reference by the name of the voice."""
    found = {}
    for label in ("SPEAKER_00", "SPEAKER_01"):
        made = installation.locution(
            "voices", "enrol", "--job", second_job, "--speaker", label, "--name", label, "--json"
        )
        found[str(json.loads(made.stdout)["name"])] = label
    yield found
    for voice in found:
        installation.locution("voices", "delete", voice)


def transcript(installation: Installation, path: Path, *options: str) -> dict[str, Any]:
    arguments = ("--asr-model", "whisper/tiny.en", "--speakers", "2", "--format", "json", *options)
    return dict(json.loads(installation.locution("transcribe", path, *arguments).stdout))


def person(rttm: Path, begin: float, turns: list[dict[str, Any]], label: str) -> str:
    """Return who of the reference speaks most in a label's turns, which begin at `begin` of the recording."""
    shared: dict[str, float] = {}
    for line in rttm.read_text().splitlines():
        fields = line.split()
        start, end = float(fields[3]), float(fields[3]) + float(fields[4])
        for turn in (turn for turn in turns if turn["speaker"] == label):
            both = min(end, begin + turn["end"]) - max(start, begin + turn["start"])
            shared[fields[7]] = shared.get(fields[7], 0.0) + max(both, 0.0)
    return max(shared, key=shared.__getitem__)


def test_the_same_people_are_named_in_the_other_half(
    installation: Installation, halves: tuple[Path, Path], sample: Path, second_job: str, enrolled: dict[str, str]
) -> None:
    rttm = sample.with_suffix(".rttm")
    source = json.loads(installation.locution("jobs", "get", second_job, "--format", "json").stdout)
    found = transcript(installation, halves[0], "--identify")
    named = {speaker["label"]: speaker["display_name"] for speaker in found["speakers"] if "voice" in speaker}
    assert named, found["speakers"]
    for label, name in named.items():
        assert person(rttm, 0.0, found["turns"], label) == person(rttm, HALF, source["turns"], name)
    assert all("voice" not in speaker for speaker in source["speakers"])


def test_a_deleted_voice_names_nobody(installation: Installation, halves: tuple[Path, Path], second_job: str) -> None:
    made = installation.locution("voices", "enrol", "--job", second_job, "--name", "Ada", "--json")
    voice = str(json.loads(made.stdout)["name"])
    renamed = installation.locution("voices", "rename", voice, "Ada L.", "--json")
    assert json.loads(renamed.stdout)["display_name"] == "Ada L."
    assert "Ada L." in installation.locution("voices", "list").stdout
    installation.locution("voices", "delete", voice)
    assert voice not in installation.locution("voices", "list").stdout
    assert installation.locution("voices", "get", voice, check=False).returncode != 0


def test_a_sample_is_enrolled_and_nothing_of_it_stays(
    installation: Installation, halves: tuple[Path, Path], tmp_path: Path
) -> None:
    alone = cut(halves[1], tmp_path / "alone.wav", 0.0, 12.0)
    made = json.loads(installation.locution("voices", "enrol", alone, "--name", "Grace", "--json").stdout)
    jobs = installation.locution("jobs", "list", "--json", "--filter", 'display_name = "alone.wav"')
    assert json.loads(jobs.stdout) == []
    installation.locution("voices", "delete", made["name"])
