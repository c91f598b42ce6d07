"""The development models: what the registry finds in them is what is in them."""

from __future__ import annotations

from locution_registry.adapters.folders import local_folders
from locution_registry.domain.models import Inspection, Kind, ModelPath
from locution_speech.capabilities import Capabilities

from tests.support.models import FOLDER, model_folder


async def inspect(path: ModelPath) -> Inspection:
    """Inspect a development model, or skip the test."""
    model_folder(str(path))
    async with local_folders(FOLDER, 1) as folders:
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
    models = sorted(path.name for path in model_folder("pyannote").glob("*/") if not path.name.startswith("."))
    found = await inspect(ModelPath("pyannote", models[0]))
    assert (found.layout.kind, found.layout.name) == (Kind.DIARIZATION, "pyannote-pipeline")
    assert found.layout.capabilities == Capabilities(speaker_counts=True, overlap=True)
