"""Update masks (AIP-134): which fields of a resource a call changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import TypeVar

from locution_common.errors import Reason, Refused

T = TypeVar("T")


def masked(mask: Iterable[str], values: T, nothing: T) -> T:
    """Return `nothing` with the fields of `values` in a mask. Refuses with UPDATE_MASK_INVALID."""
    allowed = tuple(field.name for field in fields(values))  # type: ignore[arg-type]  # T is a dataclass
    return replace(nothing, **{path: getattr(values, path) for path in checked(mask, allowed)})  # type: ignore[type-var]


def unchangeable(path: str, allowed: Iterable[str]) -> Refused:
    """Refuse a path of a mask."""
    message = f"{path!r} cannot be changed; these can: {', '.join(allowed)}"
    return Refused(Reason.UPDATE_MASK_INVALID, message, field="update_mask")


def checked(mask: Iterable[str], allowed: Sequence[str]) -> list[str]:
    """Return the paths of a mask. Refuses other paths with UPDATE_MASK_INVALID."""
    paths = list(mask)
    for path in paths:
        if path not in allowed:
            raise unchangeable(path, allowed)
    return paths
