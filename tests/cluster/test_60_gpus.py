"""Engines on GPUs that do not exist: placed as on a GPU node, computing on the CPU."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cluster import node
from tests.cluster.release import Release, is_ready, kubectl, pods, wait_for
from tests.support import processes


@contextmanager
def devices(resource: str, count: int) -> Iterator[None]:
    """Offer devices on the node."""
    process = node.start("fake-gpu", ["fake-gpu", "--resource", resource, "--count", str(count)])
    try:
        wait_for(lambda: _allocatable().get(resource) == str(count), f"{count} of {resource}")
        yield
    finally:
        processes.kill(process)
        wait_for(lambda: _allocatable().get(resource, "0") == "0", f"the end of {resource}")


def _allocatable() -> dict[str, str]:
    found: dict[str, str] = json.loads(kubectl("get", "node", node.NAME, "--output", "json"))["status"]["allocatable"]
    return found


@pytest.mark.parametrize("resource", ["nvidia.com/gpu", "nvidia.com/mig-3g.20gb"])
def test_engines_wait_for_a_gpu_and_start_on_it(release: Release, resource: str) -> None:
    """asr with a GPU (or a MIG slice) by value stays Pending without a device, and starts where one is"""
    gpu = {"enabled": True, "resource": resource}
    release.install("--set-json", f"asr.gpu={json.dumps(gpu)}", wait=False)
    try:
        wait_for(lambda: any(_waits_for(resource, pod) for pod in pods("asr")), "a Pending pod")
        with devices(resource, 1):
            wait_for(lambda: len(pods("asr")) == 1 and is_ready(pods("asr")[0]), f"asr on {resource}")
            assert pods("asr")[0]["spec"]["containers"][0]["resources"]["limits"][resource] == "1"
    finally:
        release.install()


def _waits_for(resource: str, pod: dict[str, Any]) -> bool:
    told = [condition.get("message", "") for condition in pod["status"].get("conditions", [])]
    return pod["status"]["phase"] == "Pending" and any(f"Insufficient {resource}" in message for message in told)
