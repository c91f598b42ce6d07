"""The caller's preferences for options that the command line leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from locution.v1.identity_pb2 import JobDefaults

from locution_client.client import Client
from locution_client.errors import ApiError
from locution_client.transcripts import FORMATS

FORMAT: Final = "txt"
"""The format if neither the command line nor any settings name one."""

_UNTOLD: Final = ("PERMISSION_DENIED", "UNIMPLEMENTED")
"""Status codes of a server that has no preferences, or does not show them to this key."""


async def export_formats(client: Client, given: Sequence[str] | None) -> tuple[str, ...]:
    """Return the given formats, else the caller's, else the tenant's, else FORMAT. Raises ApiError."""
    if given:
        return tuple(dict.fromkeys(given))
    try:
        return (await _stored(client) or FORMAT,)
    except ApiError as error:
        if error.code in _UNTOLD:
            return (FORMAT,)
        raise


async def _stored(client: Client) -> str | None:
    own = _named((await client.accounts.preferences()).job_defaults)
    if own is not None:
        return own
    tenant = (await client.accounts.caller()).tenant
    return _named((await client.administration.settings(tenant)).job_defaults)


def _named(defaults: JobDefaults) -> str | None:
    """Return a format's name, or None for no format and for one that this version does not know."""
    return next((name for name, value in FORMATS.items() if value == defaults.export_format), None)
