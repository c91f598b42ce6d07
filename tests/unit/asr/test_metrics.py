"""What asr measures of a section: coverage, drops by reason, redone windows; and how full its batches are."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from locution_asr.adapters.metrics import Metrics
from locution_asr.core.decode import decode
from locution_asr.core.dispatch import Decoding
from locution_asr.domain.models import SectionReport, WindowTiming
from locution_speech.asr import DecodeMode, SectionStart
from locution_speech.clock import SAMPLE_RATE
from locution_speech.engine.dispatch import Dispatcher
from locution_speech.engine.models import Flow, FlowKey, ModelName, TrafficClass
from locution_speech.engine.queue import WindowQueue
from locution_speech.transcript import CoverageSpan, DropReason, Outcome
from prometheus_client import CollectorRegistry

from tests.unit.asr.fakes import FakeRecogniser, request

SECOND = SAMPLE_RATE


def test_a_section_is_measured_by_outcome_and_drop_reason() -> None:
    registry = CollectorRegistry()
    coverage = (
        CoverageSpan(0, 10 * SECOND, Outcome.TRANSCRIBED),
        CoverageSpan(10 * SECOND, 12 * SECOND, Outcome.DROPPED, DropReason.REPETITION),
        CoverageSpan(12 * SECOND, 13 * SECOND, Outcome.FAILED, "ENGINE_FAILED"),
        CoverageSpan(13 * SECOND, 14 * SECOND, Outcome.DROPPED, DropReason.REPETITION),
    )
    windows = (WindowTiming(0.5, 1.0, 2, 1), WindowTiming(1.5, 2.0, 2, 3))
    report = SectionReport(14 * SECOND, 13 * SECOND, 10 * SECOND, DecodeMode.FAST, windows, coverage)
    Metrics(registry).section(report, SectionStart(ModelName("w/a"), Flow(FlowKey("a"), traffic=TrafficClass.LIVE)))
    audio = {
        outcome: registry.get_sample_value("locution_asr_audio_seconds_total", {"traffic": "live", "outcome": outcome})
        for outcome in ("transcribed", "dropped", "failed")
    }
    assert audio == {"transcribed": 10, "dropped": 3, "failed": 1}
    assert registry.get_sample_value("locution_asr_dropped_spans_total", {"reason": "REPETITION"}) == 2
    assert registry.get_sample_value("locution_asr_dropped_spans_total", {"reason": "ENGINE_FAILED"}) == 1
    assert registry.get_sample_value("locution_asr_redone_windows_total") == 1
    assert registry.get_sample_value("locution_asr_queue_seconds_sum", {"traffic": "live"}) == 2


async def test_a_batch_is_measured_against_the_most_that_its_model_takes() -> None:
    registry, recogniser = CollectorRegistry(), FakeRecogniser()
    with ThreadPoolExecutor(1) as executor:
        dispatcher: Decoding = Dispatcher(WindowQueue(), decode, executor, 1, Metrics(registry))
        await asyncio.gather(*(dispatcher.submit(request(recogniser, flow=str(flow))) for flow in range(6)))
    assert recogniser.batches == [4, 2]
    assert registry.get_sample_value("locution_asr_batch_windows_sum") == 6
    assert registry.get_sample_value("locution_asr_batch_fill_ratio_sum") == 1.5
    assert registry.get_sample_value("locution_asr_batch_seconds_count") == 2
