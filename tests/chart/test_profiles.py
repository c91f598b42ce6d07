"""The README says what each profile requests; a profile for two cores leaves half of them to Kubernetes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import render_chart as render

from tests.chart.manifests import Installation, pod

PROFILES = sorted(render.CHART.glob("values-*.yaml"))
ROW = re.compile(r"^\| `(values-[a-z-]+\.yaml)` \| ([\d.]+) \| ([\d.]+) GiB \| (\d+) \|$", re.MULTILINE)
MEMORY = {"Mi": 1 / 1024, "Gi": 1.0}


def _cpu(text: str) -> float:
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def _memory(text: str) -> float:
    return float(text[:-2]) * MEMORY[text[-2:]]


def requested(installation: Installation) -> tuple[float, float, int]:
    """Return cores, GiB and GPUs that all pods of an installation request."""
    cores, memory, gpus = 0.0, 0.0, 0
    least = {
        each["spec"]["scaleTargetRef"]["name"]: each["spec"]["minReplicas"]
        for each in installation.of_kind("HorizontalPodAutoscaler")
    }
    least |= {
        each["spec"]["scaleTargetRef"]["name"]: each["spec"]["minReplicaCount"]
        for each in installation.of_kind("ScaledObject")
    }
    for workload in (each for each in installation.workloads() if each["kind"] not in ("Job", "Pod")):
        count = least.get(workload["metadata"]["name"], workload["spec"].get("replicas", 1))
        for container in pod(workload)["containers"]:
            resources = container["resources"]
            cores += count * _cpu(resources["requests"]["cpu"])
            memory += count * _memory(resources["requests"]["memory"])
            gpus += count * sum(int(of) for name, of in resources["limits"].items() if name.startswith("nvidia.com/"))
    return round(cores, 3), round(memory, 1), gpus


def test_the_readme_says_what_each_profile_needs() -> None:
    rows = ROW.findall((render.HERE / "README.md").read_text(encoding="utf-8"))
    said = {name: (float(cores), float(memory), int(gpus)) for name, cores, memory, gpus in rows}
    assert said == {path.name: requested(Installation.render(path)) for path in PROFILES}


def test_two_cores_leave_room_for_kubernetes() -> None:
    cores, memory, _ = requested(Installation.render(render.CHART / "values-two-cores.yaml"))
    assert cores <= 1.0
    assert memory <= 3.0


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_pods_with_gpus_have_the_images_for_them(path: Path) -> None:
    for deployment in Installation.render(path).of_kind("Deployment"):
        main = pod(deployment)["containers"][0]
        with_gpu = any(name.startswith("nvidia.com/") for name in main["resources"]["limits"])
        assert main["image"].partition(":")[0].endswith("-cuda") is with_gpu, deployment["metadata"]["name"]
