"""What ends an attempt at a stage."""

from __future__ import annotations


class LeaseLostError(Exception):
    """The stage belongs to somebody else now, or is gone: nothing that this holder writes counts."""
