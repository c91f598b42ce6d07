"""Recordings from pipes and of any name, and where their transcripts go."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import wave
from pathlib import Path

import jiwer
import numpy as np
import pytest
from locution.v1.upload_service_pb2 import ListUploadsRequest
from locution_client import Client, Connection
from numpy.typing import NDArray
from whisper_normalizer.english import EnglishTextNormalizer

from tests.e2e.conftest import COMMAND_LINE, Installation

FAST = ("--no-diarize", "--asr-model", "whisper/tiny.en")


def test_standard_input_is_transcribed(installation: Installation, excerpt: Path) -> None:
    with subprocess.Popen(["cat", str(excerpt)], stdout=subprocess.PIPE) as sender:
        done = subprocess.run(
            [*COMMAND_LINE, "transcribe", "-", *FAST],
            env=installation.environment(),
            stdin=sender.stdout,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 10


def test_files_of_one_odd_name_fill_a_folder(installation: Installation, excerpt: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9\n.wav")
    files = [tmp_path / folder / name for folder in ("monday", "tuesday")]
    for file in files:
        file.parent.mkdir()
        file.symlink_to(excerpt)
    command: list[str | Path] = ["transcribe", *files, *FAST, "--format", "srt", "--output", tmp_path / "out"]
    installation.locution(*command)
    written = sorted(path.relative_to(tmp_path / "out").parts[0] for path in (tmp_path / "out").rglob("*.srt"))
    assert written == ["monday", "tuesday"]
    assert installation.locution(*command, check=False).returncode == 2


def test_options_of_the_command_line_reach_the_transcript(
    installation: Installation, excerpt: Path, tmp_path: Path
) -> None:
    options = ("--language", "en-US", "--beam-size", "2", "--tag", "checked", "--priority", "3", "--no-word-times")
    installation.locution("transcribe", excerpt, *FAST, *options, "--format", "srt,json", "--output", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["excerpt.json", "excerpt.srt"]
    (job,) = json.loads(installation.locution("jobs", "list", "--filter", "tags:checked", "--json").stdout)
    effective = job["effective_config"]
    assert (effective["language"], effective["beam_size"], effective["word_times"], job["priority"]) == (
        "en",
        2,
        False,
        3,
    )
    assert [warning["code"] for warning in job["warnings"]] == ["CODE_LANGUAGE_REGION_IGNORED"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--language", "klingon"), "whisper/tiny.en does not know the language klingon. It knows en"),
        (("--task", "translate"), "whisper/tiny.en does not translate"),
        (("--channels", "separate", "--diarize"), "diarization must be off"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_sent(
    installation: Installation, sample: Path, options: tuple[str, ...], told: str
) -> None:
    before = asyncio.run(uploads(installation))
    done = installation.locution("transcribe", sample, "--asr-model", "whisper/tiny.en", *options, check=False)
    assert done.returncode == 1
    assert "OPTION_UNSUPPORTED" in done.stderr
    assert told in done.stderr
    assert asyncio.run(uploads(installation)) == before


async def uploads(installation: Installation) -> set[str]:
    """Return the names of all uploads."""
    async with Client(Connection(installation.address, installation.key)) as client:
        service = client.uploads
        page = await service._stub.ListUploads(ListUploadsRequest(page_size=1000), metadata=service._access.metadata)
        return {upload.name for upload in page.uploads}


@pytest.fixture(scope="module")
def alone(installation: Installation, sample: Path) -> str:
    """What is heard of the sample itself."""
    return installation.locution("live", sample, "--asr-model", "whisper/tiny.en").stdout


@pytest.mark.parametrize(("rate", "width"), [(16_000, 2), (96_000, 3)])
def test_stereo_of_any_width_and_rate_is_streamed(
    installation: Installation, sample: Path, alone: str, tmp_path: Path, rate: int, width: int
) -> None:
    """The channels are in antiphase, and the file is cut inside of its last sample: all words come nevertheless."""
    with wave.open(str(sample), "rb") as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int32)
    sound = sound.repeat(rate // 16_000)
    stereo = np.stack([sound, -sound], axis=1) << 8 * (width - 2)
    path = tmp_path / "stereo.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(_narrow(stereo, width))
    path.write_bytes(path.read_bytes()[:-1])
    both = installation.locution("live", path, "--asr-model", "whisper/tiny.en").stdout
    normal = EnglishTextNormalizer()
    assert len(alone.split()) > 30
    assert jiwer.wer(normal(alone), normal(both)) < 0.1


def _narrow(samples: NDArray[np.int32], width: int) -> bytes:
    """Write samples with fewer bytes."""
    return samples.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :width].tobytes()
