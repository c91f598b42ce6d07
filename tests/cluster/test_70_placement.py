"""The production values on fifty simulated nodes (kwok): where pods are placed, and what a drain leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.cluster import images, node
from tests.cluster.node import CONFIGURATION
from tests.cluster.release import CHART, apply, component, helm, is_ready, kubectl, objects, wait_for
from tests.support import processes

SPACE: Final = "production"
CPU_NODES: Final = 40
GPU_NODES: Final = 10
PRESENT: Final = "nvidia.com/gpu.present"
WITHOUT_OPERATOR: Final = ("metrics.serviceMonitor.enabled=false", "metrics.prometheusRule.enabled=false")
"""The custom resources of the Prometheus operator are not installed here."""


def _node(name: str, gpus: int) -> dict[str, Any]:
    room = {"cpu": "32", "memory": "128Gi", "pods": "110", "ephemeral-storage": "400Gi"}
    if gpus:
        room["nvidia.com/gpu"] = str(gpus)
    zone = f"zone-{int(name.rpartition('-')[2]) % 3}"
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "topology.kubernetes.io/zone": zone}
    taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {**labels, "type": "kwok", **({PRESENT: "true"} if gpus else {})},
        },
        "spec": {"taints": [taint] if gpus else []},
        "status": {"allocatable": room, "capacity": room},
    }


@pytest.fixture(scope="module")
def nodes() -> Iterator[None]:
    """Fifty simulated nodes; the real one takes no pods meanwhile."""
    command = [
        *("kwok", "--kubeconfig", str(CONFIGURATION / "kwok.conf"), "--manage-all-nodes=false"),
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
    ]
    items = [_node(f"cpu-{number}", 0) for number in range(CPU_NODES)]
    items += [_node(f"gpu-{number}", 1) for number in range(GPU_NODES)]
    process = node.start("kwok", command)
    try:
        apply(*items)
        kubectl("cordon", node.NAME)
        yield
    finally:
        kubectl("delete", "nodes", "--selector", "type=kwok", seconds=120)
        kubectl("uncordon", node.NAME)
        processes.kill(process)


@pytest.fixture(scope="module")
def placed(nodes: None) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """The pods of the production values by component, all placed."""
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "locution-models", "namespace": SPACE},
        "spec": {
            "accessModes": ["ReadOnlyMany"],
            "storageClassName": "",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "production-models"},
        "spec": {
            "accessModes": ["ReadOnlyMany"],
            "capacity": {"storage": "1Gi"},
            "nfs": {"server": "192.0.2.1", "path": "/"},
        },
    }
    flags = [word for value in (f"image.tag={images.TAG}", *WITHOUT_OPERATOR) for word in ("--set", value)]
    try:
        apply(space, volume, claim)
        helm("--namespace", SPACE, "install", SPACE, CHART, "--values", CHART / "values-production.yaml", *flags)
        wait_for(lambda: all(map(is_ready, _all())) and len(_all()) >= 13, "the production pods")
        yield {name: objects("pods", component(name), namespace=SPACE) for name in ("api", "worker", "asr", "diarizer")}
    finally:
        helm("--namespace", SPACE, "uninstall", SPACE, "--ignore-not-found")
        kubectl("delete", "namespace", SPACE, "--wait=false")
        kubectl("delete", "persistentvolume", "production-models", "--wait=false")


def _all() -> list[dict[str, Any]]:
    return objects("pods", "app.kubernetes.io/name=locution", namespace=SPACE)


Placed = dict[str, list[dict[str, Any]]]


def test_engines_take_gpu_nodes_and_others_do_not(placed: Placed) -> None:
    """Engines with GPUs run on GPU nodes only, and nothing else does"""
    for name, pods in placed.items():
        kinds = {pod["spec"]["nodeName"].partition("-")[0] for pod in pods}
        assert kinds == {"gpu" if name in ("asr", "diarizer") else "cpu"}, name


def test_replicas_are_spread(placed: Placed) -> None:
    """No two pods of a component share a node"""
    for name, pods in placed.items():
        assert max(Counter(pod["spec"]["nodeName"] for pod in pods).values()) == 1, name


def test_a_drained_node_is_left_and_its_pods_placed_elsewhere(placed: Placed) -> None:
    """The drain of a node evicts its api pod, within the budget, and another node takes it"""
    drained = placed["api"][0]["spec"]["nodeName"]
    kubectl("drain", drained, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s", seconds=140)

    def moved() -> bool:
        found = objects("pods", component("api"), namespace=SPACE)
        return len(found) == len(placed["api"]) and all(map(is_ready, found)) and drained not in _nodes(found)

    wait_for(moved, "the api on another node")


def _nodes(pods: list[dict[str, Any]]) -> set[str]:
    return {pod["spec"].get("nodeName", "") for pod in pods}
