"""Settings: the environment of a service, checked completely at start.

Every setting is a field of a `ServiceSettings` subclass; its name is LOCUTION_ and the field's name in capitals. A
field of type SecretStr is read from NAME, or from the file that NAME_FILE names.
"""

from __future__ import annotations

from .base import Settings, setting_name
from .groups import (
    AwaitSchemaSettings,
    DatabaseSettings,
    ListenAddress,
    MigrateSettings,
    ObjectStoreSettings,
    ServiceAddress,
    ServiceSettings,
)
from .loading import Problem, SettingsInvalid, describe, load, read

__all__ = [
    "AwaitSchemaSettings",
    "DatabaseSettings",
    "ListenAddress",
    "MigrateSettings",
    "ObjectStoreSettings",
    "Problem",
    "ServiceAddress",
    "ServiceSettings",
    "Settings",
    "SettingsInvalid",
    "describe",
    "load",
    "read",
    "setting_name",
]
