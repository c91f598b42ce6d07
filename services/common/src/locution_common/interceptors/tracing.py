"""Layer 2: a server span for every call, child of the caller's span, streams included."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ..errors import Code
from .layer import Call

UNTRACED: Final = ("/grpc.health.", "/grpc.reflection.")
_OURS: Final = {
    Code.UNKNOWN,
    Code.INTERNAL,
    Code.DATA_LOSS,
    Code.UNAVAILABLE,
    Code.UNIMPLEMENTED,
    Code.DEADLINE_EXCEEDED,
}
_PROPAGATOR: Final = TraceContextTextMapPropagator()


class Tracing:
    """Record calls by OpenTelemetry's RPC conventions; the status is ERROR if the server is at fault."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("locution")

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        if call.method.startswith(UNTRACED):
            yield
            return
        service, _, method = call.method.lstrip("/").partition("/")
        with self._tracer.start_as_current_span(
            call.method.lstrip("/"),
            context=_remote(call),
            kind=SpanKind.SERVER,
            attributes={"rpc.system": "grpc", "rpc.service": service, "rpc.method": method},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            span.set_attribute("locution.request_id", call.request_id)
            try:
                yield
            finally:
                span.set_attribute("rpc.grpc.status_code", call.code)
                if call.code in _OURS:
                    span.set_status(Status(StatusCode.ERROR))


def _remote(call: Call) -> Context:
    carrier = {key: value for key, value in call.metadata if isinstance(value, str)}
    return _PROPAGATOR.extract(carrier, Context())
