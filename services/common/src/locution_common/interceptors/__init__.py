"""The interceptor chain of every server, in its fixed order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from opentelemetry.trace import TracerProvider

from ..auth import Authenticator
from ..metrics import RpcMetrics
from .access_log import AccessLog
from .auth import HEALTH, REFLECTION, Auth
from .deadline import Deadline
from .errors import Errors, Translator
from .layer import Call, Layer, LayeredInterceptor
from .metrics import Metrics
from .request_id import RequestId
from .status import RemoteFailure, remote_failure, status_of, translate_unreachable
from .tracing import Tracing
from .validation import Validation

# Refusals must be named, traced, logged and counted, so those layers precede errors, and auth follows it.
ORDER: Final[tuple[type[Layer], ...]] = (
    RequestId,
    Tracing,
    AccessLog,
    Metrics,
    Errors,
    Deadline,
    Auth,
    Validation,
)


def chain(
    *,
    authenticator: Authenticator,
    tracer_provider: TracerProvider,
    metrics: RpcMetrics,
    default_deadline: float,
    reflection: bool,
    translators: Sequence[Translator] = (),
    admission: Sequence[Layer] = (),
    limits: Sequence[Layer] = (),
    services: Sequence[str] = (),
) -> LayeredInterceptor:
    """Return the interceptor that runs every layer in the order of ORDER.

    A service's own layers surround auth: `admission` before it, when the caller is unknown, `limits` after it. The
    rules of `services` are compiled now.
    """
    validation = Validation()
    validation.warm(services)
    open_prefixes = [HEALTH, *([REFLECTION] if reflection else [])]
    return LayeredInterceptor(
        [
            RequestId(),
            Tracing(tracer_provider),
            AccessLog(),
            Metrics(metrics),
            Errors([*translators, translate_unreachable]),
            Deadline(default_deadline),
            *admission,
            Auth(authenticator, open_prefixes),
            *limits,
            validation,
        ]
    )


__all__ = [
    "ORDER",
    "Call",
    "Layer",
    "LayeredInterceptor",
    "RemoteFailure",
    "Translator",
    "chain",
    "remote_failure",
    "status_of",
]
