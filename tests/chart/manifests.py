"""Find one's way in rendered manifests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import render_chart as render
from render_chart import Manifest

ROOT = Path(__file__).resolve().parents[2]
COMPONENTS = ("api", "worker", "registry", "asr", "diarizer")
ENGINES = ("asr", "diarizer")
LABEL = "app.kubernetes.io/component"
POOL = "locution/pool"


@dataclass(frozen=True, slots=True)
class Installation:
    """The manifests that one values file gives."""

    name: str
    manifests: list[Manifest]

    @classmethod
    def render(cls, values: Path) -> Installation:
        """Render the chart with a values file, once a session."""
        return _rendered(values)

    def of_kind(self, kind: str) -> list[Manifest]:
        """Return every manifest of a kind."""
        return [manifest for manifest in self.manifests if manifest["kind"] == kind]

    def find(self, kind: str, component: str) -> Manifest | None:
        """Return a component's manifest of a kind, that of its first pool if it has several, or None."""
        found = [one for one in self.of_kind(kind) if one["metadata"]["labels"][LABEL] == component]
        assert len(found) == len({one["metadata"]["labels"].get(POOL) for one in found})
        return found[0] if found else None

    def get(self, kind: str, component: str) -> Manifest:
        """Return a component's manifest of a kind; it must exist."""
        found = self.find(kind, component)
        assert found is not None, f"{self.name}: no {kind} of {component}"
        return found

    def workloads(self) -> Iterator[Manifest]:
        """Return everything that makes pods."""
        yield from self.of_kind("Deployment")
        yield from self.of_kind("StatefulSet")
        yield from self.of_kind("Job")
        yield from self.of_kind("Pod")


@cache
def _rendered(values: Path) -> Installation:
    return Installation(values.stem, render.manifests(render.template(values)))


def pod(workload: Manifest) -> dict[str, Any]:
    """Return a workload's pod spec."""
    spec: dict[str, Any] = workload["spec"] if workload["kind"] == "Pod" else workload["spec"]["template"]["spec"]
    return spec


def pod_labels(workload: Manifest) -> dict[str, str]:
    """Return the labels of a workload's pods."""
    at = workload if workload["kind"] == "Pod" else workload["spec"]["template"]
    found: dict[str, str] = at["metadata"]["labels"]
    return found


def containers(workload: Manifest) -> list[dict[str, Any]]:
    """Return all containers of a workload's pods, init containers first."""
    spec = pod(workload)
    return [*spec.get("initContainers", []), *spec["containers"]]


def environment(container: dict[str, Any]) -> dict[str, str]:
    """Return a container's environment; a name given twice is a fault."""
    names = [variable["name"] for variable in container.get("env", [])]
    assert len(names) == len(set(names)), names
    return {variable["name"]: variable["value"] for variable in container.get("env", [])}
