"""Choose the device, and how many batches run on it at once."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import torch

MOST_WORKERS = 8
BATCH_ON_CPU = 4
BATCH_ON_CUDA = 32
CGROUP_CPU = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True, slots=True)
class Device:
    """Say where weights run: `workers` batches at once, each of `batch_size` windows at most, on `threads` threads."""

    name: str
    workers: int
    threads: int
    batch_size: int


def choose(wanted: str, workers: int = 0, threads: int = 0, batch_size: int = 0) -> Device:
    """Return the device for "auto", "cpu" or "cuda"; zeros are chosen for it.

    On a CPU, workers of one thread give more than one worker of many threads.
    """
    if wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available()):
        return Device("cuda:0", workers or 2, threads or 1, batch_size or BATCH_ON_CUDA)
    workers = workers or min(usable_cores(), MOST_WORKERS)
    return Device("cpu", workers, threads or 1, batch_size or BATCH_ON_CPU)


def usable_cores(cgroup: Path = CGROUP_CPU) -> int:
    """Return how many cores this process may use, by affinity and by the container's quota."""
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = cgroup.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, math.ceil(int(quota) / int(period))))
