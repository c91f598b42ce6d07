"""Check objects against the definitions of custom resources, as strictly as `kubectl --validate=strict`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import crds
import jsonschema
from render_chart import Manifest

from tests.chart.tools import provided


def strict(schema: Any) -> Any:
    """Return a schema that also refuses fields that it does not name."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {key: strict(value) for key, value in schema.items()}
    closed = "properties" in found and schema.get("type") == "object"
    if closed and not schema.get("x-kubernetes-preserve-unknown-fields"):
        found.setdefault("additionalProperties", False)
    return found


@cache
def _definitions() -> dict[tuple[str, str], Any]:
    provided(crds.install, "the custom resource definitions")
    return {key: strict(schema) for key, schema in crds.schemas().items()}


def check(manifest: Manifest) -> None:
    """Raise jsonschema.ValidationError unless its definition allows the object. Skips where none can be fetched."""
    jsonschema.validate(manifest, _definitions()[manifest["apiVersion"], manifest["kind"]])
