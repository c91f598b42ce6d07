"""The alerts fire when they should and not before, and Prometheus reads every query: promtool, if it was built."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import dashboards
import promtool
import pytest
import render_chart as render
import yaml

from tests.chart.manifests import Installation

CASES = Path(__file__).resolve().parent / "alert_cases.yaml"
MINIMAL = render.CHART / "ci" / "minimal-values.yaml"
POOLED = render.CHART / "ci" / "pools-values.yaml"
OTHERS = ("api", "worker", "registry", "asr")
"""The components of POOLED that always have a pod."""


@pytest.fixture(scope="session")
def program() -> Path:
    """Give promtool."""
    if not promtool.TOOL.path.exists():
        pytest.skip("promtool is not built; run `python deploy/helm/promtool.py`")
    return promtool.TOOL.path


def alerts(values: Path = MINIMAL) -> dict[str, Any]:
    """Return the rules of the chart as Prometheus reads them."""
    text = render.template(values, {"metrics.prometheusRule.enabled": True})
    (rule,) = Installation("alerts", render.manifests(text)).of_kind("PrometheusRule")
    spec: dict[str, Any] = rule["spec"]
    return spec


def run(program: Path, folder: Path, *arguments: str) -> str:
    """Run promtool in a folder and return what it says; it must succeed."""
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_are_what_prometheus_reads(program: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(alerts()), encoding="utf-8")
    assert "rules found" in run(program, tmp_path, "check", "rules", "--lint=all", "--lint-fatal", "rules.yaml")


def test_alerts_fire_when_they_should_and_not_before(program: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(alerts()), encoding="utf-8")
    shutil.copy(CASES, tmp_path / "cases.yaml")
    assert "SUCCESS" in run(program, tmp_path, "test", "rules", "cases.yaml")


def missing(minutes: int, component: str) -> dict[str, Any]:
    """Return a case: whether a component that may have no pod is missing after some minutes."""
    labels = {"severity": "critical", "component": component}
    notes = {
        "summary": f"No {component} of Locution answers Prometheus.",
        "runbook_url": "docs/runbooks.md#a-process-is-missing",
    }
    expected = [{"exp_labels": labels, "exp_annotations": notes}] if component else []
    return {"alertname": "LocutionProcessMissing", "eval_time": f"{minutes}m", "exp_alerts": expected}


def test_a_component_from_zero_is_missed_when_its_work_waits(program: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(alerts(POOLED)), encoding="utf-8")
    up = [
        {"series": f'up{{namespace="locution", job="locution-{name}", pod="a"}}', "values": "1x99"} for name in OTHERS
    ]
    queue = {
        "series": 'locution_queue_stages{namespace="locution", job="locution-api", pod="a", kind="diarize"}',
        "values": "0x30 2x3 0 2x30 0x30",
    }
    cases = [missing(30, ""), missing(44, ""), missing(48, "diarizer"), missing(90, "")]
    group = {"interval": "1m", "input_series": [*up, queue], "alert_rule_test": cases}
    (tmp_path / "cases.yaml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [group]}), encoding="utf-8"
    )
    assert "SUCCESS" in run(program, tmp_path, "test", "rules", "cases.yaml")


def test_every_query_of_dashboards_and_scaling_is_read(program: Path, tmp_path: Path) -> None:
    queries = [
        target["expr"].replace("$namespace", "locution")
        for name in dashboards.DASHBOARDS
        for panel in dashboards.dashboard(name)["panels"]
        for target in panel["targets"]
    ]
    for scaled in Installation.render(POOLED).of_kind("ScaledObject"):
        queries += [each["metadata"]["query"] for each in scaled["spec"]["triggers"] if each["type"] == "prometheus"]
    rules = [{"record": f"locution:query_{number}", "expr": query} for number, query in enumerate(queries)]
    (tmp_path / "rules.yaml").write_text(
        yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8"
    )
    assert f"{len(queries)} rules found" in run(program, tmp_path, "check", "rules", "--lint=none", "rules.yaml")


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    cases = yaml.safe_load(CASES.read_text(encoding="utf-8"))["tests"]
    tested = [case for group in cases for case in group["alert_rule_test"]]
    named = {rule["alert"] for group in alerts()["groups"] for rule in group["rules"]}
    assert {case["alertname"] for case in tested if case["exp_alerts"]} == named
    assert {case["alertname"] for case in tested if not case["exp_alerts"]} == named
