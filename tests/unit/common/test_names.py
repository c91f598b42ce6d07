"""The one module of metric names: what it holds, and that nothing else names a metric."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from locution_common import names
from locution_common.names import CounterName, GaugeName, HistogramName, MetricName
from prometheus_client import CollectorRegistry

SERVICES = Path(__file__).resolve().parents[3] / "services"
HOME = SERVICES / "common" / "src" / "locution_common" / "names.py"
MAKERS = {"MetricName", "CounterName", "GaugeName", "HistogramName"}
METERS = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum", "Metric"}
LABELS = {"method", "code", "reason", "probe", "task", "kind", "outcome", "work", "state", "traffic"}
EVERY = tuple(dict.fromkeys(chain.from_iterable(names.METRICS.values())))


def imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def offences(source: str) -> list[str]:
    """Return how a module makes a metric that the one module of names does not know."""
    tree = ast.parse(source)
    meters = {name for module, name in imported(tree) if module.startswith("prometheus_client")} & METERS
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    named = strings & {metric.name for metric in EVERY}
    return sorted({*(called & (meters | MAKERS)), *named})


@pytest.mark.parametrize("path", sorted(SERVICES.glob("*/src/**/*.py")), ids=lambda path: path.stem)
def test_no_other_module_names_a_metric(path: Path) -> None:
    assert path == HOME or offences(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from prometheus_client import Counter\nCounter('x', 'y')", ["Counter"]),
        ("from locution_common import names\nnames.GaugeName('locution_x', 'y')", ["GaugeName"]),
        ("NAME = 'locution_queue_stages'", ["locution_queue_stages"]),
        ("from collections import Counter\nCounter('x')", []),
    ],
)
def test_a_metric_that_is_named_elsewhere_is_noticed(source: str, found: list[str]) -> None:
    assert offences(source) == found


def test_every_name_of_the_module_belongs_to_a_process() -> None:
    defined = [value for value in vars(names).values() if isinstance(value, MetricName)]
    assert len(defined) == len(EVERY) > 50
    assert {metric.name for metric in defined} == {metric.name for metric in EVERY}
    assert len({metric.name for metric in EVERY}) == len(EVERY)


@pytest.mark.parametrize("metric", EVERY, ids=lambda metric: metric.name)
def test_a_name_has_a_unit_a_sentence_and_few_labels(metric: MetricName) -> None:
    assert re.fullmatch(r"locution(_[a-z]+)+", metric.name)
    assert re.fullmatch(r"[A-Z1].*\.", metric.meaning)
    assert set(metric.labels) <= LABELS
    assert metric.name.endswith("_total") == isinstance(metric, CounterName)
    if isinstance(metric, HistogramName):
        assert list(metric.buckets) == sorted(metric.buckets)
        assert metric.name.endswith(("_seconds", "_windows", "_ratio"))


def test_each_kind_makes_its_own() -> None:
    registry = CollectorRegistry()
    CounterName("locution_a_total", "A.", ("kind",)).counter(registry).labels("x").inc()
    GaugeName("locution_b", "B.").gauge(registry).set(2)
    HistogramName("locution_c_seconds", "C.", buckets=(1, 2)).histogram(registry).observe(1.5)
    assert registry.get_sample_value("locution_a_total", {"kind": "x"}) == 1
    assert registry.get_sample_value("locution_b") == 2
    assert registry.get_sample_value("locution_c_seconds_bucket", {"le": "1.0"}) == 0
    assert registry.get_sample_value("locution_c_seconds_bucket", {"le": "2.0"}) == 1
