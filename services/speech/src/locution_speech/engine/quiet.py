"""Stop libraries from reporting to their vendors. They read variables when imported, so engines call this first."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

QUIET: Final[Mapping[str, str]] = {
    # onnxruntime sends usage to its vendor's collector.
    "ORT_DISABLE_TELEMETRY": "1",
    # pyannote.audio sends usage to its vendor.
    "PYANNOTE_METRICS_ENABLED": "0",
    # huggingface_hub would look for newer files.
    "HF_HUB_OFFLINE": "1",
}


def report_to_nobody() -> None:
    """Set the variables regardless of the environment."""
    os.environ.update(QUIET)
