"""The qualification command against a running engine: both modes run, and the qualification reaches the registry."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.service.asr.conftest import TOKEN, Stack
from tests.support.models import FOLDER
from tests.support.testdata import recording

SPOKEN = ("jfk.wav", "fleurs-en-000.ogg")


def folder_of_recordings(folder: Path, *names: str) -> Path:
    """Link recordings and their texts beside a manifest."""
    lines = ["file\tlanguage\ttranscript"]
    for name in names:
        text = f"{Path(name).stem}.txt"
        for file in (name, text):
            (folder / file).symlink_to(recording(file).resolve())
        lines.append(f"{name}\ten\t{text}")
    (folder / "manifest.tsv").write_text("\n".join(lines))
    return folder


async def qualify(stack: Stack, folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run the command; return its exit code, and what it printed."""
    given = (
        "--model", "whisper/tiny.en", "--models-root", str(FOLDER), "--recordings", str(folder),
        "--asr", stack.running.address, *arguments,
    )  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "locution_asr.qualification", *given,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={"LOCUTION_SERVICE_TOKEN": TOKEN},
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_qualification_measures_both_modes_and_stores_its_qualification(stack: Stack, tmp_path: Path) -> None:
    folder, kept = folder_of_recordings(tmp_path, *SPOKEN), tmp_path / "qualification.json"
    store = ("--register", "--registry", stack.registry.address, "--output", str(kept))
    code, out, err = await qualify(stack, folder, *store)
    [stored] = stack.registry.qualifications
    qualification = json.loads(kept.read_text())
    assert stored.path == qualification["model"] == "whisper/tiny.en", err
    assert stored.checksum == qualification["checksum"] == stack.registry.models["whisper/tiny.en"].resource.checksum
    assert stored.word_count == qualification["word_count"] > 100
    assert 0 < stored.accurate_word_error_rate < 0.2
    assert stored.min_encoder_input.ToTimedelta().total_seconds() == qualification["min_encoder_input"]
    assert stored.destroyed_recording_count == qualification["destroyed_recording_count"]
    passes = (
        stored.fast_word_error_rate - stored.accurate_word_error_rate <= 0.005 and not stored.destroyed_recording_count
    )
    assert (code == 0) == passes == ("not passed" not in out)
    assert qualification["min_encoder_input"] == 7.5 or "windows of at least 7.5 s:" in out
    assert stack.registry.models["whisper/tiny.en"].resource.qualification.passed == passes


async def test_too_few_words_store_nothing(stack: Stack, tmp_path: Path) -> None:
    folder = folder_of_recordings(tmp_path, "jfk.wav")
    code, _, err = await qualify(stack, folder, "--register", "--registry", stack.registry.address)
    assert (code, stack.registry.qualifications) == (2, [])
    assert "a qualification needs" in err
