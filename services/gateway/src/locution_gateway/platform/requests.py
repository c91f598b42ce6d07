"""Repeated calls."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What makes a repeated call one call: the method, the client's id, and a digest of the request (AIP-155)."""

    method: str
    request_id: str
    fingerprint: str
