"""The cores that count are those of the affinity, or of the container's quota where that is less."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from locution_speech.engine.cores import usable_cores

HERE = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", HERE), ("50000 100000", 1), ("150000 100000", min(2, HERE)), ("99900000 100000", HERE), ("", HERE)],
)
def test_a_quota_counts_where_it_is_less_than_the_affinity(tmp_path: Path, quota: str, cores: int) -> None:
    limit = tmp_path / "cpu.max"
    limit.write_text(quota)
    assert usable_cores(limit) == cores


def test_without_a_control_group_the_affinity_counts(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "absent") == HERE
