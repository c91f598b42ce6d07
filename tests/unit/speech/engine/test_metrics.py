"""What both engines measure of batches, the queue and models, under the names of one of them."""

from __future__ import annotations

from locution_asr.adapters.metrics import Metrics
from locution_diarizer.adapters.metrics import Metrics as DiarizerMetrics
from locution_speech.engine.models import ModelName
from prometheus_client import CollectorRegistry

from tests.unit.speech.engine.test_pool import Loader, pooled


async def test_the_memory_of_loaded_models_is_measured() -> None:
    registry = CollectorRegistry()
    async with pooled(Loader(memory=300)) as pool:
        Metrics(registry).watch_models(pool)
        assert registry.get_sample_value("locution_asr_model_memory_bytes") == 0
        async with pool.lease(ModelName("whisper/a")), pool.lease(ModelName("whisper/b")):
            assert registry.get_sample_value("locution_asr_loaded_models") == 2
            assert registry.get_sample_value("locution_asr_model_memory_bytes") == 600
        await pool.close()
        assert registry.get_sample_value("locution_asr_loaded_models") == 0


def test_a_batch_is_measured_by_size_fill_and_seconds() -> None:
    registry = CollectorRegistry()
    metrics = DiarizerMetrics(registry)
    metrics.batch(3, 4, 0.7)
    metrics.batch(4, 4, 0.8)
    assert registry.get_sample_value("locution_diarizer_batch_windows_sum") == 7
    assert registry.get_sample_value("locution_diarizer_batch_fill_ratio_sum") == 1.75
    assert registry.get_sample_value("locution_diarizer_batch_fill_ratio_bucket", {"le": "0.75"}) == 1
    assert registry.get_sample_value("locution_diarizer_batch_seconds_sum") == 1.5


def test_the_queue_is_measured_when_it_is_read() -> None:
    registry, waiting = CollectorRegistry(), [5.0]
    Metrics(registry).watch_queue(lambda: waiting[0])
    assert registry.get_sample_value("locution_asr_queued_audio_seconds") == 5
    waiting[0] = 7.5
    assert registry.get_sample_value("locution_asr_queued_audio_seconds") == 7.5
