"""Migrations expand, then contract: a new one breaks no release that still runs, or names the release that it needs."""

from __future__ import annotations

import re
from pathlib import Path

import locution_gateway.commands
import locution_registry.commands
import pytest

BASELINE = "20261130000010"
"""The last migration before the rule: nothing was released yet."""
FOLDERS = {
    "gateway": locution_gateway.commands.migrations_folder(),
    "registry": locution_registry.commands.migrations_folder(),
}
CONTRACT = re.compile(r"^-- contract: \d+\.\d+\.\d+$", re.MULTILINE)
# What takes away something that the release before reads, writes or calls.
CONTRACTING = {
    "DROP": r"\bDROP\s+(TABLE|VIEW|COLUMN|FUNCTION|TYPE|SCHEMA|SEQUENCE|DEFAULT|TRIGGER|POLICY|ROLE)\b",
    "RENAME": r"\bRENAME\b",
    "TYPE": r"\bALTER\s+COLUMN\s+\S+\s+(SET\s+DATA\s+)?TYPE\b",
    "ALTER TYPE": r"\bALTER\s+TYPE\s+\S+\s+(?!ADD\b)",
    "NOT NULL": r"\bSET\s+NOT\s+NULL\b",
    "REVOKE": r"\bREVOKE\b(?!\s+ALL\s+ON\s+FUNCTION\s+\S+\s+FROM\s+PUBLIC)",
}
ADDED = re.compile(r"\bADD\s+COLUMN\s+([^,;]*)", re.IGNORECASE)


def contracting(migration: str) -> list[str]:
    """Return the names of what a migration does that the release before does not survive."""
    if CONTRACT.search(migration):
        return []
    up = re.sub(r"--[^\n]*", "", migration.partition("-- migrate:down")[0])
    found = [name for name, pattern in CONTRACTING.items() if re.search(pattern, up, re.IGNORECASE)]
    columns = [each.upper() for each in ADDED.findall(up)]
    if any("NOT NULL" in each and "DEFAULT" not in each and "GENERATED" not in each for each in columns):
        found.append("ADD NOT NULL")
    return found


def later() -> list[Path]:
    """Return the migrations after the baseline."""
    every = [path for folder in FOLDERS.values() for path in sorted(folder.glob("*.sql"))]
    assert len(every) > 30
    return [path for path in every if path.name.partition("_")[0] > BASELINE]


def test_no_migration_contracts_before_its_release() -> None:
    found = {path.name: names for path in later() if (names := contracting(path.read_text(encoding="utf-8")))}
    assert found == {}, "see docs/operations.md, Upgrade and rollback"


def test_the_baseline_is_a_migration_of_each_schema() -> None:
    for folder in FOLDERS.values():
        assert list(folder.glob(f"{BASELINE}_*.sql"))


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("DROP TABLE gateway.things", "DROP"),
        ("ALTER TABLE gateway.things DROP COLUMN note", "DROP"),
        ("alter table gateway.things alter column note drop default", "DROP"),
        ("DROP FUNCTION gateway.claim(uuid)", "DROP"),
        ("ALTER TABLE gateway.things RENAME COLUMN a TO b", "RENAME"),
        ("ALTER TABLE gateway.things RENAME TO others", "RENAME"),
        ("ALTER TABLE gateway.things ALTER COLUMN note TYPE integer USING 1", "TYPE"),
        ("ALTER TABLE gateway.things ALTER COLUMN note SET DATA TYPE integer", "TYPE"),
        ("ALTER TYPE gateway.state RENAME VALUE 'A' TO 'B'", "RENAME"),
        ("ALTER TABLE gateway.things ALTER COLUMN note SET NOT NULL", "NOT NULL"),
        ("ALTER TABLE gateway.things ADD COLUMN note text NOT NULL", "ADD NOT NULL"),
        ("REVOKE SELECT ON gateway.things FROM locution_api", "REVOKE"),
    ],
)
def test_a_statement_that_contracts_is_found_unless_the_file_names_its_release(statement: str, name: str) -> None:
    text = f"-- migrate:up\n{statement};\n-- migrate:down\n"
    assert name in contracting(text)
    assert contracting(f"-- contract: 1.4.0\n{text}") == []
    assert name in contracting(f"-- contract: soon\n{text}")


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE gateway.things ADD COLUMN note text",
        "ALTER TABLE gateway.things ADD COLUMN note text NOT NULL DEFAULT ''",
        "ALTER TABLE gateway.things ADD COLUMN a text, ADD COLUMN b integer NOT NULL DEFAULT 0",
        "CREATE TABLE gateway.more (id bigint NOT NULL)",
        "ALTER TYPE gateway.state ADD VALUE 'MORE'",
        "CREATE OR REPLACE FUNCTION gateway.claim() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "REVOKE ALL ON FUNCTION gateway.claim FROM PUBLIC",
        "ALTER TABLE gateway.things DROP CONSTRAINT things_note_check",
        "SELECT 1 -- DROP TABLE gateway.things",
    ],
)
def test_a_statement_that_expands_is_not(statement: str) -> None:
    assert contracting(f"-- migrate:up\n{statement}\n-- migrate:down\nDROP TABLE gateway.more;\n") == []
