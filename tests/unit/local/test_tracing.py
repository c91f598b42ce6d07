"""The span file becomes a tree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from locution_local import tracing
from locution_local.cli import main
from locution_local.errors import StackError
from locution_local.tracing import Span

MS = 1_000_000


def _span(span_id: str, parent: str | None, name: str, service: str, start: int, end: int, **more: str) -> Span:
    return Span("t1", span_id, parent, name, service, start * MS, end * MS, status=more.get("status", "OK"))


JOB = [
    _span("c", "b", "batch", "locution-asr", 20, 60),
    _span("b", "a", "stage transcribe", "locution-worker", 15, 70),
    _span("a", None, "CreateJob", "locution-gateway", 0, 5),
    *(_span(f"q{number}", "a", "INSERT", "locution-gateway", number, number + 1) for number in range(1, 5)),
    _span("d", "a", "stage join", "locution-worker", 71, 72, status="ERROR"),
]


def test_the_tree_follows_parents_and_starts() -> None:
    lines = tracing.tree(JOB)
    assert [line.partition("─ ")[2] for line in lines] == [
        "CreateJob  [locution-gateway]",
        "INSERT  x4  [locution-gateway]",
        "stage transcribe  [locution-worker]",
        "batch  [locution-asr]",
        "stage join  [locution-worker]  FAILED",
    ]
    assert lines[2].split()[:4] == ["15.0", "ms", "55.0", "ms"]


def test_everything_is_drawn_when_asked_for() -> None:
    assert sum("INSERT" in line for line in tracing.tree(JOB, full=True)) == 4


def test_a_span_without_its_parent_is_a_root() -> None:
    assert len(tracing.tree([_span("x", "gone", "late", "locution-asr", 0, 1)])) == 1


def test_siblings_with_children_are_never_folded() -> None:
    spans = [_span("r", None, "job", "locution-worker", 0, 90)]
    for number in range(4):
        spans.append(_span(f"s{number}", "r", "section", "locution-worker", number, 50))
        spans.append(_span(f"e{number}", f"s{number}", "Transcribe", "locution-asr", number, 40))
    assert sum("section" in line for line in tracing.tree(spans)) == 4


def test_the_last_job_is_chosen() -> None:
    other = [Span("t2", "z", None, "ListJobs", "locution-gateway", 900 * MS, 901 * MS)]
    older = [Span("t0", span.span_id, span.parent_id, span.name, span.service, -2, -1) for span in JOB]
    traces = tracing.group([*other, *JOB, *older])
    assert [trace[0].trace_id for trace in traces] == ["t0", "t1", "t2"]
    assert tracing.choose(traces, None) == JOB
    assert tracing.choose(traces, "T2") == other
    assert tracing.choose(traces, "nothing") is None


def test_a_line_in_the_making_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(_line(JOB[0]) + "\n" + _line(JOB[1])[:30])
    assert [span.name for span in tracing.read(path)] == ["batch"]


def test_a_broken_line_is_told_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(_line(JOB[0]) + "\n{}\n")
    with pytest.raises(StackError, match=r"trace\.jsonl:2"):
        list(tracing.read(path))


def test_the_command_prints_the_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCUTION_STATE", str(tmp_path))
    (tmp_path / "trace.jsonl").write_text("".join(_line(span) + "\n" for span in JOB))
    assert main(["trace"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "trace t1  CreateJob  72.0 ms  8 spans of locution-asr, locution-gateway, locution-worker"
    assert len(shown) == 6


def _line(span: Span) -> str:
    return json.dumps({name: getattr(span, name) for name in Span.__dataclass_fields__})
