"""What an engine's libraries find in the environment: nobody to report to, and a name for any user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from locution_speech.engine.environment import QUIET

ROOT = Path(__file__).resolve().parents[4]
SHOW = "import {package}, os, sys; print([os.environ.get(name) for name in {names}], 'onnxruntime' in sys.modules)"
NAMELESS = """
import pwd

def nobody(number):
    raise KeyError(f"getpwuid(): uid not found: {number}")

pwd.getpwuid = nobody
import locution_diarizer.app
"""
LOUD = {"ORT_DISABLE_TELEMETRY": "0", "PYANNOTE_METRICS_ENABLED": "1", "HF_HUB_OFFLINE": "0"}


@pytest.mark.parametrize("package", ["locution_asr", "locution_diarizer"])
def test_importing_an_engine_silences_its_libraries(package: str) -> None:
    code = SHOW.format(package=package, names=list(QUIET))
    shown = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | LOUD, check=True, capture_output=True, text=True
    )
    assert shown.stdout.strip() == f"{list(QUIET.values())} False"


@pytest.mark.parametrize("user", [{}, {"USER": ""}], ids=["unset", "empty"])
def test_an_engine_starts_as_a_user_without_a_name(user: dict[str, str]) -> None:
    """As in a container whose user has no entry in its database of users. Of the engines, the diarizer's needs a name."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("LOGNAME", "USER", "LNAME", "USERNAME")
    }
    subprocess.run([sys.executable, "-c", NAMELESS], env=environment | user, check=True)


@pytest.mark.parametrize("file", ["services/Dockerfile", "deploy/helm/locution/templates/_environment.tpl", "Makefile"])
def test_images_chart_and_make_say_the_same(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert [name for name in QUIET if name not in text] == []
