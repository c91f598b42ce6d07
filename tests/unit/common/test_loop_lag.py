"""The lag of the event loop: the worst of the last seconds counts, and a stalled loop is not healthy."""

from __future__ import annotations

import asyncio
import time

import pytest
from locution_common.loop_lag import STALLED_SECONDS, WINDOW_SECONDS, LoopLag
from prometheus_client import CollectorRegistry


async def test_the_worst_lag_is_forgotten_after_the_window() -> None:
    lag = LoopLag(CollectorRegistry())
    assert lag.worst == 0
    for now, late in ((0.0, 0.2), (1.0, 0.6), (2.0, 0.1), (3.0, 0.3)):
        lag.record(now, late)
    assert lag.worst == 0.6
    lag.record(1.0 + WINDOW_SECONDS + 0.1, 0.0)
    assert lag.worst == 0.3
    lag.record(3.0 + WINDOW_SECONDS + 0.1, 0.05)
    assert lag.worst == 0.05


async def test_a_stalled_loop_fails_the_probe() -> None:
    lag = LoopLag(CollectorRegistry())
    lag.record(0.0, STALLED_SECONDS - 0.1)
    await lag.probe()
    lag.record(1.0, STALLED_SECONDS)
    with pytest.raises(RuntimeError, match="late"):
        await lag.probe()


async def test_a_callback_that_computes_is_measured() -> None:
    registry = CollectorRegistry()
    lag = LoopLag(registry)
    task = asyncio.create_task(lag.run())
    await asyncio.sleep(0.06)
    time.sleep(0.3)
    while lag.worst < 0.2:
        await asyncio.sleep(0.01)
    task.cancel()
    late = registry.get_sample_value("locution_event_loop_lag_seconds_bucket", {"le": "0.1"})
    all_of_them = registry.get_sample_value("locution_event_loop_lag_seconds_count")
    assert late is not None
    assert all_of_them is not None
    assert late < all_of_them
