"""What ends a stream to an engine."""

from __future__ import annotations


class EngineLostError(Exception):
    """The engine that listened is gone; another one can go on."""

    def __init__(self, retry_after: float = 0.2) -> None:
        super().__init__("the engine is gone")
        self.retry_after = retry_after
