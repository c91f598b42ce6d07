"""Engines on GPUs that do not exist: placed as on a GPU node, computing on the CPU."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

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
    """asr with a GPU (or a MIG slice) stays Pending without a device, and starts where one is"""
    kubectl("patch", "deployment", "locution-asr", "--patch", json.dumps(_patch(resource)))
    try:
        wait_for(lambda: any(pod["status"]["phase"] == "Pending" for pod in pods("asr")), "a Pending pod")
        pending = next(pod for pod in pods("asr") if pod["status"]["phase"] == "Pending")
        wait_for(
            lambda: f"Insufficient {resource}" in kubectl("describe", "pod", pending["metadata"]["name"]), "the reason"
        )
        with devices(resource, 1):
            wait_for(lambda: len(pods("asr")) == 1 and is_ready(pods("asr")[0]), f"asr on {resource}")
            assert _limits(pods("asr")[0])[resource] == "1"
    finally:
        kubectl("rollout", "undo", "deployment/locution-asr")
        kubectl("rollout", "status", "deployment/locution-asr", "--timeout=300s", seconds=320)


def _patch(resource: str) -> dict[str, object]:
    container = {"name": "asr", "resources": {"limits": {resource: "1"}}}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


def _limits(pod: dict[str, object]) -> dict[str, str]:
    found: dict[str, str] = pod["spec"]["containers"][0]["resources"]["limits"]  # type: ignore[index]
    return found
