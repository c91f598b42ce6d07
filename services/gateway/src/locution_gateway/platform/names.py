"""Resource names and ids."""

from __future__ import annotations

from uuid import UUID


def parse_id(collection: str, name: str) -> UUID | None:
    """Return the id in "<collection>/<id>", None where there is none in the form that we give out."""
    prefix, _, text = name.partition("/")
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if prefix == collection and str(found) == text else None
