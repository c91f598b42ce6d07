"""The batch search stops at the memory limit and at the point of no gain."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from locution_asr.core.calibrate import best_batch

GIB = 1 << 30


@dataclass
class Gpu:
    """Run a batch in `fixed` seconds plus `each` a window, in `window` bytes of `memory`."""

    memory: int
    window: int
    fixed: float = 1.0
    each: float = 0.01
    used: int = 0

    def trial(self, size: int) -> float:
        self.used = size * self.window
        if self.used > self.memory:
            raise MemoryError
        return self.fixed + size * self.each

    def free(self) -> int:
        return self.memory - self.used


@pytest.mark.parametrize(("memory", "expected"), [(200 * GIB, 64), (24 * GIB, 16), (9 * GIB, 8), (1 * GIB, 1)])
def test_memory_decides_on_a_gpu(memory: int, expected: int) -> None:
    gpu = Gpu(memory, GIB)
    assert best_batch(gpu.trial, gpu.free, GIB, 64) == expected


def test_the_search_ends_where_batching_no_longer_pays() -> None:
    gpu = Gpu(1000 * GIB, GIB, fixed=1.0, each=1.0)
    assert best_batch(gpu.trial, gpu.free, GIB, 64) == 16


def test_a_device_that_only_gets_slower_takes_one() -> None:
    assert best_batch(lambda size: size**2.0, lambda: 10 * GIB, GIB, 64) == 1
