"""Channels to other Locution services: round robin, keepalive, tracing, and the service credential on every call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import grpc
from grpc.aio import ClientCallDetails, Metadata
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from pydantic import SecretStr

from . import logs, telemetry
from .addresses import is_literal, is_target, places, target, written
from .following import FollowingChannel, never
from .tls import Pair, PemFiles, channel_credentials

T = TypeVar("T")

REQUEST_ID_KEY: Final = "x-request-id"
MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_SERVICE_CONFIG: Final = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})


def open_channel(
    address: str,
    *,
    token: str | SecretStr | None = None,
    ca_file: Path | None = None,
    shown: Pair | None = None,
    server_name: str = "",
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    tracer_provider: TracerProvider | None = None,
) -> grpc.aio.Channel:
    """Return a channel to `address`; close it, preferably by `stack.enter_async_context`.

    `address` has the form of `addresses.FORM`. Calls rotate over all replicas that its names resolve to, also over
    later ones. With `ca_file` the connection uses TLS, and shows the certificate of `shown` if it is set. The server's
    certificate must be for `server_name`, by default the first name of the address. Changed files are used within
    seconds, except where the address is a gRPC target.
    """
    interceptors = _interceptors(_secret(token), tracer_provider)
    files = None if ca_file is None else PemFiles(shown, ca_file)

    def connect(target: str, authority: str | None = None) -> grpc.aio.Channel:
        chosen = [*options(max_message_bytes), *([("grpc.default_authority", authority)] if authority else [])]
        if files is None:
            return grpc.aio.insecure_channel(target, options=chosen, interceptors=interceptors)
        credentials = channel_credentials(files.contents)
        return grpc.aio.secure_channel(target, credentials, options=chosen, interceptors=interceptors)

    if is_target(address):
        return connect(address, server_name)
    found = places(address)
    authority = server_name or written(found[0][0])
    if files is None and len(found) == 1 and all(is_literal(host) for host, _ in found[0]):
        return connect(target(found[0]), authority)
    renewed = never if files is None else partial(asyncio.to_thread, files.refresh)
    return FollowingChannel(found, partial(connect, authority=authority), renewed=renewed)


def _secret(token: str | SecretStr | None) -> str | None:
    return token.get_secret_value() if isinstance(token, SecretStr) else token


def options(max_message_bytes: int = MAX_MESSAGE_BYTES) -> list[tuple[str, Any]]:
    """Return the options of a channel."""
    return [
        ("grpc.service_config", _SERVICE_CONFIG),
        (
            "grpc.enable_http_proxy",
            0,
        ),  # services talk to each other, never through the environment's web proxy
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.min_reconnect_backoff_ms", 1_000),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        ("grpc.dns_min_time_between_resolutions_ms", 5_000),
    ]


class _Outbound:
    """Send the service credential, the request id and the trace context with a call, and record a span around it.

    OpenTelemetry's own aio interceptors await the status of a unary call, so cancelling it no longer cancels the call.
    This one returns the call itself, and its end ends the span.
    """

    def __init__(self, token: str | None, provider: TracerProvider) -> None:
        self._authorization = f"Bearer {token}" if token else None
        self._tracer = provider.get_tracer("locution")

    async def send(self, continuation: Callable[..., Any], details: ClientCallDetails, request: Any) -> Any:
        """Make the call and return it at once."""
        method = _text(details.method).lstrip("/")
        service, _, name = method.partition("/")
        attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name}
        span = self._tracer.start_span(method, kind=SpanKind.CLIENT, attributes=attributes)
        wrapped = _Requests(request) if isinstance(request, AsyncIterable) else request
        try:
            call = await continuation(self._details(details, span), wrapped)
        except BaseException:
            span.end()
            raise
        call.add_done_callback(partial(_end, span))
        if isinstance(wrapped, _Requests):
            call.add_done_callback(wrapped.end)
        return call

    def _details(self, details: ClientCallDetails, span: Span) -> ClientCallDetails:
        metadata = Metadata(*tuple(details.metadata or ()))
        if self._authorization is not None and metadata.get("authorization") is None:
            metadata.add("authorization", self._authorization)
        if (current := logs.request_id.get()) and metadata.get(REQUEST_ID_KEY) is None:
            metadata.add(REQUEST_ID_KEY, current)
        for key, value in _trace_context(span).items():
            metadata.set_all(key, [value])
        return ClientCallDetails(details.method, details.timeout, metadata, details.credentials, details.wait_for_ready)


class _Requests:
    """The requests of a call. Release whoever waits for the next one when the call has ended.

    grpc.aio reads the requests in a task of its own and ends that task only if the caller cancels the call or ends the
    requests. If the server ends the call, the task waits until the garbage collector finds it.
    """

    def __init__(self, requests: AsyncIterable[Any]) -> None:
        self._requests = aiter(requests)
        self._reader: asyncio.Task[Any] | None = None
        self._ended = False

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self._ended:
            raise StopAsyncIteration
        self._reader = asyncio.current_task()
        try:
            return await anext(self._requests)
        finally:
            self._reader = None

    def end(self, _call: object) -> None:
        """Yield no more requests."""
        self._ended = True
        if self._reader is not None:
            self._reader.cancel()


def _trace_context(span: Span) -> dict[str, str]:
    """Return the trace headers; none outside a trace, so that the server starts one, unless spans are suppressed."""
    carrier: dict[str, str] = {}
    if span.is_recording() or trace.get_current_span().get_span_context().is_valid or telemetry.is_suppressed():
        _PROPAGATOR.inject(carrier, set_span_in_context(span))
    return carrier


def _end(span: Span, call: Any) -> None:
    code = _now(call.code())
    span.set_attribute("rpc.grpc.status_code", code.name if code is not None else "UNKNOWN")
    if code is not grpc.StatusCode.OK:
        span.set_status(Status(StatusCode.ERROR))
    span.end()


def _now(coroutine: Coroutine[Any, Any, T]) -> T | None:
    """Return the result of a coroutine that never suspends, as `code` of a finished call."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    return None


def _text(method: str | bytes) -> str:
    return method.decode() if isinstance(method, bytes) else method


# grpc.aio sorts interceptors by class and uses each for one kind of call, hence four classes.
class _UnaryUnary(_Outbound, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: ClientCallDetails, request: Any
    ) -> Any:
        return await self.send(continuation, client_call_details, request)


class _UnaryStream(_Outbound, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: ClientCallDetails, request: Any
    ) -> Any:
        return await self.send(continuation, client_call_details, request)


class _StreamUnary(_Outbound, grpc.aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(
        self, continuation: Callable[..., Any], client_call_details: ClientCallDetails, request_iterator: Any
    ) -> Any:
        return await self.send(continuation, client_call_details, request_iterator)


class _StreamStream(_Outbound, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self, continuation: Callable[..., Any], client_call_details: ClientCallDetails, request_iterator: Any
    ) -> Any:
        return await self.send(continuation, client_call_details, request_iterator)


def _interceptors(token: str | None, provider: TracerProvider | None) -> Sequence[grpc.aio.ClientInterceptor]:
    provider = provider or trace.get_tracer_provider()
    return [kind(token, provider) for kind in (_UnaryUnary, _UnaryStream, _StreamUnary, _StreamStream)]
