"""Choose the device, its number of workers and their threads."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

import ctranslate2
from locution_speech.engine.cores import usable_cores

MOST_WORKERS = 8


@dataclass(frozen=True, slots=True)
class Device:
    """Where models run: `workers` batches at once, each on `threads` threads, computing in `compute_type`."""

    kind: str
    workers: int
    threads: int
    compute_type: str

    @property
    def name(self) -> str:
        """Return "cpu" or "cuda:0"."""
        return "cuda:0" if self.kind == "cuda" else self.kind

    @property
    def slots(self) -> int:
        """Return how many batches to keep in flight: on a GPU one more than can run, so that it never waits for Python.

        On a CPU, one more would share the cores with the others and delay them all.
        """
        return self.workers + 1 if self.kind == "cuda" else self.workers

    @property
    def fills_batches(self) -> bool:
        """Tell whether a full batch takes hardly longer than one window, as on a GPU."""
        return self.kind == "cuda"


def choose(wanted: str, workers: int = 0, threads: int = 0, compute_type: str = "auto") -> Device:
    """Return the device for "auto", "cpu" or "cuda"; zeros are replaced by its defaults.

    On a CPU, workers of one thread give more throughput than one worker of many threads.
    """
    kind = wanted if wanted != "auto" else ("cuda" if ctranslate2.get_cuda_device_count() > 0 else "cpu")
    if kind == "cuda":
        return Device(kind, workers or 1, threads or 1, "float16" if compute_type == "auto" else compute_type)
    cores = usable_cores()
    workers = workers or min(cores, MOST_WORKERS)
    threads = threads or max(1, cores // workers)
    return Device(kind, workers, threads, "int8" if compute_type == "auto" else compute_type)


def resident_memory() -> int:
    """Return the resident memory of this process in bytes (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def free_gpu_memory() -> int:
    """Return the free bytes of the first GPU, by NVML. Raises OSError without a GPU."""
    nvml = ctypes.CDLL("libnvidia-ml.so.1")
    handle, memory = ctypes.c_void_p(), (ctypes.c_ulonglong * 3)()
    calls = (
        nvml.nvmlInit_v2(),
        nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(handle)),
        nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)),
    )
    if any(calls):
        raise OSError(f"NVML returned {calls}")
    return int(memory[1])
