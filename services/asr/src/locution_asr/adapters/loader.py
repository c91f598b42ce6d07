"""Load models from below the models root, verified and measured."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import ctranslate2
import numpy as np
from locution_speech.asr import Task
from locution_speech.engine.errors import ModelLoadFailed
from locution_speech.engine.folders import folder_of, verify

from locution_asr.adapters.devices import Device, free_gpu_memory, resident_memory
from locution_asr.adapters.whisper import WhisperRecogniser
from locution_asr.core.calibrate import best_batch
from locution_asr.domain.models import WINDOW_SAMPLES, Pcm
from locution_asr.domain.ports import LoadedModel, Prompt, Recogniser, Search, WhisperRecord

CPU_BATCH = 4
LARGEST_GPU_BATCH = 128
GPU_RESERVE = 1 << 30
_BARE = Prompt("en", Task.TRANSCRIBE)
_TRIAL = Search(beam_size=5, max_tokens=32)


@dataclass(frozen=True, slots=True)
class WhisperLoader:
    """Load Whisper models onto a device; `batch_size` 0 finds the best one."""

    root: Path
    device: Device
    batch_size: int = 0

    def load(self, record: WhisperRecord) -> LoadedModel:
        """Load a model after checking its path and the digests of its files."""
        folder = folder_of(self.root, record)
        verify(folder, record)
        used = self._memory_used()
        recogniser = self._read(folder, record)
        batch_size = self.batch_size or fitting_batch(recogniser, self.device)
        memory = max(0, self._memory_used() - used)
        if self.device.kind == "cpu":
            memory = max(record.size, memory)
            self._grow(record, recogniser, batch_size)
        return LoadedModel(record, recogniser, batch_size, memory, self.device.name)

    def renewed(self, model: LoadedModel, record: WhisperRecord) -> LoadedModel:
        """Return the model with its current qualification."""
        return replace(model, record=record)

    def unload(self, model: LoadedModel) -> None:
        """Free the model's memory."""
        if isinstance(model.recogniser, WhisperRecogniser):
            model.recogniser.close()
        gc.collect()

    def _read(self, folder: Path, record: WhisperRecord) -> WhisperRecogniser:
        try:
            model = ctranslate2.models.Whisper(
                str(folder),
                device=self.device.kind,
                compute_type=self.device.compute_type,
                inter_threads=self.device.workers,
                intra_threads=self.device.threads,
            )
            return WhisperRecogniser(model, folder)
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelLoadFailed(f"{record.name} could not be loaded on {self.device.name}") from error

    def _grow(self, record: WhisperRecord, recogniser: WhisperRecogniser, batch_size: int) -> None:
        """Decode full batches of full windows, so that memory reaches its peak now and not during a job.

        Freed memory is kept for the next batch (allocation.py).
        """
        try:
            with ThreadPoolExecutor(self.device.slots, thread_name_prefix="asr-trial") as threads:
                list(threads.map(lambda _: widest(recogniser, batch_size), range(self.device.slots)))
        except (RuntimeError, MemoryError) as error:
            raise ModelLoadFailed(f"{record.name} is loaded, but batches of {batch_size} do not run") from error

    def _memory_used(self) -> int:
        return resident_memory() if self.device.kind == "cpu" else -free_gpu_memory()


def fitting_batch(recogniser: Recogniser, device: Device, free_memory: Callable[[], int] = free_gpu_memory) -> int:
    """Return the best batch size in windows: a small one on a CPU, the fastest that fits on a GPU."""
    if device.kind == "cpu":
        return CPU_BATCH
    return best_batch(lambda size: trial(recogniser, size), free_memory, GPU_RESERVE, LARGEST_GPU_BATCH)


def widest(recogniser: Recogniser, size: int) -> None:
    """Decode a batch of full windows of noise. It encodes one window and repeats its rows."""
    encoding = recogniser.encode([_noise()], WINDOW_SAMPLES)
    encoding.generate([0] * size, [_BARE] * size, _TRIAL)


def trial(recogniser: Recogniser, size: int, clock: Callable[[], float] = time.monotonic) -> float:
    """Decode a batch of noise and return its seconds. Raises MemoryError if the device's memory is too small."""
    noise = _noise()
    started = clock()
    try:
        encoding = recogniser.encode([noise] * size, WINDOW_SAMPLES)
        encoding.generate(range(size), [_BARE] * size, _TRIAL)
    except RuntimeError as error:
        if "memory" in str(error).lower():
            raise MemoryError(str(error)) from error
        raise
    return clock() - started


def _noise() -> Pcm:
    return np.random.default_rng(0).integers(-800, 800, WINDOW_SAMPLES, np.int16)
