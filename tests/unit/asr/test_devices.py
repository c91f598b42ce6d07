"""The device that is chosen, and the batch that fits it, without that device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ctranslate2
import pytest
from locution_asr.adapters import devices
from locution_asr.adapters.devices import Device, choose
from locution_asr.adapters.loader import CPU_BATCH, GPU_RESERVE, LARGEST_GPU_BATCH, WhisperLoader, fitting_batch, widest
from locution_asr.domain.models import WINDOW_SAMPLES, Pcm
from locution_asr.domain.ports import Draft, WhisperRecord
from locution_speech.engine.errors import ModelLoadFailed

from tests.unit.asr.fakes import FakeEncoding, FakeRecogniser, record

GIB = 1 << 30


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    return monkeypatch


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize("wanted", ["auto", "cuda"])
def test_a_gpu_takes_one_worker_and_float16(wanted: str) -> None:
    device = choose(wanted)
    assert device == Device("cuda", workers=1, threads=1, compute_type="float16")
    assert (device.name, device.slots) == ("cuda:0", 2)


@pytest.mark.usefixtures("gpus")
def test_what_is_told_is_kept() -> None:
    assert choose("cuda", 2, 3, "int8_float16") == Device("cuda", 2, 3, "int8_float16")
    assert choose("cpu", 2, 3, "float32") == Device("cpu", 2, 3, "float32")


@pytest.mark.parametrize(("cores", "workers", "threads"), [(2, 2, 1), (8, 8, 1), (32, 8, 4)])
def test_a_cpu_takes_a_worker_a_core_and_int8(
    monkeypatch: pytest.MonkeyPatch, cores: int, workers: int, threads: int
) -> None:
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 0)
    monkeypatch.setattr(devices, "usable_cores", lambda: cores)
    assert choose("auto") == Device("cpu", workers, threads, "int8")
    assert choose("auto").slots == workers


@dataclass
class SmallGpu(FakeRecogniser):
    """A recogniser on a GPU with so much memory, of which a window takes a GiB, its models none."""

    memory: int = 0
    used: int = 0
    tried: list[int] = field(default_factory=list)

    def encode(self, windows: Sequence[Pcm], length: int) -> FakeEncoding:
        self.tried.append(len(windows))
        if len(windows) * GIB > self.memory:
            raise RuntimeError("CUDA failed with error out of memory")
        self.used = len(windows) * GIB
        return super().encode(windows, length)

    def free(self) -> int:
        return self.memory - self.used


GPU = Device("cuda", 1, 1, "float16")


@pytest.mark.parametrize(("gibibytes", "largest"), [(6, 4), (8, 4), (9, 8), (40, 32)])
def test_on_a_gpu_a_batch_fits_the_memory_with_some_left(gibibytes: int, largest: int) -> None:
    gpu = SmallGpu(memory=gibibytes * GIB)
    size = fitting_batch(gpu, GPU, gpu.free)
    assert size <= largest
    assert size * GIB + GPU_RESERVE <= gpu.memory
    assert max(gpu.tried) <= LARGEST_GPU_BATCH


def test_another_fault_of_the_model_is_no_lack_of_memory() -> None:
    class Broken(FakeRecogniser):
        def encode(self, windows: object, length: int) -> FakeEncoding:
            raise RuntimeError("no kernel image is available")

    with pytest.raises(RuntimeError, match="kernel"):
        fitting_batch(Broken(), GPU, lambda: 40 * GIB)


def test_the_batch_of_a_cpu_is_not_searched() -> None:
    gpu = SmallGpu(memory=0)
    assert fitting_batch(gpu, Device("cpu", 2, 1, "int8")) == CPU_BATCH
    assert gpu.tried == []


def test_a_model_is_tried_at_its_widest_with_one_window_encoded() -> None:
    recogniser = FakeRecogniser()
    widest(recogniser, 4)
    assert (recogniser.batches, recogniser.lengths, len(recogniser.prompts)) == ([1], [WINDOW_SAMPLES], 4)


class Loader(WhisperLoader):
    """Load a recogniser that the test gives."""

    def _read(self, folder: Path, record: WhisperRecord) -> Any:
        return self.recogniser

    recogniser: Any = None


@pytest.mark.parametrize("fault", [RuntimeError("no kernel"), MemoryError()])
def test_a_model_that_does_not_run_fails_when_it_is_loaded(tmp_path: Path, fault: Exception) -> None:
    def fail(*_: object) -> Draft:
        raise fault

    (tmp_path / "whisper/fake").mkdir(parents=True)
    loader = Loader(tmp_path, Device("cpu", 2, 1, "int8"))
    object.__setattr__(loader, "recogniser", FakeRecogniser(speak=fail))
    with pytest.raises(ModelLoadFailed, match="batches of 4 do not run"):
        loader.load(record())
    object.__setattr__(loader, "recogniser", FakeRecogniser())
    loaded = loader.load(record())
    assert (loaded.batch_size, loaded.memory >= loaded.record.size) == (CPU_BATCH, True)
