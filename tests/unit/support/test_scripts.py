"""Scripts that people run say what they do, and do nothing else then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = [
    path
    for folder in ("deploy/helm", "deploy/images", "deploy/local", "docs", "protos")
    for path in sorted((ROOT / folder).glob("*.py"))
    if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script_answers_help(script: Path, tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, script, "--help"], capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("usage: ")
    assert len(told.stdout.splitlines()) > 3
