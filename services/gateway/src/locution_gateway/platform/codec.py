"""Domain values as JSON for jsonb columns, and section transcripts as bytes."""

from __future__ import annotations

import logging
from typing import Any, Generic, TypeVar

from locution_common.errors import Reason, Refused
from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")

_log = logging.getLogger(__name__)


def stored_reason(text: str) -> Reason:
    """Return a reason that a row holds, and ROW_UNREADABLE for one that does not exist."""
    try:
        return Reason(text)
    except ValueError:
        _log.error("a row holds a reason that does not exist")
        return Reason.ROW_UNREADABLE


def _unreadable(error: ValidationError) -> Refused:
    """Log what is wrong with a row, without its contents, which may be what a caller said."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    extra = {"type": error.title, "field": ".".join(map(str, first["loc"])), "fault": first["type"]}
    _log.error("a stored value is unreadable", extra=extra)
    return Refused(Reason.ROW_UNREADABLE)


class Codec(Generic[T]):
    """Converts one type to plain JSON values and back."""

    def __init__(self, adapter: TypeAdapter[T], *, keep_none: bool = False, drop_defaults: bool = False) -> None:
        self._adapter = adapter
        self._exclude_none = not keep_none
        self._exclude_defaults = drop_defaults

    def dump(self, value: T) -> Any:
        """Return JSON values, for a parameter of type jsonb."""
        return self._adapter.dump_python(
            value, mode="json", exclude_none=self._exclude_none, exclude_defaults=self._exclude_defaults
        )

    def load(self, value: Any) -> T:
        """Read JSON values back. Refuses invalid ones with ROW_UNREADABLE."""
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            raise _unreadable(error) from None
