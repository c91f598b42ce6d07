"""Alerts and dashboards: every query names metrics, labels and values that exist, and every alert has its runbook."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import dashboards
import pytest
import render_chart as render
import yaml
from locution_common.errors import Reason
from locution_common.names import METRICS, QUEUE_STAGES, HistogramName
from locution_gateway.jobs.models import StageKind
from locution_gateway.pipeline.metrics import AttemptOutcome

from tests.chart.manifests import COMPONENTS, ROOT, Installation, containers, environment
from tests.chart.promql import Matcher, Selector, groupings, selectors
from tests.docs.test_links import anchors

MINIMAL = render.CHART / "ci" / "minimal-values.yaml"
EVERYTHING = Installation.render(render.CHART / "ci" / "everything-values.yaml")
RUNBOOKS = ROOT / "docs" / "runbooks.md"
NAMES = {metric.name: metric for metric in chain.from_iterable(METRICS.values())}
SCRAPED = {"namespace", "job", "pod", "service"}
"""Labels that Prometheus adds to every metric that a ServiceMonitor scrapes."""
OF_PROMETHEUS = {"up": ()}
KINDS = {kind.lower() for kind in StageKind}
# The values of labels that queries name, by metric where a label means different things.
VALUES: dict[str, set[str]] = {
    "reason": {str(reason) for reason in Reason},
    "locution_stage_attempts_total.outcome": {str(outcome) for outcome in AttemptOutcome},
    "locution_decode_children_total.outcome": {"decoded", "cancelled", *(str(reason) for reason in Reason)},
    "locution_stage_attempts_total.kind": KINDS,
    "locution_stage_failures_total.kind": KINDS,
    "locution_queue_stages.kind": KINDS,
    "code": {"INTERNAL", "UNKNOWN", "DATA_LOSS", "UNAVAILABLE"},
    "probe": {"postgres", "objects", "event_loop", "row_level_security"},
    "locution_troubled_rows.state": {"failing", "set_aside"},
}
DURATION = re.compile(r"[0-9]+(ms|s|m|h|d)")


def rules(installation: Installation = EVERYTHING) -> list[dict[str, Any]]:
    """Return the alerts of an installation."""
    (found,) = installation.of_kind("PrometheusRule")
    return [rule for group in found["spec"]["groups"] for rule in group["rules"]]


def shown() -> Iterator[tuple[str, str]]:
    """Yield each query of the dashboards with its place."""
    for name in dashboards.DASHBOARDS:
        for panel in dashboards.dashboard(name)["panels"]:
            yield from ((f"{name}: {panel['title']}", target["expr"]) for target in panel["targets"])


QUERIES = [(rule["labels"].get("component", "") + rule["alert"], rule["expr"]) for rule in rules()] + list(shown())


def labels_of(metric: str) -> set[str]:
    """Return the labels of a series. Raises KeyError for one that nothing serves."""
    if metric in OF_PROMETHEUS:
        return set()
    if metric in NAMES and not isinstance(NAMES[metric], HistogramName):
        return set(NAMES[metric].labels)
    base, _, suffix = metric.rpartition("_")
    if suffix not in {"bucket", "sum", "count"} or not isinstance(NAMES.get(base), HistogramName):
        raise KeyError(metric)
    return {*NAMES[base].labels, *(["le"] if suffix == "bucket" else [])}


def unknown_values(selector: Selector, matcher: Matcher) -> set[str]:
    """Return the values of a matcher that its label never has."""
    known = VALUES.get(f"{selector.metric}.{matcher.label}", VALUES.get(matcher.label))
    if matcher.label in SCRAPED:
        return set()
    assert known is not None, f"{selector.metric}: no values of {matcher.label} are listed here"
    return set(matcher.values) - known


@pytest.mark.parametrize("query", [query for _, query in QUERIES], ids=[place for place, _ in QUERIES])
def test_a_query_names_what_exists(query: str) -> None:
    found = list(selectors(query))
    assert found
    for selector in found:
        allowed = labels_of(selector.metric) | SCRAPED
        assert {matcher.label for matcher in selector.matchers} <= allowed
        assert "namespace" in {matcher.label for matcher in selector.matchers}, "another installation would be counted"
        assert [unknown for each in selector.matchers if (unknown := unknown_values(selector, each))] == []
    everywhere = set.union(*(labels_of(selector.metric) for selector in found))
    assert groupings(query) <= everywhere | SCRAPED


@pytest.mark.parametrize(
    "legend", sorted({key for panels in dashboards.DASHBOARDS.values() for p in panels for key in p.queries})
)
def test_a_legend_shows_labels_that_its_query_keeps(legend: str) -> None:
    queries = [p.queries[legend] for panels in dashboards.DASHBOARDS.values() for p in panels if legend in p.queries]
    for query in queries:
        assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= groupings(query)


def test_the_queries_reader_knows_a_wrong_query() -> None:
    (selector,) = selectors('sum by (kind) (rate(locution_nothing_total{namespace="x", kind!="y|z"}[5m])) > 0.5')
    assert selector == Selector("locution_nothing_total", (Matcher("namespace", ("x",)), Matcher("kind", ("y|z",))))
    with pytest.raises(KeyError):
        labels_of(selector.metric)
    with pytest.raises(KeyError):
        labels_of("locution_stage_seconds")  # a histogram has no series of its own name
    with pytest.raises(ValueError, match="not a matcher"):
        list(selectors("locution_queue_stages{kind}"))
    assert groupings("max by (kind, pod) (a) and on () b") == {"kind", "pod"}


def test_every_metric_that_can_be_watched_is_on_a_dashboard() -> None:
    named = {selector.metric for _, query in shown() for selector in selectors(query)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) if name not in NAMES else name for name in named}
    assert NAMES.keys() - families == set()


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["labels"].get("component", "") + rule["alert"])
def test_an_alert_is_whole(rule: dict[str, Any]) -> None:
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Locution[A-Z][A-Za-z]+", rule["alert"])
    assert "for" not in rule or DURATION.fullmatch(rule["for"])
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"].keys() == {"summary", "runbook_url"}
    assert rule["annotations"]["summary"].endswith(".")
    where = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert where <= groupings(rule["expr"])


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    text = RUNBOOKS.read_text(encoding="utf-8")
    named = {rule["annotations"]["runbook_url"].removeprefix("https://docs.example.com/runbooks#") for rule in rules()}
    assert named <= anchors(text)
    alerts = {rule["alert"] for rule in rules()}
    assert set(re.findall(r"`(Locution[A-Za-z]+)`", text)) == alerts
    assert len(named) >= 10


def test_runbooks_name_settings_and_values_that_exist() -> None:
    text = RUNBOOKS.read_text(encoding="utf-8")
    settings = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    named = set(re.findall(r"LOCUTION_[A-Z0-9_]+", text))
    assert len(named) > 5
    assert [name for name in named if f"| `{name}`" not in settings] == []
    metrics = set(re.findall(r"`(locution_[a-z_]+)`", text))
    assert metrics
    assert metrics - NAMES.keys() == set()
    reasons = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", text)) - named - {"DATA_LOSS", "SECTION_FAILED"}
    assert reasons - VALUES["reason"] == set()


def test_every_component_is_missed() -> None:
    found = {rule["labels"]["component"]: rule["expr"] for rule in rules() if rule["alert"] == "LocutionProcessMissing"}
    assert found.keys() == set(COMPONENTS)
    for component, query in found.items():
        (selector,) = selectors(query)
        (service,) = [value.values for value in selector.matchers if value.label == "job"]
        assert service == (EVERYTHING.get("Service", component)["metadata"]["name"],)


def test_a_component_that_may_have_no_pod_is_missed_while_its_work_waits() -> None:
    pooled = Installation.render(render.CHART / "ci" / "pools-values.yaml")
    missing = {rule["labels"]["component"]: rule for rule in rules(pooled) if rule["alert"] == "LocutionProcessMissing"}
    assert missing.keys() == set(COMPONENTS)
    assert {name: rule["for"] for name, rule in missing.items() if rule["for"] != "5m"} == {"diarizer": "15m"}
    query = missing["diarizer"]["expr"]
    test_a_query_names_what_exists(query)
    waiting = [one for one in selectors(query) if one.metric == QUEUE_STAGES.name]
    assert [each.values for one in waiting for each in one.matchers if each.label == "kind"] == [("diarize", "cluster")]


def test_limits_come_from_values() -> None:
    changes = {
        "metrics.prometheusRule.enabled": True,
        "metrics.prometheusRule.oldestWaitSeconds": 77,
        "metrics.prometheusRule.liveLagSeconds": 1.5,
    }
    changed = Installation("changed", render.manifests(render.template(MINIMAL, changes)))
    queries = {rule["alert"]: rule["expr"] for rule in rules(changed)}
    assert queries["LocutionQueueSlow"].endswith("> 77")
    assert queries["LocutionLiveLags"].endswith("> 1.5")
    assert rules(changed)[-1]["annotations"]["runbook_url"] == "docs/runbooks.md#webhooks-come-late"


OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def example(heading: str) -> dict[str, Any]:
    """Return the first values that the operations page shows under a heading."""
    text = OPERATIONS.partition(f"### {heading}\n")[2].partition("```yaml\n")[2].partition("```")[0]
    values: dict[str, Any] = yaml.safe_load(text)
    return values


def test_the_documented_values_set_up_prometheus_and_grafana() -> None:
    found = Installation("docs", render.manifests(render.template(MINIMAL, example("Alerts and dashboards"))))
    for kind in ("ServiceMonitor", "PrometheusRule"):
        (one,) = found.of_kind(kind)
        assert one["metadata"]["labels"]["release"] == "prometheus"
    assert rules(found)[0]["annotations"]["runbook_url"].startswith("https://wiki.example.com/locution/runbooks#")
    assert "prometheus.io/scrape" not in str(found.get("Deployment", "api"))
    allowed = found.get("NetworkPolicy", "worker")["spec"]["ingress"]
    (ingress,) = [rule for rule in allowed if rule["ports"] == [{"port": 9090, "protocol": "TCP"}]]
    assert ingress["from"] == example("Alerts and dashboards")["networkPolicy"]["scrapers"]


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_documented_values_let_every_process_reach_the_collector(component: str) -> None:
    values = example("OpenTelemetry Collector")
    found = Installation("docs", render.manifests(render.template(MINIMAL, values)))
    given = environment(containers(found.get("Deployment", component))[-1])
    assert given["OTEL_EXPORTER_OTLP_ENDPOINT"] == values["telemetry"]["otlpEndpoint"]
    assert (given["OTEL_EXPORTER_OTLP_PROTOCOL"], given["OTEL_TRACES_SAMPLER_ARG"]) == ("grpc", "0.1")
    policy = found.get("NetworkPolicy", component)["spec"]
    (way,) = values["networkPolicy"]["egress"]
    assert way in policy["egress"]
    assert way["ports"][0]["port"] == int(given["OTEL_EXPORTER_OTLP_ENDPOINT"].rpartition(":")[2])


def test_neither_is_there_by_default() -> None:
    plain = Installation.render(MINIMAL)
    assert plain.of_kind("PrometheusRule") == []
    assert [one for one in plain.of_kind("ConfigMap") if "dashboard" in one["metadata"]["name"]] == []


def test_each_dashboard_is_a_config_map_that_the_sidecar_finds() -> None:
    maps = [one for one in EVERYTHING.of_kind("ConfigMap") if "-dashboard-" in one["metadata"]["name"]]
    assert len(maps) == len(dashboards.DASHBOARDS) == 4
    for one in maps:
        assert one["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert one["metadata"]["annotations"] == {"folder": "Speech"}
        ((file, text),) = one["data"].items()
        name = file.removeprefix("locution-").removesuffix(".json")
        assert json.loads(text) == dashboards.dashboard(name)


@pytest.mark.parametrize("name", dashboards.DASHBOARDS)
def test_the_committed_dashboard_is_current(name: str) -> None:
    path: Path = dashboards.FOLDER / f"{name}.json"
    assert path.read_text(encoding="utf-8") == dashboards.written(name), "run `python deploy/helm/dashboards.py`"


@pytest.mark.parametrize("name", dashboards.DASHBOARDS)
def test_panels_lie_beside_each_other(name: str) -> None:
    panels = dashboards.dashboard(name)["panels"]
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels})
    assert len(places) == len(panels)
