"""Each table of the schema has one owner: only that capability writes it, and who else reads it is listed here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import locution_gateway
from locution_gateway.commands import migrations_folder

ROOT = Path(locution_gateway.__file__).parent

OWNERS = {
    "platform": {"requests", "troubled_rows"},
    "quotas": {"quotas", "usage", "stored", "open_streams", "rate_buckets"},
    "identity": {"tenants", "users", "api_keys", "sessions", "invitations", "oidc_issuers", "login_attempts"},
    "uploads": {"uploads", "upload_parts", "objects", "deletions"},
    "jobs": {"jobs", "job_events", "stages", "stage_results", "sections", "speeds", "queue_clocks", "defaults"},
    "transcripts": {"transcripts", "segments"},
    "voices": {"voices"},
    "live": {"live_sessions", "live_chunks", "live_finals", "live_sections"},
    "webhooks": {"webhooks", "webhook_secrets", "webhook_deliveries"},
}
READERS = {
    ("quotas", "uploads"): "counts what a tenant uses",
    ("quotas", "jobs"): "counts what a tenant uses",
    ("quotas", "stages"): "counts what a tenant uses",
    ("quotas", "api_keys"): "counts what a tenant uses",
    ("quotas", "tenants"): "a tenant's share weighs its slots",
    ("jobs", "uploads"): "a job begins with an upload that is locked meanwhile",
    ("pipeline", "jobs"): "finds the object of a job's upload",
    ("pipeline", "uploads"): "finds the object of a job's upload",
    ("pipeline", "objects"): "finds the object of a job's upload",
    ("transcripts", "jobs"): "sections of a job that is not finished",
    ("transcripts", "stages"): "sections of a job that is not finished",
    ("transcripts", "sections"): "sections of a job that is not finished",
    ("transcripts", "stage_results"): "sections of a job that is not finished",
    ("voices", "jobs"): "a voice is enrolled from a job's speaker",
    ("voices", "stages"): "a voice is enrolled from a job's speaker",
    ("voices", "stage_results"): "a voice is enrolled from a job's speaker",
    ("voices", "transcripts"): "a voice is enrolled from a job's speaker",
}
"""Reads across capabilities, with their reasons."""
WRITERS = {
    ("pipeline", "jobs"): "the object of a job's upload becomes the job's own when its stage begins",
    ("identity", "defaults"): "a deleted user's preferences go with it",
}
"""Writes across capabilities, with their reasons."""

WRITE = re.compile(r"(?:INSERT INTO|UPDATE|DELETE FROM)\s+gateway\.(\w+)")
ANY = re.compile(r"(?:FROM|JOIN|INTO|UPDATE|USING)\s+gateway\.(\w+)(?!\s*\()\b")


def statements() -> Iterator[tuple[str, Path, str]]:
    """Yield every string of the product with its capability and module."""
    for path in sorted(ROOT.rglob("*.py")):
        capability = path.relative_to(ROOT).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "gateway." in node.value:
                yield capability, path, node.value


def used(pattern: re.Pattern[str]) -> set[tuple[str, str]]:
    tables = {table for owned in OWNERS.values() for table in owned}
    return {
        (capability, table)
        for capability, _, text in statements()
        for table in pattern.findall(text)
        if table in tables and table not in OWNERS.get(capability, ())
    }


def test_every_table_has_an_owner() -> None:
    files = sorted(migrations_folder().glob("*.sql"))
    up = "".join(path.read_text(encoding="utf-8").partition("-- migrate:down")[0] for path in files)
    renamed = dict(re.findall(r"ALTER TABLE gateway\.(\w+) RENAME TO (\w+)", up))
    created = {renamed.get(table, table) for table in re.findall(r"CREATE (?:UNLOGGED )?TABLE gateway\.(\w+)", up)}
    owned = [table for tables in OWNERS.values() for table in tables]
    assert sorted(owned) == sorted(created)


def test_only_the_owner_writes_a_table() -> None:
    assert used(WRITE) == WRITERS.keys()


def test_reads_across_capabilities_are_listed() -> None:
    assert used(ANY) - WRITERS.keys() == READERS.keys() - WRITERS.keys()
