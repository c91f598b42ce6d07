"""Layer 1: gives every call an id, the client's own if it is valid, and returns it in the trailers."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from .. import logs
from ..channels import REQUEST_ID_KEY
from .layer import Call

_SANE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestId:
    """Name each call in logs, errors and the calls that it makes itself."""

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        sent = [value for key, value in call.metadata if key == REQUEST_ID_KEY]
        call.request_id = _accepted(sent[0] if len(sent) == 1 else "")
        logs.request_id.set(call.request_id)
        call.context.set_trailing_metadata(((REQUEST_ID_KEY, call.request_id),))
        yield


def _accepted(sent: str | bytes) -> str:
    return sent if isinstance(sent, str) and _SANE.fullmatch(sent) else uuid.uuid4().hex
