"""Prometheus: one registry per service, served over HTTP on its own address."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, start_http_server

from . import names


class RpcMetrics:
    """Counts the calls of a server, their errors, their durations, and those in progress."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.handled = names.RPC_HANDLED.counter(registry)
        self.errors = names.RPC_ERRORS.counter(registry)
        self.seconds = names.RPC_SECONDS.histogram(registry)
        self.in_flight = names.RPC_IN_FLIGHT.gauge(registry)


def new_registry() -> CollectorRegistry:
    """Return a registry that measures the process, the interpreter and its garbage collector."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


@contextmanager
def serving(registry: CollectorRegistry, address: str) -> Iterator[int]:
    """Serve `/metrics` on `address` (host:port, port 0 for any) and yield the port."""
    host, _, port = address.rpartition(":")
    server, thread = start_http_server(int(port), host.strip("[]"), registry)
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        _join(thread)


def _join(thread: threading.Thread) -> None:
    thread.join(timeout=5)
