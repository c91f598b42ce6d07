"""Bounds of stored lengths of time. What lies beyond is read as the nearest bound, with a log line."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator

LONGEST: Final = timedelta(days=36_500)
"""The longest length of time in requests, settings and the database: it fits a timestamp when added to now."""

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2200
"""The years from and before which times are stored, as the checks of the schema have it."""

_log = logging.getLogger(__name__)


def bounded(value: timedelta) -> timedelta:
    """Return a length of time within -LONGEST and LONGEST."""
    if -LONGEST <= value <= LONGEST:
        return value
    _log.warning("a stored length of time is out of bounds and read as the bound", extra={"stored": str(value)})
    return LONGEST if value > timedelta() else -LONGEST


def bounded_seconds(value: float) -> timedelta:
    """Return a length of time in seconds within the bounds; NaN counts as 0."""
    most = LONGEST.total_seconds()
    return timedelta(seconds=value) if -most <= value <= most else bounded(timedelta.max if value > 0 else timedelta())


def _stored(value: Any, handler: ValidatorFunctionWrapHandler) -> timedelta:
    try:
        length: timedelta = handler(value)
    except ValidationError:
        if not str(value).startswith("P"):
            raise
        length = timedelta.max  # ISO 8601, but longer than Python's own limit
    return bounded(length)


StoredLength = Annotated[timedelta, WrapValidator(_stored)]
"""A length of time in a jsonb column."""
