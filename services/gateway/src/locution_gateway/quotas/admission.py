"""How many calls this process serves at once. Further calls are refused at once instead of queued."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from locution_common.errors import Reason, Refused

RETRY_SECONDS = 1.0


class Admission:
    """Counts calls in progress; streams and the rest have bounds of their own, so that neither shuts the other out."""

    def __init__(self, calls: int, streams: int) -> None:
        self._bounds = {True: calls, False: streams}
        self._busy = {True: 0, False: 0}

    @contextmanager
    def admitted(self, *, unary: bool) -> Iterator[None]:
        """Count a call while inside. Refuses with OVERLOADED."""
        if self._busy[unary] >= self._bounds[unary]:
            raise Refused(Reason.OVERLOADED, "the server has as many calls as it takes", retry_after=RETRY_SECONDS)
        self._busy[unary] += 1
        try:
            yield
        finally:
            self._busy[unary] -= 1

    @contextmanager
    def aside(self, *, unary: bool) -> Iterator[None]:
        """Count an admitted call no longer while inside: it only waits."""
        self._busy[unary] -= 1
        try:
            yield
        finally:
            self._busy[unary] += 1
