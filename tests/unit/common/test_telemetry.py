from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest
from locution_common import telemetry
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Tracer


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter: InMemorySpanExporter) -> Iterator[Tracer]:
    provider = TracerProvider(sampler=telemetry.sampler(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider.get_tracer("test")
    provider.shutdown()


def test_a_client_span_without_a_parent_is_noise(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    with tracer.start_as_current_span("SELECT", kind=SpanKind.CLIENT):
        pass
    with tracer.start_as_current_span("job"), tracer.start_as_current_span("SELECT", kind=SpanKind.CLIENT):
        pass
    assert [span.name for span in exporter.get_finished_spans()] == ["SELECT", "job"]


def test_nothing_is_recorded_while_suppressed(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    with telemetry.suppressed(), tracer.start_as_current_span("poll"), tracer.start_as_current_span("inner"):
        assert telemetry.is_suppressed()
    assert not telemetry.is_suppressed()
    assert exporter.get_finished_spans() == ()


def test_a_captured_trace_is_resumed_also_while_suppressed(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    with tracer.start_as_current_span("accept"):
        row = telemetry.capture()
    with telemetry.suppressed(), telemetry.resumed(row), tracer.start_as_current_span("work"):
        pass
    accept, work = exporter.get_finished_spans()
    assert work.context.trace_id == accept.context.trace_id
    assert work.parent is not None
    assert work.parent.span_id == accept.context.span_id


@pytest.mark.parametrize("row", ["", "nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
def test_work_without_a_usable_trace_begins_one(tracer: Tracer, exporter: InMemorySpanExporter, row: str) -> None:
    with telemetry.resumed(row), tracer.start_as_current_span("work"):
        pass
    assert exporter.get_finished_spans()[0].parent is None


def test_outside_a_trace_nothing_is_captured() -> None:
    assert telemetry.capture() == ""


@pytest.mark.parametrize(("value", "recorded"), [("always_off", 0), ("parentbased_traceidratio", 0), ("", 1)])
def test_the_standard_sampler_setting_is_honoured(monkeypatch: pytest.MonkeyPatch, value: str, recorded: int) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", value)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=telemetry.sampler(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("t").start_as_current_span("root"):
        pass
    provider.shutdown()
    assert len(exporter.get_finished_spans()) == recorded


def _write(path: Path, service: str, count: int) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(telemetry.JsonLinesExporter(path, service)))
    for number in range(count):
        with provider.get_tracer("t").start_as_current_span("s", attributes={"n": number, "text": "x" * 300}):
            pass
    provider.shutdown()


def test_processes_share_a_file_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "new" / "traces.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(path, f"s{number}", 200)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(50)
        assert writer.exitcode == 0
    spans = [json.loads(line) for line in path.read_text().splitlines()]
    seen = {(span["service"], span["attributes"]["n"]) for span in spans}
    assert seen == {(f"s{number}", n) for number in range(3) for n in range(200)}
    assert set(spans[0]) == {
        *("trace_id", "span_id", "parent_id", "name", "service"),
        *("kind", "start", "end", "attributes", "status"),
    }
    assert spans[0]["end"] - spans[0]["start"] < 60_000_000_000
