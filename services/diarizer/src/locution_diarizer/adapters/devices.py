"""Choose the device, and how many batches run on it at once."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from locution_speech.engine.cores import usable_cores

MOST_WORKERS = 8
BATCH_ON_CPU = 4
BATCH_ON_CUDA = 32
NICENESS = 10


@dataclass(frozen=True, slots=True)
class Device:
    """Where models run: `workers` batches at once, each of at most `batch_size` windows, on `threads` threads."""

    name: str
    workers: int
    threads: int
    batch_size: int


def choose(wanted: str, workers: int = 0, threads: int = 0, batch_size: int = 0) -> Device:
    """Return the device for "auto", "cpu" or "cuda"; zeros are replaced by its defaults.

    On a CPU, workers of one thread give more throughput than one worker of many threads.
    """
    if wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available()):
        return Device("cuda:0", workers or 2, threads or 1, batch_size or BATCH_ON_CUDA)
    workers = workers or min(usable_cores(), MOST_WORKERS)
    return Device("cpu", workers, threads or 1, batch_size or BATCH_ON_CPU)


def prepare_thread(device: Device) -> None:
    """Set the number of threads that the calling thread computes on. On a CPU, lower its priority below live text.

    Niceness belongs to a thread on Linux (sched(7)), and its child threads inherit it.
    """
    torch.set_num_threads(device.threads)
    if device.name == "cpu":
        os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
