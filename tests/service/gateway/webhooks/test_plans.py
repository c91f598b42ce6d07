"""The statements of deliveries use their indexes on a history of some size, with many webhooks waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from locution_gateway.platform.filters import parse_filter
from locution_gateway.platform.listing import Order, PageQuery, Position
from locution_gateway.platform.lists import Builder
from locution_gateway.webhooks import sql
from locution_gateway.webhooks.postgres import DELIVERY_COLUMNS

from tests.service.gateway.conftest import Gateway
from tests.support.plans import plans

TENANT, WEBHOOK, JOB = uuid4(), uuid4(), uuid4()
TABLE = "webhook_deliveries"

# Fifty webhooks, one of them ours, with a history each and a few that wait.
SEED = """
INSERT INTO gateway.webhooks (webhook_id, tenant_id, created_by, url, event_types)
SELECT CASE n WHEN 1 THEN $2::uuid ELSE gen_random_uuid() END, CASE n WHEN 1 THEN $1::uuid ELSE gen_random_uuid() END,
    'seed', 'https://hooks.example.com/' || n, '{JOB_SUCCEEDED}'
FROM generate_series(1, 50) AS n
"""
SEED_DELIVERIES = """
INSERT INTO gateway.webhook_deliveries (delivery_id, webhook_id, tenant_id, created_by, event_type, job_id, event_id,
    event_time, state, due_time)
SELECT gen_random_uuid(), k.webhook_id, k.tenant_id, 'seed', 'JOB_SUCCEEDED',
    CASE WHEN n = 7 THEN $1::uuid ELSE gen_random_uuid() END, n, now() - n * interval '1 minute',
    CASE WHEN n % 100 = 7 THEN 'PENDING' ELSE 'DELIVERED' END, now() - n * interval '1 minute'
FROM gateway.webhooks k, generate_series(1, 600) AS n
"""


@pytest.fixture
async def seeded(gateway: Gateway) -> Gateway:
    await gateway.owner.execute(SEED, TENANT, WEBHOOK)
    await gateway.owner.execute(SEED_DELIVERIES, JOB)
    await gateway.owner.execute("VACUUM ANALYZE gateway.webhooks, gateway.webhook_deliveries")
    return gateway


def page(text: str = "", key: str | None = None) -> tuple[str, list[object]]:
    builder = Builder(DELIVERY_COLUMNS, "d.delivery_id")
    builder.where("d.webhook_id", "uuid", WEBHOOK)
    builder.where("d.tenant_id", "uuid", TENANT)
    after = None if key is None else Position(key, uuid4())
    made = builder.page(sql.DELIVERIES, PageQuery(50, parse_filter(text, DELIVERY_COLUMNS), Order(), after))
    return made.text, list(made.values)


async def test_a_claim_reads_what_waits_and_no_history(seeded: Gateway) -> None:
    plan = await plans(seeded.owner, sql.CLAIM, timedelta(seconds=30), 32, 4)
    assert "webhook_deliveries_due" in plan, plan
    assert "webhook_deliveries_open" in plan, plan
    assert "webhook_deliveries_pkey" in plan, plan
    assert f"Seq Scan on {TABLE}" not in plan, plan


async def test_the_backlog_reads_what_waits_and_no_history(seeded: Gateway) -> None:
    plan = await plans(seeded.owner, sql.BACKLOG)
    assert "webhook_deliveries_due" in plan, plan
    assert f"Seq Scan on {TABLE}" not in plan, plan


async def test_forgetting_reads_what_is_old(seeded: Gateway) -> None:
    plan = await plans(seeded.owner, sql.FORGET, timedelta(hours=9, minutes=50), 100)
    assert "webhook_deliveries_by_age" in plan, plan
    assert f"Seq Scan on {TABLE}" not in plan, plan


@pytest.mark.parametrize(
    ("text", "age"),
    [("", None), ("", timedelta(hours=5)), ("state = DELIVERED", None)],
    ids=["first", "next", "filtered"],
)
async def test_pages_of_deliveries(seeded: Gateway, text: str, age: timedelta | None) -> None:
    statement, values = page(text, None if age is None else (datetime.now(UTC) - age).isoformat())
    plan = await plans(seeded.owner, statement, *values)
    assert "webhook_deliveries_by_time" in plan, plan
    assert f"Seq Scan on {TABLE}" not in plan, plan


@pytest.mark.parametrize("statement", [sql.RELEASE_NEXT, sql.POSTPONE_NEXT])
async def test_the_next_of_a_job_is_found_by_its_place(seeded: Gateway, statement: str) -> None:
    more = [uuid4()] if statement is sql.POSTPONE_NEXT else []
    plan = await plans(seeded.owner, statement, WEBHOOK, JOB, 1, *more)
    assert "webhook_deliveries_open" in plan or more, plan
    assert f"Seq Scan on {TABLE}" not in plan, plan
