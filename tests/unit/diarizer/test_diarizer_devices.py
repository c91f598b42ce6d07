"""The device that is chosen, without that device."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch
from locution_diarizer.adapters import devices
from locution_diarizer.adapters.devices import Device, choose


@pytest.mark.parametrize("wanted", ["auto", "cuda"])
def test_a_gpu_takes_large_batches(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose(wanted) == Device("cuda:0", workers=2, threads=1, batch_size=32)


def test_a_cpu_takes_a_worker_a_core_and_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(devices, "usable_cores", lambda: 4)
    assert choose("auto") == Device("cpu", workers=4, threads=1, batch_size=4)


def test_what_is_told_is_kept() -> None:
    assert choose("cpu", 3, 2, 7) == Device("cpu", 3, 2, 7)


@pytest.mark.parametrize(("name", "least"), [("cpu", devices.NICENESS), ("cuda:0", 0)])
def test_threads_give_way_on_a_cpu_alone(name: str, least: int) -> None:
    device, before = devices.Device(name, 1, 1, 1), os.getpriority(os.PRIO_PROCESS, 0)
    with ThreadPoolExecutor(1, initializer=partial(devices.prepare_thread, device)) as threads:
        assert threads.submit(os.getpriority, os.PRIO_PROCESS, 0).result() == max(least, before)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
