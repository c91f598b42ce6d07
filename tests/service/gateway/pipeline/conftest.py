"""The stage queue on a real Postgres, as the roles that the services have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from locution_common import postgres as pg
from locution_gateway.commands import SCHEMA, migrations_folder
from locution_gateway.jobs.config import DiarizationConfig, JobConfig, JobRequestConfig
from locution_gateway.jobs.postgres import rows
from locution_gateway.media.models import ChannelMode
from locution_gateway.models.models import ModelChoice
from locution_gateway.pipeline.metrics import StageMetrics
from locution_gateway.pipeline.postgres import PostgresStages
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.ids import JobId, new_id
from locution_gateway.platform.principal import TenantId
from locution_gateway.platform.troubled import TroubledRows
from locution_speech.asr import Task
from prometheus_client import CollectorRegistry

from tests.support.postgres import Postgres, postgres

__all__ = ["postgres"]

ROLES = ("locution_api", "locution_worker")


@pytest.fixture
def gateway_database(postgres: Postgres) -> Iterator[str]:
    """A migrated database; its URL is the owner's."""

    async def prepare(url: str) -> None:
        for role in ROLES:
            if not postgres.sql(f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"):
                postgres.sql(f"CREATE ROLE {role} LOGIN")
        await pg.migrate(url, migrations_folder(), SCHEMA)

    with postgres.database(template=postgres.template("gateway_worker", prepare)) as url:
        yield url


@dataclass
class Queue:
    """The queue under test, and the owner's connection for looking behind it."""

    stages: PostgresStages
    owner: asyncpg.Connection[Any]
    tenant: TenantId

    async def job(self, *, tenant: TenantId | None = None, diarize: bool = True, priority: int = 0) -> JobId:
        """Put a job with its DECODE stage there, as CreateJob does."""
        job_id, tenant = JobId(new_id()), tenant or self.tenant
        await self.owner.execute(
            """INSERT INTO gateway.jobs (job_id, tenant_id, created_by, state, upload_id, requested_config,
                   effective_config, priority) VALUES ($1, $2, 'test', 'QUEUED', $3, $4, $5, $6)""",
            job_id, tenant, new_id(), rows.REQUEST.dump(JobRequestConfig()), rows.CONFIG.dump(config(diarize)),
            priority,
        )  # fmt: skip
        await self.owner.execute(
            """INSERT INTO gateway.stages (stage_id, job_id, tenant_id, kind, state, priority)
               VALUES ($1, $2, $3, 'DECODE', 'READY', $4)""",
            new_id(), job_id, tenant, priority,
        )  # fmt: skip
        return job_id

    async def state(self, job_id: JobId) -> str:
        """Return the job's state."""
        return str(await self.owner.fetchval("SELECT state FROM gateway.jobs WHERE job_id = $1", job_id))

    async def stage_states(self, job_id: JobId) -> dict[str, list[str]]:
        """Return the states of the job's stages by kind."""
        rows = await self.owner.fetch(
            """SELECT kind, array_agg(state ORDER BY section, channel) FROM gateway.stages
               WHERE job_id = $1 GROUP BY kind""",
            job_id,
        )
        return {kind: list(states) for kind, states in rows}


def config(diarize: bool) -> JobConfig:
    """Return a frozen configuration."""
    speakers = DiarizationConfig(ModelChoice("pyannote/x", "0" * 64)) if diarize else None
    return JobConfig(
        language="auto",
        task=Task.TRANSCRIBE,
        asr_model=ModelChoice("whisper/base", "0" * 64),
        beam_size=5,
        word_times=True,
        max_temperature=0.0,
        channel_mode=ChannelMode.MIX,
        diarization=speakers,
    )


@pytest.fixture
async def queue(gateway_database: str, postgres: Postgres) -> AsyncIterator[Queue]:
    """The queue as the worker's role sees it."""
    worker_url = gateway_database.replace("postgres@", "locution_worker@")
    async with pg.open_pool(worker_url, size=8) as pool, owner(gateway_database) as connection:
        database = TenantDatabase(pool)
        stages = PostgresStages(database, timedelta(days=30), TroubledRows(database))
        yield Queue(stages, connection, TenantId(uuid4()))


@asynccontextmanager
async def owner(url: str) -> AsyncIterator[Any]:
    """Give a connection of the owner, which row level security does not bind."""
    async with pg.open_pool(url, size=1) as pool, pool.acquire() as connection:
        yield connection


async def until(condition: Any, seconds: float = 60.0) -> None:
    """Wait for a condition, with a deadline."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


def unmeasured() -> StageMetrics:
    """Return metrics that nobody reads."""
    return StageMetrics(CollectorRegistry())


def tenant(number: int) -> TenantId:
    """Return a tenant by number."""
    return TenantId(UUID(int=number))


@pytest.fixture
async def troubled(gateway_database: str) -> AsyncIterator[TroubledRows]:
    """The rows that background work fails on, as the api's role sees them."""
    async with pg.open_pool(gateway_database.replace("postgres@", "locution_api@"), size=2) as pool:
        yield TroubledRows(TenantDatabase(pool))
