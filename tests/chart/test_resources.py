"""Every container says what it needs and may use at most, and its probes wait as long as a busy node takes."""

from __future__ import annotations

import re
from typing import Any

import pytest
import settings_schema
from locution_common.settings import ServiceSettings
from pydantic import TypeAdapter

from tests.chart.manifests import COMPONENTS, Installation, containers, pod

UNITS = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
LOGS = 128 * 2**20
"""Bytes of logs that a node keeps of a container beside its scratch: Kubernetes turns them over at 10 MiB, five times."""
PATIENCE = 5
"""Seconds that a check of a process may take on a node whose cores are all busy; Kubernetes' own default is 1."""


def size(text: str) -> float:
    """Return the bytes of a quantity."""
    found = re.fullmatch(r"([0-9.]+)(|[KMGT]i)", text)
    assert found is not None, text
    return float(found[1]) * UNITS[found[2]]


def test_every_container_requests_and_limits(installation: Installation) -> None:
    for workload in installation.workloads():
        for container in containers(workload):
            where = (workload["metadata"]["name"], container["name"])
            requests, limits = container["resources"]["requests"], container["resources"]["limits"]
            assert {"cpu", "memory", "ephemeral-storage"} <= requests.keys(), where
            assert {"memory", "ephemeral-storage"} <= limits.keys(), where
            assert "cpu" not in limits, "a limit would stop what has a free core beside it"
            for kind in ("memory", "ephemeral-storage"):
                assert size(requests[kind]) <= size(limits[kind]), where


def test_the_scratch_fits_into_the_limits_beside_logs(installation: Installation) -> None:
    for workload in installation.workloads():
        limits = pod(workload)["containers"][0]["resources"]["limits"]
        for scratch in (each["emptyDir"] for each in pod(workload)["volumes"] if "emptyDir" in each):
            if scratch.get("medium") != "Memory":
                assert size(scratch["sizeLimit"]) + LOGS <= size(limits["ephemeral-storage"]), workload["metadata"][
                    "name"
                ]


def probes(installation: Installation) -> list[tuple[str, dict[str, Any]]]:
    """Return every probe of every container."""
    return [
        (kind, container[kind])
        for workload in installation.workloads()
        for container in containers(workload)
        for kind in PROBES
        if kind in container
    ]


def test_a_busy_node_meets_the_probes(installation: Installation) -> None:
    found = probes(installation)
    assert len(found) >= len(PROBES) * len(COMPONENTS)
    for kind, probe in found:
        assert probe["timeoutSeconds"] >= PATIENCE
        if kind == "livenessProbe":
            assert probe["timeoutSeconds"] == 10
            assert probe["failureThreshold"] * probe["periodSeconds"] >= 60


def test_a_start_may_take_three_minutes(installation: Installation) -> None:
    for kind, probe in probes(installation):
        if kind == "startupProbe":
            assert probe["failureThreshold"] * probe["periodSeconds"] >= 180


@pytest.mark.parametrize(("value", "name"), [("delaySeconds", "shutdown_delay"), ("graceSeconds", "shutdown_grace")])
def test_shutdown_values_have_the_bounds_of_their_settings(value: str, name: str) -> None:
    """The chart sets the settings and derives the pod's grace period from the same values."""
    schema = settings_schema.read()["$defs"]["defaults"]["properties"]["shutdown"]["properties"][value]
    accepts = TypeAdapter(ServiceSettings)
    for seconds in (schema["minimum"], schema["maximum"]):
        assert getattr(accepts.validate_python({name: seconds}), name) == seconds
