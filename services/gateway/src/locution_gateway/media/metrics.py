"""Metrics of decode children."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from locution_common import names
from locution_common.errors import Reason, Refused
from prometheus_client import CollectorRegistry

FAULTS: Final = (Reason.MEDIA_DECODER_CRASHED, Reason.MEDIA_DECODE_TIMEOUT, Reason.INTERNAL)


class ChildMetrics:
    """Records how decode children end; what alerts count is served from the start."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._children = names.DECODE_CHILDREN.counter(registry)
        for fault in FAULTS:
            self._children.labels(fault)

    @contextmanager
    def child(self) -> Iterator[None]:
        """Record how the child of the context ends."""
        outcome = "decoded"
        try:
            yield
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except Exception as error:
            outcome = error.reason if isinstance(error, Refused) else Reason.INTERNAL
            raise
        finally:
            self._children.labels(outcome).inc()
