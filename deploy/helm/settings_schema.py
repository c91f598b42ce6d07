"""Keep the chart's schema of settings in step with the services' settings classes.

`python deploy/helm/settings_schema.py` rewrites `values.schema.json` from the classes; a test compares both. Secrets
are left out: they come from Secrets, never from `settings`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from locution_common.settings import ServiceSettings, Settings, setting_name
from locution_common.settings.base import is_secret
from pydantic.fields import FieldInfo

SCHEMA = Path(__file__).resolve().parent / "locution" / "values.schema.json"
CLASSES = {
    "api": "locution_gateway.settings:ApiSettings",
    "worker": "locution_gateway.settings:WorkerSettings",
    "registry": "locution_registry.settings:RegistrySettings",
    "asr": "locution_asr.settings:AsrSettings",
    "diarizer": "locution_diarizer.settings:DiarizerSettings",
}

Schema = dict[str, Any]


def settings_class(component: str) -> type[Settings]:
    """Return the settings class of a component's process."""
    module, _, name = CLASSES[component].partition(":")
    found: type[Settings] = getattr(importlib.import_module(module), name)
    return found


def settings_of(cls: type[Settings]) -> Schema:
    """Return the schema of a `settings` block: every setting but the secrets, as text."""
    fields = {name: field for name, field in sorted(cls.model_fields.items()) if not is_secret(field)}
    properties = {setting_name(name): _text(field) for name, field in fields.items()}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def current(schema: Schema) -> Schema:
    """Return the chart's schema with the services' current settings."""
    definitions = {**schema["$defs"], "defaultsSettings": settings_of(ServiceSettings)}
    definitions |= {f"{component}Settings": settings_of(settings_class(component)) for component in CLASSES}
    return {**schema, "$defs": definitions}


def read() -> Schema:
    """Return the committed schema of the chart."""
    schema: Schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return schema


def _text(field: FieldInfo) -> Schema:
    return {"type": "string", "description": field.description, **_choices(field.annotation)}


def _choices(annotation: Any) -> Schema:
    return {"enum": [str(one) for one in get_args(annotation)]} if get_origin(annotation) is Literal else {}


def main() -> int:
    """Rewrite the schema."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    SCHEMA.write_text(json.dumps(current(read()), indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"{SCHEMA.name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
