"""The pure rules: checksums, differences, qualifications."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from locution_common.errors import Reason
from locution_registry.adapters.folders import LocalFolders
from locution_registry.domain.models import ModelFile, ModelPath, Qualification, Stamp, checksum, difference

from tests.support.refusals import refusal
from tests.unit.registry.models_on_disk import write_pyannote

NOW = datetime(2026, 11, 1, tzinfo=UTC)
FILES = (ModelFile("a", 1, "0" * 64, 10), ModelFile("b/c", 2, "1" * 64, 20))


async def test_the_checksum_is_what_the_readme_computes(disk: LocalFolders, tmp_path: Path) -> None:
    folder = write_pyannote(tmp_path / "models" / "p" / "w")
    (folder / ".git").mkdir()
    (folder / ".git" / "noise").write_text("no part of the model")
    readme = Path(__file__).parents[3] / "services" / "registry" / "README.md"
    command = next(line for line in readme.read_text().splitlines() if line.strip().startswith("find ."))
    printed = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert printed.split()[0] == checksum(await disk.digest(ModelPath.parse("p/w")))


def test_the_checksum_depends_on_names_and_content_but_not_on_order_or_time() -> None:
    assert checksum(FILES) == checksum(reversed(FILES))
    assert checksum(FILES) == checksum([ModelFile("a", 1, "0" * 64, 99), FILES[1]])
    assert checksum(FILES) != checksum([ModelFile("A", 1, "0" * 64, 10), FILES[1]])
    assert checksum(FILES) != checksum([ModelFile("a", 1, "2" * 64, 10), FILES[1]])
    assert checksum(FILES) != checksum(FILES[:1])


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"a": Stamp(1, 10), "b/c": Stamp(2, 20)}, None),
        ({"a": Stamp(1, 10)}, "b/c is missing"),
        ({"a": Stamp(1, 11), "b/c": Stamp(2, 20)}, "a changed"),
        ({"a": Stamp(3, 10), "b/c": Stamp(2, 20)}, "a changed"),
        ({"a": Stamp(1, 10), "b/c": Stamp(2, 20), "z": Stamp(0, 0)}, "z was added"),
        ({}, "a is missing, and 1 more"),
    ],
)
def test_a_difference_names_the_file(found: dict[str, Stamp], said: str | None) -> None:
    assert difference(FILES, found) == said


@pytest.mark.parametrize(
    ("accurate", "fast", "passed"),
    [(0.1, 0.105, True), (0.1, 0.1051, False), (0.1, 0.05, True), (0.0, 0.0, True), (0.123, 0.128, True)],
)
def test_a_qualification_allows_half_a_point_also_through_32_bit_floats(
    accurate: float, fast: float, passed: bool
) -> None:
    assert Qualification.judge(accurate, fast, 1000, 0, NOW).passed is passed
    assert Qualification.judge(float(np.float32(accurate)), float(np.float32(fast)), 1000, 0, NOW).passed is passed


def test_a_qualification_allows_no_destroyed_recording() -> None:
    assert not Qualification.judge(0.1, 0.1, 1000, 1, NOW).passed


@pytest.mark.parametrize("rate", [float("nan"), float("inf")])
def test_a_qualification_needs_numbers(rate: float) -> None:
    with refusal(Reason.INVALID_REQUEST):
        Qualification.judge(rate, 0.1, 1000, 0, NOW)
    with refusal(Reason.INVALID_REQUEST):
        Qualification.judge(0.1, rate, 1000, 0, NOW)
