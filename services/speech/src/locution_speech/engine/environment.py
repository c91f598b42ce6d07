"""Prepare the environment that libraries read when they are imported: engines call this first."""

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


USER: Final = "locution"
"""The name of a user that has none: torch and lightning ask for it, and a container may run as any number."""


def prepare_environment() -> None:
    """Stop libraries from reporting to their vendors, whatever the environment says, and name a user without a name."""
    os.environ.update(QUIET)
    os.environ["USER"] = os.environ.get("USER") or USER
