"""OpenTelemetry: spans to a file of JSON lines and to OTLP, and trace contexts that outlive a process.

All functions here are sync; the SDK exports on its own thread.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import INVALID_SPAN_CONTEXT, Link, SpanKind, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes

tracer = trace.get_tracer("locution")

_log = logging.getLogger(__name__)
_SUPPRESSED = otel_context.create_key("locution-suppressed")
_PROPAGATOR = TraceContextTextMapPropagator()


def setup(service: str, trace_file: Path | None = None) -> TracerProvider:
    """Return the tracer provider of a service and install it if the process has none yet.

    Spans go to `trace_file` if given, and to OTLP if OTEL_EXPORTER_OTLP_ENDPOINT is set; OTEL_TRACES_SAMPLER applies.
    Call it before servers, channels and pools are created; `shutdown` on the result flushes.
    """
    resource = Resource.create({SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", service)})
    provider = TracerProvider(resource=resource, sampler=sampler(), shutdown_on_exit=False)
    for exporter in _exporters(service, trace_file):
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(provider)
        _instrument_clients(provider)
    return provider


@contextmanager
def suppressed() -> Iterator[None]:
    """Record no spans inside: for polling loops and probes. `resumed` re-enables them for work that a poll finds."""
    token = otel_context.attach(otel_context.set_value(_SUPPRESSED, True))
    try:
        yield
    finally:
        otel_context.detach(token)


def is_suppressed() -> bool:
    """Tell whether spans are suppressed here."""
    return bool(otel_context.get_value(_SUPPRESSED))


def capture() -> str:
    """Return the current trace context as a traceparent (W3C Trace Context), or "" outside a trace."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent", "")


@contextmanager
def resumed(traceparent: str) -> Iterator[None]:
    """Continue a captured trace: spans inside are its children. With "" they start a new trace."""
    token = otel_context.attach(extract(traceparent))
    try:
        yield
    finally:
        otel_context.detach(token)


def extract(traceparent: str) -> Context:
    """Return the OpenTelemetry context of a traceparent; malformed ones give an empty context."""
    return _PROPAGATOR.extract({"traceparent": traceparent}, Context())


def sampler() -> Sampler:
    """Return the sampler: the parent decides, and roots follow OTEL_TRACES_SAMPLER.

    It drops spans inside `suppressed`, and client spans without a parent: SQL and S3 outside any trace.
    """
    roots = _Dropping(_root_sampler(), lambda _, kind: kind is SpanKind.CLIENT)
    return _Dropping(ParentBased(root=roots), lambda parent, _: bool(otel_context.get_value(_SUPPRESSED, parent)))


class _Dropping(Sampler):
    """Drops the spans for which `drops` is true, by the parent's context and the kind."""

    def __init__(self, inner: Sampler, drops: Callable[[Context | None, SpanKind | None], bool]) -> None:
        self._inner = inner
        self._drops = drops

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        if self._drops(parent_context, kind):
            return SamplingResult(Decision.DROP)
        return self._inner.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        return f"Dropping({self._inner.get_description()})"


class JsonLinesExporter(SpanExporter):
    """Append spans to a file, one JSON object per line.

    Each batch is one write to a file opened with O_APPEND, so several processes can share it (POSIX write(2)).
    """

    def __init__(self, path: Path, service: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._service = service
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write the batch; return FAILURE if the disk accepts only part of it."""
        lines = "".join(json.dumps(_span_fields(span, self._service), default=str) + "\n" for span in spans).encode()
        try:
            whole = os.write(self._file, lines) == len(lines)
        except OSError as error:
            _log.warning("spans were not written", extra={"error": error.strerror})
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS if whole else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _span_fields(span: ReadableSpan, service: str) -> dict[str, object]:
    context = span.get_span_context() or INVALID_SPAN_CONTEXT
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "name": span.name,
        "service": service,
        "kind": span.kind.name,
        "start": span.start_time,
        "end": span.end_time,
        "attributes": dict(span.attributes or {}),
        "status": span.status.status_code.name,
    }


def _exporters(service: str, trace_file: Path | None) -> Iterator[SpanExporter]:
    if trace_file is not None:
        yield JsonLinesExporter(trace_file, service)
    if any(os.environ.get(f"OTEL_EXPORTER_OTLP{part}_ENDPOINT") for part in ("", "_TRACES")):
        yield _otlp_exporter()


def _otlp_exporter() -> SpanExporter:
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if protocol == "http/protobuf":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http

        return Http()
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc

    return Grpc()


def _root_sampler() -> Sampler:
    match os.environ.get("OTEL_TRACES_SAMPLER", "").removeprefix("parentbased_"):
        case "always_off":
            return ALWAYS_OFF
        case "traceidratio":
            return TraceIdRatioBased(float(os.environ.get("OTEL_TRACES_SAMPLER_ARG", "1")))
        case _:
            return ALWAYS_ON


def _instrument_clients(provider: TracerProvider) -> None:
    """Instrument the installed clients: an engine has neither asyncpg nor urllib3's instrumentation."""
    try:
        from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor

        instrumentor: Any = AsyncPGInstrumentor
        instrumentor().instrument(tracer_provider=provider)
    except ImportError:
        _log.debug("asyncpg is not installed, so it is not traced")
    try:
        from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor

        URLLib3Instrumentor().instrument(tracer_provider=provider, url_filter=_without_query)
    except ImportError:
        _log.debug("urllib3 is not installed, so it is not traced")


def _without_query(url: str) -> str:
    """Drop the query, which holds the signature of a presigned URL."""
    return url.partition("?")[0]
