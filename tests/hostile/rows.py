"""Rows corrupted within their types, as a superuser or a broken program would: each column of each table of a tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg

COLUMNS: Final = """
SELECT c.table_name, c.column_name, c.data_type, c.udt_name FROM information_schema.columns c
JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = 'gateway' AND t.table_type = 'BASE TABLE' AND c.is_identity = 'NO' AND c.is_generated = 'NEVER'
  AND c.table_name IN (SELECT table_name FROM information_schema.columns
                       WHERE table_schema = 'gateway' AND column_name = 'tenant_id')
ORDER BY c.table_name, c.ordinal_position
"""

# What no value may be: another tenant's. Everything else may.
KEPT: Final = {"tenant_id"}

VALUES: Final[dict[str, tuple[Any, ...]]] = {
    "text": (None, "", "x", "\u202e\U0010ffff", "x" * 5000, "{}", "../../etc/passwd"),
    "boolean": (None, True, False),
    "integer": (None, 0, -1, 1, 2**31 - 1, -(2**31)),
    "smallint": (None, 0, -1, 2**15 - 1),
    "bigint": (None, 0, -1, 1, 10**15, 2**60, 2**63 - 1, -(2**63)),
    "double precision": (None, 0.0, -1.0, 1e308, float("nan"), float("inf")),
    "real": (None, 0.0, -1.0, float("nan"), float("inf")),
    "uuid": (None, UUID(int=0), UUID(int=2**128 - 1)),
    "bytea": (None, b"", b"\0", b"\xff" * 1000),
    "date": (None, "0001-01-01", "9999-12-31", "infinity"),
    "timestamp with time zone": (None, "0001-01-01Z", "1970-01-01Z", "9999-12-31Z", "infinity", "-infinity"),
    "interval": (None, "0 s", "-1 day", "178000000 years"),
    "jsonb": (None, "{}", "[]", "null", '"x"', "1e308", '{"a": {"b": [null]}}', "[" * 3000 + "]" * 3000),
    "ARRAY": (None, "{}"),
}


@dataclass(frozen=True, slots=True)
class Corruption:
    """One column of one table, and a value of its type."""

    table: str
    column: str
    kind: str
    value: Any

    def __str__(self) -> str:
        return f"{self.table}.{self.column} = {str(self.value)[:20]!r}"


async def corruptions(owner: asyncpg.Connection[Any]) -> list[Corruption]:
    """Return every corruption of the schema."""
    return [each for row in await owner.fetch(COLUMNS) for each in _of_column(*row)]


def _of_column(table: str, column: str, kind: str, name: str) -> Iterator[Corruption]:
    if column in KEPT:
        return
    cast = f"{name[1:]}[]" if kind == "ARRAY" else kind
    for value in VALUES[kind]:
        yield Corruption(table, column, cast, value)


async def corrupt(owner: asyncpg.Connection[Any], tenant: UUID, one: Corruption) -> bool:
    """Corrupt a row of a tenant for good, without triggers; False if there is none or the schema refuses the value.

    The constraints of the schema hold for superusers too: what they refuse cannot be stored.
    """
    await owner.execute("SET session_replication_role = replica")
    find = f"SELECT ctid FROM gateway.{one.table} WHERE tenant_id = $1 ORDER BY random() LIMIT 1"
    place = await owner.fetchval(find, tenant)
    return place is not None and await _set(owner, one, place) is not None


@asynccontextmanager
async def corrupted(owner: asyncpg.Connection[Any], tenant: UUID, one: Corruption) -> AsyncIterator[bool]:
    """Corrupt a row of a tenant while inside; False if there is none or the schema refuses the value."""
    await owner.execute("SET session_replication_role = replica")
    find = f"SELECT ctid, to_jsonb(t)::text FROM gateway.{one.table} t WHERE tenant_id = $1 LIMIT 1"
    row = await owner.fetchrow(find, tenant)
    place = None if row is None else await _set(owner, one, row[0])
    try:
        yield place is not None
    finally:
        if row is not None and place is not None:
            back = f"(jsonb_populate_record(NULL::gateway.{one.table}, $1::text::jsonb)).{one.column}"
            put = f"UPDATE gateway.{one.table} SET {one.column} = {back} WHERE ctid = $2::tid"
            assert await owner.execute(put, row[1], place) == "UPDATE 1", f"{one} stayed"


async def _set(owner: asyncpg.Connection[Any], one: Corruption, place: Any) -> Any:
    value = f"\\x{one.value.hex()}" if isinstance(one.value, bytes) else one.value
    put = f"UPDATE gateway.{one.table} SET {one.column} = $1::text::{one.kind} WHERE ctid = $2::tid RETURNING ctid"
    try:
        found = await owner.fetchval(put, None if value is None else str(value), place)
    except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError):
        return None
    return found
