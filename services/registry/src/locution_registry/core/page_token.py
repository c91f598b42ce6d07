"""Page tokens (AIP-158): opaque, and valid only with the same filter."""

from __future__ import annotations

import base64
import binascii
import json

from locution_common.errors import Reason, Refused

from ..domain.errors import ModelPathInvalid
from ..domain.models import Kind, ModelPath


def encode(kind: Kind | None, last: ModelPath) -> str:
    """Return the token of the page after `last`."""
    text = json.dumps(["models", kind, str(last)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def decode(kind: Kind | None, token: str) -> ModelPath | None:
    """Return the last model of the previous page, or None for the first page. Refuses with PAGE_TOKEN_INVALID."""
    if not token:
        return None
    match _content(token):
        case ["models", bound, str(last)] if bound == kind:
            return _path(last)
        case ["models", _, str()]:
            raise Refused(Reason.PAGE_TOKEN_INVALID, "the page token belongs to another kind")
        case _:
            raise Refused(Reason.PAGE_TOKEN_INVALID, "the page token is malformed")


def _content(token: str) -> object:
    try:
        content: object = json.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return content


def _path(text: str) -> ModelPath:
    try:
        return ModelPath.parse(text)
    except ModelPathInvalid:
        raise Refused(Reason.PAGE_TOKEN_INVALID, "the page token is malformed") from None
