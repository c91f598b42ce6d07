"""Every values file lints, renders to valid manifests of a chosen Kubernetes release, and to its committed example."""

from __future__ import annotations

import warnings
from pathlib import Path

import kubernetes_validate
import pytest
import render_chart as render

from tests.chart.manifests import COMPONENTS, LABEL, POOL, Installation, pod_labels

# Of the Prometheus operator, KEDA, cert-manager and the Gateway API: not in Kubernetes' own schemas.
OTHERS_KINDS = {"ServiceMonitor", "PrometheusRule", "ScaledObject", "Certificate", "GRPCRoute", "BackendTLSPolicy"}


@pytest.mark.parametrize("values", render.values_files(), ids=lambda path: path.stem)
def test_helm_lints_strictly(values: Path) -> None:
    report = render.helm("lint", "--strict", str(render.CHART), "--values", str(values))
    assert "0 chart(s) failed" in report
    assert "[WARNING]" not in report


def test_manifests_are_valid(installation: Installation) -> None:
    checked = [manifest for manifest in installation.manifests if manifest["kind"] not in OTHERS_KINDS]
    assert len(checked) >= 3 * len(COMPONENTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of kubernetes-validate's own imports
        for manifest in checked:
            kubernetes_validate.validate(manifest, render.KUBERNETES, strict=True)


def test_an_invalid_manifest_is_noticed(installation: Installation) -> None:
    manifest = {**installation.get("Deployment", "api"), "spec": {"replicas": "many"}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, render.KUBERNETES, strict=True)


@pytest.mark.parametrize("values", render.values_files(), ids=lambda path: path.stem)
def test_the_committed_example_is_current(values: Path) -> None:
    stale = f"{render.example(values).name} is stale: run `python deploy/helm/render_chart.py` and commit the result"
    assert render.example(values).read_text(encoding="utf-8") == render.settled(render.template(values)), stale


def test_no_example_is_left_over() -> None:
    assert {path.name for path in render.EXAMPLES.glob("*.yaml")} == {
        render.example(values).name for values in render.values_files()
    }


def test_names_are_unique_and_labelled(installation: Installation) -> None:
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in installation.manifests]
    assert len(names) == len(set(names))
    for manifest in installation.manifests:
        assert manifest["metadata"]["namespace"] == render.NAMESPACE
        assert manifest["metadata"]["labels"]["app.kubernetes.io/part-of"] == "locution"


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_is_whole(component: str, installation: Installation) -> None:
    for kind in ("ServiceAccount", "Service", "Deployment"):
        installation.get(kind, component)


def test_what_may_have_several_pods_has_a_disruption_budget_and_nothing_else(installation: Installation) -> None:
    most = {one["metadata"]["name"]: one["spec"].get("replicas", 0) for one in installation.of_kind("Deployment")}
    for kind, key in (("HorizontalPodAutoscaler", "maxReplicas"), ("ScaledObject", "maxReplicaCount")):
        most |= {one["spec"]["scaleTargetRef"]["name"]: one["spec"][key] for one in installation.of_kind(kind)}
    budgets = {one["metadata"]["name"] for one in installation.of_kind("PodDisruptionBudget")}
    assert budgets == {name for name, count in most.items() if count > 1}


def test_selectors_choose_the_pods_of_their_component_or_pool_alone(installation: Installation) -> None:
    pods = {each["metadata"]["name"]: pod_labels(each) for each in installation.workloads()}
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy", "Deployment", "StatefulSet"):
        for manifest in installation.of_kind(kind):
            selector = manifest["spec"].get("podSelector", manifest["spec"].get("selector"))
            selector = selector.get("matchLabels", selector)
            own = manifest["metadata"]["labels"]
            wanted = {
                name
                for name, labels in pods.items()
                if labels[LABEL] == own[LABEL].removesuffix("-ready") and own.get(POOL) in (None, labels.get(POOL))
            }
            chosen = {name for name, labels in pods.items() if selector.items() <= labels.items()}
            assert chosen == wanted, (kind, manifest["metadata"]["name"])
            assert chosen
            assert kind not in ("Deployment", "StatefulSet") or chosen == {manifest["metadata"]["name"]}
