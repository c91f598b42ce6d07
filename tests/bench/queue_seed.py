"""Fill the stage queue: ten tenants with unequal recordings, a backlog, and a history behind it."""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import UUID

import asyncpg
from locution_gateway.jobs.config import JobConfig, JobRequestConfig
from locution_gateway.jobs.postgres import rows
from locution_gateway.media.models import ChannelMode
from locution_gateway.models.models import ModelChoice
from locution_speech.asr import Task

SECONDS: Final = (30, 60, 90, 120, 150, 200, 250, 300, 450, 600)
"""How long each tenant's sections are: one tenant a value."""

RUNNING_STAGES: Final = 10
FINISHED_KINDS: Final = ("DECODE", "TRANSCRIBE", "DIARIZE", "CLUSTER", "JOIN")

TENANT: Final = """
INSERT INTO gateway.tenants (tenant_id, name, created_by) VALUES ($1, $2, 'bench') ON CONFLICT DO NOTHING
"""

# Jobs, then their sections and stages; ids come from the database.
BACKLOG: Final = """
WITH made AS (
    INSERT INTO gateway.jobs (job_id, tenant_id, created_by, state, upload_id, requested_config, effective_config,
        start_time, audio_samples, channels)
    SELECT gen_random_uuid(), $1, 'bench', 'RUNNING', gen_random_uuid(), $2, $3, now(), $4::bigint * $5::int, 1
    FROM generate_series(1, $6::int)
    RETURNING job_id, tenant_id
), cut AS (
    INSERT INTO gateway.sections (job_id, tenant_id, section, start_sample, end_sample)
    SELECT job_id, tenant_id, number, number * $4::bigint, (number + 1) * $4::bigint
    FROM made, generate_series(0, $5::int - 1) AS number
    RETURNING job_id, tenant_id, section
)
INSERT INTO gateway.stages (stage_id, job_id, tenant_id, kind, section, state, audio_samples, ready_time)
SELECT gen_random_uuid(), job_id, tenant_id, 'TRANSCRIBE', section, 'READY', $4::bigint,
    now() - random() * interval '1 hour'
FROM cut
"""

HISTORY: Final = """
WITH made AS (
    INSERT INTO gateway.jobs (job_id, tenant_id, created_by, state, upload_id, requested_config, effective_config,
        start_time, end_time, audio_samples, channels)
    SELECT gen_random_uuid(), $1, 'bench', 'SUCCEEDED', gen_random_uuid(), $2, $3, now(), now(), $4::bigint, 1
    FROM generate_series(1, $5::int)
    RETURNING job_id, tenant_id
)
INSERT INTO gateway.stages (stage_id, job_id, tenant_id, kind, state, audio_samples, done_samples, attempts, start_time,
    end_time, work_seconds)
SELECT gen_random_uuid(), job_id, tenant_id, kind, 'DONE', $4::bigint, $4::bigint, 1, now(), now(), 1.0
FROM made, unnest($6::text[]) AS kind
"""


def tenant(number: int) -> UUID:
    """Return a tenant of the bench."""
    return UUID(int=0xBE7C4 << 64 | number)


async def fill(superuser_url: str, queued: int, finished: int) -> None:
    """Insert so many queued and finished stages, equally many for each tenant, and refresh the planner's figures."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(superuser_url, command_timeout=1800)
    try:
        await connection.set_type_codec("jsonb", encoder=_dumps, decoder=str, schema="pg_catalog")
        for number, seconds in enumerate(SECONDS):
            await _fill_tenant(connection, number, seconds * 16_000, queued // len(SECONDS), finished // len(SECONDS))
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def _fill_tenant(connection: Any, number: int, samples: int, queued: int, finished: int) -> None:
    who, asked, settled = tenant(number), rows.REQUEST.dump(JobRequestConfig()), rows.CONFIG.dump(_config())
    await connection.execute(TENANT, who, f"bench-{number}")
    jobs = -(-queued // RUNNING_STAGES)
    await connection.execute(BACKLOG, who, asked, settled, samples, RUNNING_STAGES, jobs)
    done = -(-finished // len(FINISHED_KINDS))
    await connection.execute(HISTORY, who, asked, settled, samples, done, list(FINISHED_KINDS))


def _config() -> JobConfig:
    return JobConfig(
        language="auto",
        task=Task.TRANSCRIBE,
        asr_model=ModelChoice("whisper/base", "0" * 64),
        beam_size=5,
        word_times=True,
        max_temperature=0.0,
        channel_mode=ChannelMode.MIX,
    )


def _dumps(value: Any) -> str:
    return json.dumps(value)
