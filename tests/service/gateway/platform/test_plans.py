"""The statements that lists run use their indexes on a table of some size."""

from __future__ import annotations

from uuid import uuid4

import pytest
from locution_gateway.jobs.postgres.jobs import COLUMNS
from locution_gateway.jobs.postgres.rows import SELECT
from locution_gateway.platform.filters import parse_filter
from locution_gateway.platform.listing import Order, PageQuery, Position
from locution_gateway.platform.lists import Builder, Statement
from locution_gateway.quotas.postgres.quotas import STORED

from tests.service.gateway.conftest import Gateway

TENANT = uuid4()

# Fifty tenants' jobs, one of them ours.
SEED = """
INSERT INTO gateway.jobs (job_id, tenant_id, created_by, display_name, state, upload_id, requested_config,
    effective_config, tags, create_time, end_time)
SELECT gen_random_uuid(), CASE n % 50 WHEN 0 THEN $1::uuid ELSE gen_random_uuid() END, 'seed', 'job ' || n,
    CASE n % 3 WHEN 0 THEN 'QUEUED' ELSE 'CANCELLED' END, gen_random_uuid(), '{}', '{}', ARRAY['tag' || n % 1000],
    now() - n * interval '1 second', CASE n % 3 WHEN 0 THEN NULL ELSE now() END
FROM generate_series(1, 30000) AS n
"""


def page(text: str = "", order: Order | None = None, key: str | None = None) -> Statement:
    builder = Builder(COLUMNS, "j.job_id")
    builder.where("j.tenant_id", "uuid", TENANT)
    after = None if key is None else Position(key, uuid4())
    return builder.page(SELECT, PageQuery(50, parse_filter(text, COLUMNS), order or Order(), after))


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (page(), "jobs_by_creation"),
        (page(key="2026-01-01T00:00:00+00:00"), "jobs_by_creation"),
        (page(order=Order("create_time", False)), "jobs_by_creation"),
        (page(order=Order("end_time"), key="infinity"), "jobs_by_end"),
        (page(order=Order("display_name", False), key="job 5"), "jobs_by_display_name"),
        (page("tags:tag7"), "jobs_by_tags"),
    ],
)
async def test_pages_of_jobs(gateway: Gateway, statement: Statement, index: str) -> None:
    await gateway.owner.execute(SEED, TENANT)
    await gateway.owner.execute("ANALYZE gateway.jobs")
    plan = "\n".join(row[0] for row in await gateway.owner.fetch(f"EXPLAIN {statement.text}", *statement.values))
    assert index in plan, plan
    assert "Seq Scan on jobs" not in plan, plan


# One tenant's uploads, nearly all of them finished long ago.
UPLOADS = """
WITH stored AS (
    INSERT INTO gateway.objects (object_id, tenant_id, created_by, object_key, size_bytes, sha256)
    VALUES (gen_random_uuid(), $1, 'seed', 'o', 1, repeat('0', 64)) RETURNING object_id
)
INSERT INTO gateway.uploads (upload_id, tenant_id, created_by, state, committed_bytes, object_key, object_id, expire_time)
SELECT gen_random_uuid(), $1, 'seed', CASE n % 3000 WHEN 0 THEN 'WRITING' ELSE 'READY' END, 10, 'k' || n,
    CASE n % 3000 WHEN 0 THEN NULL ELSE stored.object_id END, now()
FROM generate_series(1, 30000) AS n, stored
"""


async def test_stored_bytes_are_summed_over_unfinished_uploads_alone(gateway: Gateway) -> None:
    await gateway.owner.execute(UPLOADS, TENANT)
    await gateway.owner.execute("ANALYZE gateway.uploads")
    assert await gateway.owner.fetchval(STORED, TENANT) == 1 + 10 * 10
    plan = "\n".join(row[0] for row in await gateway.owner.fetch(f"EXPLAIN {STORED}", TENANT))
    assert "uploads_unfinished" in plan, plan
