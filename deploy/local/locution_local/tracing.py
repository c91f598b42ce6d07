"""Read the span file and draw one trace as a tree."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from locution_local.errors import StackError

REPEATS = 3
"""So many siblings of one name or more are drawn as one line, unless everything is asked for."""


@dataclass(frozen=True, slots=True)
class Span:
    """Hold one finished span; times in nanoseconds since the epoch."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    service: str
    start: int
    end: int
    attributes: Mapping[str, object] = field(default_factory=dict)
    status: str = "UNSET"

    @property
    def failed(self) -> bool:
        """Say whether the span ended with an error."""
        return self.status.upper().endswith("ERROR")


def read(path: Path) -> Iterator[Span]:
    """Yield the spans of a file; a line that is being written may be cut short and is left out."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.endswith("\n"):
                yield _span(line, f"{path}:{number}")


def group(spans: Iterable[Span]) -> list[list[Span]]:
    """Gather spans into traces, in order of their first start."""
    traces: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        traces[span.trace_id].append(span)
    return sorted(traces.values(), key=lambda trace: min(span.start for span in trace))


def choose(traces: Sequence[list[Span]], beginning: str | None) -> list[Span] | None:
    """Return the trace of an id, or the last one of a job: the last in which a worker took part."""
    if beginning:
        fitting = [trace for trace in traces if trace[0].trace_id.startswith(beginning.lower())]
    else:
        fitting = [trace for trace in traces if is_job(trace)]
    return fitting[-1] if fitting else None


def is_job(trace: Iterable[Span]) -> bool:
    """Say whether a job's stages are in the trace: the worker and an engine, or another service it called."""
    services = {span.service for span in trace}
    return any("worker" in service for service in services) and len(services) > 1


def headline(trace: Sequence[Span]) -> str:
    """Return one line that sums a trace up."""
    services = sorted({span.service for span in trace})
    took = max(span.end for span in trace) - min(span.start for span in trace)
    root = min(trace, key=lambda span: span.start)
    return f"trace {trace[0].trace_id}  {root.name}  {_time(took)}  {len(trace)} spans of {', '.join(services)}"


def tree(trace: Sequence[Span], *, full: bool = False) -> list[str]:
    """Draw a trace: one line a span with its start, time and service; many alike siblings share a line."""
    known = {span.span_id for span in trace}
    children: dict[str | None, list[Span]] = defaultdict(list)
    for span in sorted(trace, key=lambda span: (span.start, -span.end)):
        children[span.parent_id if span.parent_id in known else None].append(span)
    began = min(span.start for span in trace)
    return list(_draw(children[None], children, began, "", full))


def _draw(
    spans: Sequence[Span], children: Mapping[str | None, list[Span]], began: int, indent: str, full: bool
) -> Iterator[str]:
    rows = [[span] for span in spans] if full else _collapse(spans, children)
    for position, row in enumerate(rows):
        last = position == len(rows) - 1
        yield _line(row, began, indent + ("└─ " if last else "├─ "))
        if len(row) == 1:
            below = children.get(row[0].span_id, [])
            yield from _draw(below, children, began, indent + ("   " if last else "│  "), full)


def _collapse(spans: Sequence[Span], children: Mapping[str | None, list[Span]]) -> list[list[Span]]:
    """Put childless siblings of one name and service into one row where there are many of them."""
    alike: dict[tuple[str, str, bool], list[Span]] = defaultdict(list)
    for span in spans:
        alike[_kind(span)].append(span)
    rows, drawn = [], set()
    for span in spans:
        fellows = [fellow for fellow in alike[_kind(span)] if not children.get(fellow.span_id)]
        if children.get(span.span_id) or len(fellows) < REPEATS:
            rows.append([span])
        elif _kind(span) not in drawn:
            drawn.add(_kind(span))
            rows.append(fellows)
    return rows


def _kind(span: Span) -> tuple[str, str, bool]:
    return span.name, span.service, span.failed


def _line(row: Sequence[Span], began: int, indent: str) -> str:
    first = row[0]
    spent = sum(span.end - span.start for span in row)
    label = first.name if len(row) == 1 else f"{first.name}  x{len(row)}"
    mark = "  FAILED" if first.failed else ""
    return f"{_time(first.start - began):>9} {_time(spent):>9}  {indent}{label}  [{first.service}]{mark}"


def _time(nanoseconds: int) -> str:
    milliseconds = nanoseconds / 1e6
    return f"{milliseconds:.1f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.2f} s"


def _span(line: str, where: str) -> Span:
    try:
        fields = json.loads(line)
        return Span(**{name: fields[name] for name in Span.__dataclass_fields__ if name in fields})
    except (ValueError, TypeError) as error:
        raise StackError(f"{where} holds no span: {error}") from error
