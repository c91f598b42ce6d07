"""The development models: what the registry finds in them is what is in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from locution_registry.adapters.folders import local_folders
from locution_registry.domain.models import Inspection, Kind, ModelPath
from locution_speech.capabilities import Capabilities

ROOT = Path(os.environ.get("LOCUTION_MODELS_ROOT") or Path(__file__).parents[3] / ".locution" / "models")


async def inspect(path: ModelPath) -> Inspection:
    """Inspect a development model, or skip where it was not installed."""
    if not (ROOT / str(path)).is_dir():
        pytest.skip(f"{path} is not below {ROOT}: `make models` installs it, or set LOCUTION_MODELS_ROOT")
    async with local_folders(ROOT, 1) as folders:
        return await folders.inspect(path)


async def test_tiny_en_is_english() -> None:
    found = await inspect(ModelPath("whisper", "tiny.en"))
    assert found.layout.capabilities == Capabilities(languages=("en",), word_times=True, prompt=True)


async def test_base_is_multilingual() -> None:
    capabilities = (await inspect(ModelPath("whisper", "base"))).layout.capabilities
    assert len(capabilities.languages) == 99
    assert {"en", "de", "fr", "zh", "haw"} <= set(capabilities.languages)
    assert (capabilities.language_detection, capabilities.translation) == (True, True)
    assert (capabilities.word_times, capabilities.prompt) == (True, True)


async def test_the_pyannote_model_is_a_pipeline() -> None:
    models = sorted(path.name for path in (ROOT / "pyannote").glob("*/") if not path.name.startswith("."))
    if not models:
        pytest.skip(f"there is no pyannote model below {ROOT}: `make models` installs one, or set LOCUTION_MODELS_ROOT")
    found = await inspect(ModelPath("pyannote", models[0]))
    assert (found.layout.kind, found.layout.name) == (Kind.DIARIZATION, "pyannote-pipeline")
    assert found.layout.capabilities == Capabilities(speaker_counts=True, overlap=True)
