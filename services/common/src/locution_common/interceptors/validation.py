"""Layer 8: checks every request message against the rules in its proto (protovalidate)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from protovalidate import Validator, Violation

from ..errors import FieldViolation, Reason, Refused
from .layer import Call
from .messages import settle

# Headers carry the status, and clients accept up to 8 KiB of them: ten violations of these lengths fit.
MAX_VIOLATIONS: Final = 10
MAX_PATH: Final = 120
MAX_DESCRIPTION: Final = 200

SMALL: Final = 1024
"""Bytes up to which a message is checked on the event loop."""

SECONDS: Final = 5.0


class Validation:
    """Refuse messages that break a rule with INVALID_REQUEST and the path of each field, at most ten."""

    def __init__(self) -> None:
        self._validator = Validator()

    def warm(self, services: Iterable[str]) -> None:
        """Compile the rules of all requests of these services, so that no first call waits for it."""
        waiting = [method.input_type for name in services for method in Default().FindServiceByName(name).methods]
        known: set[str] = set()
        while waiting:
            message = waiting.pop()
            if message.full_name in known or message.GetOptions().map_entry:
                continue
            known.add(message.full_name)
            self._validator.collect_violations(GetMessageClass(message)())
            waiting += [field.message_type for field in message.fields if field.message_type is not None]

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        yield

    async def check(self, call: Call, message: Any) -> None:
        """Refuse with INVALID_REQUEST if `message` breaks a rule.

        A large message is checked off the event loop, up to its first violation.
        """
        if not isinstance(message, Message) or call.method.startswith("/grpc."):
            return
        if message.ByteSize() <= SMALL:
            self._check(message, fail_fast=False)
            return
        try:
            async with asyncio.timeout(SECONDS):
                await asyncio.to_thread(self._check, message, fail_fast=True)
        except TimeoutError:
            raise Refused(Reason.INVALID_REQUEST, "the request takes too long to validate") from None

    def _check(self, message: Message, *, fail_fast: bool) -> None:
        settle(message)
        if violations := self._validator.collect_violations(message, fail_fast=fail_fast):
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
