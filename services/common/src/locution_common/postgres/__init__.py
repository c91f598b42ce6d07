"""Postgres for the service that owns a schema: a pool, migrations under a lock, and notifications."""

from __future__ import annotations

from .listener import Listener, listening
from .migrations import MigrationFailed, await_schema, migrate, versions
from .pool import Connection, Pool, is_unavailable, open_pool, probe, translate, translated

__all__ = [
    "Connection",
    "Listener",
    "MigrationFailed",
    "Pool",
    "await_schema",
    "is_unavailable",
    "listening",
    "migrate",
    "open_pool",
    "probe",
    "translate",
    "translated",
    "versions",
]
