"""Measure the stage queue under a backlog and a long history: time of a claim beside SELECT 1, and fairness.

The Postgres of a stack of the bench's own, with its own settings (it syncs), holds ten tenants with unequal
recordings. Eight worker processes claim and finish sections through the worker's own adapter. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import asyncpg
from locution_common.postgres import open_pool
from locution_gateway.jobs.models import StageKind
from locution_gateway.pipeline.models import SectionResult
from locution_gateway.pipeline.postgres import PostgresStages
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.troubled import TroubledRows

from tests.bench import command
from tests.bench.figures import jain, quantile
from tests.bench.installation import Installation, installation
from tests.bench.queue_seed import SECONDS, fill
from tests.bench.table import Row

LEASE: Final = timedelta(seconds=60)
RESULT: Final = SectionResult(b"x" * 4096, 1.0)
DONE_BY_TENANT: Final = """
SELECT t.tenant_id, coalesce(sum(s.audio_samples) FILTER (WHERE s.worker LIKE 'bench-%'), 0)::float8 / 16000 AS seconds,
    count(*) FILTER (WHERE s.state = 'READY') AS waiting
FROM gateway.tenants t JOIN gateway.stages s USING (tenant_id)
WHERE t.name LIKE 'bench-%' GROUP BY t.tenant_id ORDER BY t.tenant_id
"""


@dataclass(frozen=True, slots=True)
class Latencies:
    """Seconds of each call of one worker."""

    claims: list[float]
    plain: list[float]
    taken: float


def main(argv: Sequence[str] | None = None) -> None:
    """Run the bench."""
    options = _options(argv)
    command.end_on_sigterm()
    with installation() as running:
        for name in ("worker", "gateway"):
            running.stack("kill", name)  # nobody else may claim, and no reaper may run
        superuser = url(running, "postgres")
        command.say(f"filling: {options.queued} queued and {options.finished} finished stages")
        asyncio.run(fill(superuser, options.queued, options.finished))
        command.say(f"claiming {options.claims} stages with {options.workers} workers")
        runs = _claim(url(running, "locution_worker"), options.workers, options.claims // options.workers)
        shares = asyncio.run(_shares(superuser))
    command.show("queue", _rows(options, runs, shares), options, notes=_notes(options, runs))


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    made = command.parser("queue", __doc__)
    made.add_argument("--queued", type=command.positive, default=100_000, metavar="N", help="stages that wait (100000)")
    made.add_argument("--finished", type=command.positive, default=1_000_000, metavar="N", help="done ones (1000000)")
    made.add_argument("--claims", type=command.positive, default=8_000, metavar="N", help="claims in all (8000)")
    made.add_argument("--workers", type=command.positive, default=8, metavar="N", help="worker processes (8)")
    options = made.parse_args(argv)
    if options.small:
        options.queued, options.finished, options.claims = 5_000, 5_000, 160
    return options


def url(running: Installation, role: str) -> str:
    """Return the URL by which a role reaches the stack's database."""
    return f"postgresql://{role}:{running.secret(f'postgres-{role}')}@{running.address('postgres')}/locution?sslmode=disable"


def _claim(database: str, workers: int, count: int) -> list[Latencies]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        return list(pool.map(work, [database] * workers, [f"bench-{n}" for n in range(workers)], [count] * workers))


def work(database: str, name: str, count: int) -> Latencies:
    """Claim and finish sections in a process of its own; every claim has a SELECT 1 beside it."""
    return asyncio.run(_work(database, name, count))


async def _work(database: str, name: str, count: int) -> Latencies:
    claims, plain = list[float](), list[float]()
    async with open_pool(database, application=name, size=1) as pool:
        tenants = TenantDatabase(pool)
        stages = PostgresStages(tenants, timedelta(days=30), TroubledRows(tenants))
        async with tenants.across_tenants() as connection:
            await connection.fetchval("SELECT 1")
        began = time.perf_counter()
        for _ in range(count):
            claims.append(await _one_claim(stages, name))
            plain.append(await _one_select(tenants))
        return Latencies(claims, plain, time.perf_counter() - began)


async def _one_claim(stages: PostgresStages, name: str) -> float:
    began = time.perf_counter()
    lease = await stages.claim(name, LEASE, [StageKind.TRANSCRIBE])
    taken = time.perf_counter() - began
    if lease is None:
        raise RuntimeError("the backlog is used up: fairness and load would no longer be what is said")
    await stages.finish_section(lease, RESULT)
    return taken


async def _one_select(tenants: TenantDatabase) -> float:
    began = time.perf_counter()
    async with tenants.across_tenants() as connection:
        await connection.fetchval("SELECT 1")
    return time.perf_counter() - began


async def _shares(superuser: str) -> list[tuple[float, int]]:
    """Return each tenant's finished audio seconds and waiting stages."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(superuser, command_timeout=300)
    try:
        return [(row["seconds"], row["waiting"]) for row in await connection.fetch(DONE_BY_TENANT)]
    finally:
        await connection.close()


def _rows(options: argparse.Namespace, runs: Sequence[Latencies], shares: Sequence[tuple[float, int]]) -> list[Row]:
    claims = [1000 * value for run in runs for value in run.claims]
    plain = [1000 * value for run in runs for value in run.plain]
    stages = f"{options.queued} queued and {options.finished} finished stages"
    return [
        Row(
            what=f"claim, p99, {options.workers} workers, {stages}",
            aim="≤ 20 ms",
            measured=f"{quantile(claims, 0.99):.1f} ms",
            ours=f"p50 {quantile(claims, 0.5):.1f} ms, most {max(claims):.1f} ms",
            baseline=f"SELECT 1: p50 {quantile(plain, 0.5):.1f} ms, p99 {quantile(plain, 0.99):.1f} ms",
            remarks=f"{len(claims)} claims, each finished with its result and followed by one SELECT 1",
        ),
        Row(
            what=f"fairness over {len(shares)} backlogged tenants, sections of {SECONDS[0]} to {SECONDS[-1]} s",
            aim="Jain index ≥ 0.9",
            measured=f"{jain([seconds for seconds, _ in shares]):.3f}",
            ours=f"{min(s for s, _ in shares):.0f} to {max(s for s, _ in shares):.0f} audio seconds a tenant",
            remarks=f"least backlog left at the end: {min(waiting for _, waiting in shares)} stages",
        ),
    ]


def _notes(options: argparse.Namespace, runs: Sequence[Latencies]) -> list[str]:
    taken = max(run.taken for run in runs)
    return [f"Claimed and finished: {options.claims / taken:.0f} sections a second in {taken:.1f} s"]


if __name__ == "__main__":
    main()
