"""What a real diarizer measures of a section, and of the model that it loaded for it."""

from __future__ import annotations

from tests.service.diarizer.conftest import Serve
from tests.service.diarizer.recordings import RATE, pcm
from tests.support.testdata import recording


async def test_a_section_and_its_model_are_measured(serve: Serve) -> None:
    speech = pcm(recording("jfk.wav"))
    async with serve() as stack:

        def metric(name: str, **labels: str) -> float:
            return stack.running.context.registry.get_sample_value(f"locution_diarizer_{name}", labels) or 0

        assert (metric("loaded_models"), metric("model_memory_bytes")) == (0, 0)
        await stack.client.whole(speech)
        assert metric("loaded_models") == 1
        assert metric("model_memory_bytes") > 1_000_000
        assert metric("audio_seconds_total", traffic="file") == len(speech) / RATE
        assert metric("clustered_sections_total") == 1
        assert metric("batch_fill_ratio_count") == metric("batch_windows_count") >= 1
        assert 0 < metric("batch_fill_ratio_sum") <= metric("batch_windows_count")
