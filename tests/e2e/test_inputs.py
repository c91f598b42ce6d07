"""Recordings from pipes and of any name, and where their transcripts go."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.e2e.conftest import COMMAND_LINE, Installation

FAST = ("--no-diarize", "--asr-model", "whisper/tiny.en")


def test_standard_input_is_transcribed(installation: Installation, sample: Path) -> None:
    with subprocess.Popen(["cat", str(sample)], stdout=subprocess.PIPE) as sender:
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
    assert len(done.stdout.split()) > 30


def test_files_of_one_odd_name_fill_a_folder(installation: Installation, sample: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9\n.wav")
    files = [tmp_path / folder / name for folder in ("monday", "tuesday")]
    for file in files:
        file.parent.mkdir()
        file.symlink_to(sample)
    command: list[str | Path] = ["transcribe", *files, *FAST, "--format", "srt", "--output", tmp_path / "out"]
    installation.locution(*command)
    written = sorted(path.relative_to(tmp_path / "out").parts[0] for path in (tmp_path / "out").rglob("*.srt"))
    assert written == ["monday", "tuesday"]
    assert installation.locution(*command, check=False).returncode == 2
