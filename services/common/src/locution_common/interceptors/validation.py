"""Layer 8: checks every request message against the rules in its proto (protovalidate)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from google.protobuf.message import Message
from protovalidate import Validator, Violation

from ..errors import FieldViolation, Reason, Refused
from .layer import Call
from .messages import settle

# Headers carry the status, and clients accept up to 8 KiB of them: ten violations of these lengths fit.
MAX_VIOLATIONS: Final = 10
MAX_PATH: Final = 120
MAX_DESCRIPTION: Final = 200

SMALL: Final = 16 * 1024
"""Bytes up to which a message is checked on the event loop."""

SECONDS: Final = 5.0


class Validation:
    """Refuse messages that break a rule with INVALID_REQUEST and the path of each field, at most ten."""

    def __init__(self) -> None:
        self._validator = Validator()

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        yield

    async def check(self, call: Call, message: Any) -> None:
        """Refuse with INVALID_REQUEST if `message` breaks a rule. Large messages are checked off the event loop."""
        if not isinstance(message, Message) or call.method.startswith("/grpc."):
            return
        if message.ByteSize() <= SMALL:
            self._check(message)
            return
        try:
            async with asyncio.timeout(SECONDS):
                await asyncio.to_thread(self._check, message)
        except TimeoutError:
            raise Refused(Reason.INVALID_REQUEST, "the request takes too long to validate") from None

    def _check(self, message: Message) -> None:
        settle(message)
        if violations := self._validator.collect_violations(message):
            found = [_field_violation(violation) for violation in violations[:MAX_VIOLATIONS]]
            more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
            raise Refused(
                Reason.INVALID_REQUEST, f"the request is invalid: {_summary(found[0])}{more}", violations=found
            )


def _field_violation(violation: Violation) -> FieldViolation:
    proto = violation.proto
    path = _path(proto.field.elements) if proto.field is not None else ""
    description = proto.message or proto.rule_id or "is not valid"
    return FieldViolation(_shortened(path, MAX_PATH), _shortened(description, MAX_DESCRIPTION))


def _summary(violation: FieldViolation) -> str:
    return f"{violation.field}: {violation.description}" if violation.field else violation.description


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _path(elements: Iterable[Any]) -> str:
    """Return a field path in protovalidate's notation: `config.words[2].text`, `labels["a"]`."""
    return ".".join(element.field_name + _subscript(element) for element in elements)


def _subscript(element: Any) -> str:
    subscript = element.subscript
    if subscript is None:
        return ""
    value = subscript.value
    return f'["{value}"]' if isinstance(value, str) else f"[{str(value).lower()}]"
