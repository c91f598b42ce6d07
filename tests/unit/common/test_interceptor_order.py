from __future__ import annotations

from locution_common.auth import RefuseAll
from locution_common.interceptors import ORDER, chain
from locution_common.metrics import RpcMetrics
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry


def test_the_chain_has_its_one_order() -> None:
    interceptor = chain(
        authenticator=RefuseAll(),
        tracer_provider=TracerProvider(shutdown_on_exit=False),
        metrics=RpcMetrics(CollectorRegistry()),
        default_deadline=1,
        reflection=False,
    )
    assert tuple(type(layer) for layer in interceptor.layers) == ORDER
    assert [layer.__name__ for layer in ORDER] == [
        "RequestId",
        "Tracing",
        "AccessLog",
        "Metrics",
        "Errors",
        "Deadline",
        "Auth",
        "Validation",
    ]
