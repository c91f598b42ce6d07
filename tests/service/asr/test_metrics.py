"""What a real engine measures of a section, and of the model that it loaded for it."""

from __future__ import annotations

import pytest

from tests.service.asr.client import RATE
from tests.service.asr.conftest import Stack
from tests.service.asr.recordings import pcm
from tests.support.models import model_folder
from tests.support.testdata import recording


async def test_a_section_and_its_model_are_measured(stack: Stack) -> None:
    def metric(name: str, **labels: str) -> float:
        return stack.running.context.registry.get_sample_value(f"locution_asr_{name}", labels) or 0

    speech = pcm(recording("jfk.wav"))
    assert (metric("loaded_models"), metric("model_memory_bytes")) == (0, 0)
    await stack.client.transcribe(speech)
    assert metric("loaded_models") == 1
    assert metric("model_memory_bytes") > (model_folder("whisper/tiny.en") / "model.bin").stat().st_size
    outcomes = ("transcribed", "no_speech", "dropped", "failed")
    heard = sum(metric("audio_seconds_total", traffic="file", outcome=outcome) for outcome in outcomes)
    assert heard == pytest.approx(len(speech) / RATE, abs=0.001)
    assert metric("audio_seconds_total", traffic="file", outcome="transcribed") > 5
    batches = metric("batch_windows_count")
    assert batches >= 1
    assert metric("batch_fill_ratio_count") == batches
    assert 0 < metric("batch_fill_ratio_sum") <= batches
    assert metric("batch_seconds_sum") > 0
