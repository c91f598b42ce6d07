"""Etags: the version of a row (AIP-154)."""

from __future__ import annotations

from locution_gateway.domain.errors import EtagMismatchError


def etag(version: int) -> str:
    """Return the etag of a version."""
    return f'"{version}"'


def version(etag: str) -> int | None:
    """Return the version that an etag names, None for "". Raises EtagMismatchError for what is no etag of ours."""
    if not etag:
        return None
    text = etag.strip('"')
    if not text.isdecimal() or len(text) > 18:
        raise EtagMismatchError
    return int(text)
