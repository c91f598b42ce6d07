"""Domain values as JSON for jsonb columns, and section transcripts as bytes."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


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
        """Read JSON values back. Raises pydantic.ValidationError for invalid ones."""
        return self._adapter.validate_python(value)
