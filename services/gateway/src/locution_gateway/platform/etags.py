"""Etags: the version of a row (AIP-154)."""

from __future__ import annotations

from locution_common.errors import Reason, Refused


def etag(version: int) -> str:
    """Return the etag of a version."""
    return f'"{version}"'


def version(etag: str) -> int | None:
    """Return the version of an etag, or None for "". Refuses a malformed etag with ETAG_MISMATCH."""
    if not etag:
        return None
    text = etag.strip('"')
    if not text.isdecimal() or len(text) > 18:
        raise Refused(Reason.ETAG_MISMATCH)
    return int(text)
