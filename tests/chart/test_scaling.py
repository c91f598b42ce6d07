"""Scaling on what waits: by external metrics or by KEDA, on metrics that exist, down by one pod after another."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from itertools import chain
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import render_chart as render
import yaml
from locution_common.names import ASR_QUEUED, LIVE_STREAMS, METRICS, QUEUE_AUDIO, QUEUE_OLDEST
from locution_gateway.jobs.models import StageKind

from tests.chart.manifests import ROOT, Installation, pod
from tests.chart.promql import selectors
from tests.chart.strictly import check

POOLED = Installation.render(render.CHART / "ci" / "pools-values.yaml")
EVERYTHING = Installation.render(render.CHART / "ci" / "everything-values.yaml")
MINIMAL = render.CHART / "ci" / "minimal-values.yaml"
NAMES = {metric.name: metric for metric in chain.from_iterable(METRICS.values())}
KINDS = {kind.lower() for kind in StageKind}
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def scaler(installation: Installation, kind: str, name: str) -> dict[str, Any]:
    """Return the spec of what scales a Deployment."""
    (found,) = [one["spec"] for one in installation.of_kind(kind) if one["metadata"]["name"] == f"locution-{name}"]
    assert found["scaleTargetRef"]["name"] == f"locution-{name}"
    spec: dict[str, Any] = found
    return spec


def scaled(changes: Mapping[str, object]) -> Installation:
    """Return an installation with autoscaling by these values."""
    return Installation("scaled", render.manifests(render.template(MINIMAL, changes)))


def external(component: str, autoscaling: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the external metrics of a component's HorizontalPodAutoscaler."""
    values = {"enabled": True, "targetCPUPercent": None, **autoscaling}
    found = scaler(scaled({f"{component}.autoscaling": values}), "HorizontalPodAutoscaler", component)
    assert {each["type"] for each in found["metrics"]} <= {"External"}
    return [each["external"] for each in found["metrics"]]


def audio(kinds: list[str], seconds: str) -> dict[str, Any]:
    """Return the metric of the seconds of audio that wait, per pod."""
    selector = {"matchExpressions": [{"key": "kind", "operator": "In", "values": kinds}]}
    return {
        "metric": {"name": QUEUE_AUDIO.name, "selector": selector},
        "target": {"type": "AverageValue", "averageValue": seconds},
    }


def oldest(kind: str, seconds: str) -> dict[str, Any]:
    """Return the metric of the oldest stage of a kind."""
    selector = {"matchExpressions": [{"key": "kind", "operator": "In", "values": [kind]}]}
    return {"metric": {"name": QUEUE_OLDEST.name, "selector": selector}, "target": {"type": "Value", "value": seconds}}


def per_pod(name: str, value: str) -> dict[str, Any]:
    """Return a metric without labels, per pod."""
    return {"metric": {"name": name}, "target": {"type": "AverageValue", "averageValue": value}}


def test_workers_scale_on_every_stage_that_waits() -> None:
    kinds = [kind.lower() for kind in StageKind]
    found = external("worker", {"queue": {"audioSeconds": 1800, "oldestSeconds": 60}})
    assert found == [audio(kinds, "1800"), *(oldest(kind, "60") for kind in kinds)]


def test_asr_scales_on_audio_in_the_queue_and_in_itself_and_on_live_streams() -> None:
    found = external("asr", {"queue": {"audioSeconds": 1000000, "oldestSeconds": 300}, "streams": 20})
    assert found == [
        audio(["transcribe"], "1000000"),
        per_pod(ASR_QUEUED.name, "1000000"),
        oldest("transcribe", "300"),
        per_pod(LIVE_STREAMS.name, "20"),
    ]


def test_the_diarizer_scales_on_its_stages_and_the_api_on_live_streams() -> None:
    assert external("diarizer", {"queue": {"audioSeconds": 600}}) == [audio(["diarize", "cluster"], "600")]
    assert external("api", {"streams": 40}) == [per_pod(LIVE_STREAMS.name, "40")]


def test_no_target_is_set_by_default() -> None:
    found = scaler(scaled({"worker.autoscaling.enabled": True}), "HorizontalPodAutoscaler", "worker")
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    assert found["metrics"] == [{"type": "Resource", "resource": cpu}]


def test_keda_asks_for_the_same() -> None:
    triggers = scaler(POOLED, "ScaledObject", "asr-bursts")["triggers"]
    here = 'namespace="locution"'
    assert [(each["metricType"], each["metadata"]["threshold"], each["metadata"]["query"]) for each in triggers] == [
        ("AverageValue", "7200", f'sum(max by (kind) ({QUEUE_AUDIO.name}{{{here}, kind=~"transcribe"}}))'),
        ("AverageValue", "7200", f"sum({ASR_QUEUED.name}{{{here}}}) or vector(0)"),
        ("Value", "300", f'sum(max by (kind) ({QUEUE_OLDEST.name}{{{here}, kind=~"transcribe"}}))'),
    ]
    for each in triggers:
        assert each["metadata"]["serverAddress"] == "http://prometheus.monitoring.svc.cluster.local:9090"
        assert each["metadata"]["ignoreNullValues"] == "false"
        assert each["authenticationRef"] == {"name": "prometheus"}
    cpu, *_ = scaler(POOLED, "ScaledObject", "worker")["triggers"]
    assert cpu == {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "80"}}


def test_a_pool_comes_from_zero() -> None:
    bursts = scaler(POOLED, "ScaledObject", "asr-bursts")
    assert (bursts["minReplicaCount"], bursts["maxReplicaCount"]) == (0, 8)
    assert (bursts["pollingInterval"], bursts["cooldownPeriod"]) == (15, 300)
    assert scaler(POOLED, "ScaledObject", "diarizer")["minReplicaCount"] == 0
    by_hand = {"enabled": True, "minReplicas": 0, "queue": {"oldestSeconds": 60}}
    found = scaler(scaled({"diarizer.autoscaling": by_hand}), "HorizontalPodAutoscaler", "diarizer")
    assert found["minReplicas"] == 0


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"minReplicas": 0}, "0 needs a target that is there without pods"),
        ({"minReplicas": 5}, "is more than maxReplicas"),
        ({"targetCPUPercent": None}, "set a target: targetCPUPercent, queue"),
        ({"targetCPUPercent": None, "keda": {"triggers": [{"type": "cron"}]}}, "set a target: targetCPUPercent, queue"),
        ({"keda": {"enabled": True}}, "set Prometheus' address"),
        (
            {"keda": {"enabled": True, "serverAddress": "http://x:9090"}, "metrics": [{"type": "Resource"}]},
            "give KEDA keda.triggers",
        ),
    ],
    ids=["zero", "fewest", "nothing", "nothing but another's", "address", "metrics"],
)
def test_what_cannot_scale_is_refused_by_name(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(render.HelmError, match=rf"asr\.autoscaling\..*{complaint}"):
        render.template(MINIMAL, {"asr.autoscaling": {"enabled": True, **values}})


@pytest.mark.parametrize(
    ("component", "key"),
    [("registry", "queue"), ("api", "queue"), ("worker", "streams"), ("diarizer", "streams"), ("defaults", "queue")],
)
def test_a_target_that_a_component_cannot_have_is_refused(component: str, key: str) -> None:
    with pytest.raises(render.HelmError, match="values don't meet the specifications"):
        render.template(MINIMAL, {f"{component}.autoscaling.{key}": {"audioSeconds": 5} if key == "queue" else 5})


@pytest.mark.parametrize("installation", [POOLED, EVERYTHING], ids=lambda each: each.name)
def test_one_pod_goes_at_a_time_and_has_its_grace_period(installation: Installation) -> None:
    grace = {
        one["metadata"]["name"]: pod(one)["terminationGracePeriodSeconds"] for one in installation.of_kind("Deployment")
    }
    seen = 0
    for kind in ("HorizontalPodAutoscaler", "ScaledObject"):
        for found in installation.of_kind(kind):
            spec = found["spec"]
            seen += 1
            behaviour = spec.get("behavior") or spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
            down = behaviour["scaleDown"]
            assert down["stabilizationWindowSeconds"] == 300
            (policy,) = down["policies"]
            assert (policy["type"], policy["value"]) == ("Pods", 1)
            assert policy["periodSeconds"] == grace[spec["scaleTargetRef"]["name"]]
    assert seen >= 4


def test_a_long_grace_period_is_cut_to_what_kubernetes_allows() -> None:
    changes = {"asr.autoscaling.enabled": True, "asr.shutdown.graceSeconds": 3600}
    found = scaler(scaled(changes), "HorizontalPodAutoscaler", "asr")
    assert found["behavior"]["scaleDown"]["policies"][0]["periodSeconds"] == 1800


def by_everything() -> list[dict[str, Any]]:
    """Return HorizontalPodAutoscalers with every target that there is."""
    changes: dict[str, object] = {
        f"{name}.autoscaling": {"enabled": True, "queue": {"audioSeconds": 5, "oldestSeconds": 5}}
        for name in ("worker", "asr", "diarizer")
    }
    changes |= {"api.autoscaling": {"enabled": True, "streams": 5}, "asr.autoscaling.streams": 5}
    return scaled(changes).of_kind("HorizontalPodAutoscaler")


def test_autoscalers_with_every_target_are_valid() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of kubernetes-validate's own imports
        for each in by_everything():
            kubernetes_validate.validate(each, render.KUBERNETES, strict=True)


@pytest.mark.parametrize("name", [each["metadata"]["name"] for each in POOLED.of_kind("ScaledObject")])
def test_scaled_objects_are_what_keda_allows(name: str) -> None:
    (found,) = [each for each in POOLED.of_kind("ScaledObject") if each["metadata"]["name"] == name]
    check(found)
    with pytest.raises(jsonschema.ValidationError):
        check({**found, "spec": {**found["spec"], "minReplicas": 1}})


def used() -> set[tuple[str, frozenset[str]]]:
    """Return each metric that something scales on, with the kinds that it asks for."""
    found = set()
    for each in by_everything():
        for metric in (one["external"]["metric"] for one in each["spec"]["metrics"] if one["type"] == "External"):
            (kinds,) = [e["values"] for e in metric.get("selector", {}).get("matchExpressions", [])] or [[]]
            found.add((metric["name"], frozenset(kinds)))
    for each in POOLED.of_kind("ScaledObject"):
        for trigger in (one for one in each["spec"]["triggers"] if one["type"] == "prometheus"):
            (asked,) = selectors(trigger["metadata"]["query"])
            kinds = [value for matcher in asked.matchers if matcher.label == "kind" for value in matcher.values]
            found.add((asked.metric, frozenset(kinds)))
    return found


def test_every_metric_exists_with_the_kinds_that_it_is_asked_for() -> None:
    found = used()
    assert len(found) > 8
    for name, kinds in found:
        assert kinds <= KINDS
        assert ("kind" in NAMES[name].labels) == bool(kinds)


def test_the_documented_adapter_serves_every_metric_and_counts_none_twice() -> None:
    """Each api measures the same queue, so its metrics are the most of all pods; the others are sums."""
    text = OPERATIONS.partition("### Autoscaling\n")[2].partition("```yaml\nrules:")[2].partition("```")[0]
    rules = yaml.safe_load("rules:" + text)["rules"]["external"]
    served: dict[str, str] = {}
    for rule in rules:
        (names,) = re.findall(r'\{__name__=~"([a-z_|]+)"', rule["seriesQuery"])
        served |= dict.fromkeys(names.split("|"), rule["metricsQuery"])
    assert served.keys() == {name for name, _ in used()}
    for name, query in served.items():
        whole = NAMES[name] in METRICS["gateway api"] and name != LIVE_STREAMS.name
        assert query.startswith("max by (kind) (" if whole else "sum("), name
