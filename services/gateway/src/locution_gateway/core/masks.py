"""Update masks (AIP-134): which fields of a resource a call changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import TypeVar

from locution_gateway.domain.errors import UpdateMaskInvalidError

T = TypeVar("T")


def masked(mask: Iterable[str], values: T, nothing: T) -> T:
    """Return `nothing` with the fields of `values` that a mask names. Raises UpdateMaskInvalidError."""
    allowed = tuple(field.name for field in fields(values))  # type: ignore[arg-type]  # T is a dataclass
    return replace(nothing, **{path: getattr(values, path) for path in checked(mask, allowed)})  # type: ignore[type-var]


def checked(mask: Iterable[str], allowed: Sequence[str]) -> list[str]:
    """Return the paths of a mask. Raises UpdateMaskInvalidError for one that is not allowed."""
    paths = list(mask)
    for path in paths:
        if path not in allowed:
            raise UpdateMaskInvalidError(path, allowed)
    return paths
