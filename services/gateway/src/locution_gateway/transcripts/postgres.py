"""Transcripts in Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from locution_common.errors import Reason, Refused
from locution_speech.transcript import Segment

from locution_gateway.jobs.models import Job
from locution_gateway.jobs.postgres import sql as job_sql
from locution_gateway.jobs.postgres.rows import shown_job
from locution_gateway.media.models import ChannelMode
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.each import each
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.principal import Principal
from locution_gateway.transcripts import codec as transcripts_codec
from locution_gateway.transcripts.models import FinishedSection, TranscriptSummary

SUMMARY: Final = "SELECT summary FROM gateway.transcripts WHERE job_id = $1 AND tenant_id = $2"

SIZE: Final = """
SELECT coalesce(sum(octet_length(body::text)), 0) FROM gateway.segments WHERE job_id = $1 AND tenant_id = $2
"""

SEGMENTS: Final = """
SELECT body FROM gateway.segments WHERE job_id = $1 AND tenant_id = $2 AND position >= $3 ORDER BY position LIMIT $4
"""

# Whole sections, so that the channels of each can be ordered by time.
SECTIONS: Final = """
WITH chosen AS (
    SELECT DISTINCT section FROM gateway.stages
    WHERE job_id = $1 AND tenant_id = $2 AND kind = 'TRANSCRIBE' AND state = 'DONE' AND section >= $3
    ORDER BY section LIMIT $4
)
SELECT s.section, s.channel, c.start_sample, r.body
FROM chosen
JOIN gateway.stages s ON s.job_id = $1 AND s.kind = 'TRANSCRIBE' AND s.section = chosen.section AND s.state = 'DONE'
JOIN gateway.sections c ON c.job_id = $1 AND c.section = s.section
JOIN gateway.stage_results r ON r.stage_id = s.stage_id
ORDER BY s.section, s.channel
"""

MODE: Final = "SELECT effective_config ->> 'channel_mode' FROM gateway.jobs WHERE job_id = $1 AND tenant_id = $2"


class PostgresTranscripts:
    """Transcripts of a tenant's jobs. Absent jobs and those of other tenants are refused with JOB_NOT_FOUND."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def summary(self, principal: Principal, job_id: JobId) -> tuple[Job, TranscriptSummary | None]:
        """Return the job and its transcript's summary, None while there is none."""
        async with self._database.transaction(principal) as connection:
            row = await connection.fetchrow(job_sql.GET, job_id, principal.tenant_id)
            summary = await connection.fetchval(SUMMARY, job_id, principal.tenant_id)
        if row is None:
            raise Refused(Reason.JOB_NOT_FOUND)
        job = shown_job(row)
        return job, None if summary is None else await asyncio.to_thread(transcripts_codec.SUMMARY.load, summary)

    async def size(self, principal: Principal, job_id: JobId) -> int:
        """Return the approximate size of its segments in bytes."""
        async with self._database.transaction(principal) as connection:
            return int(await connection.fetchval(SIZE, job_id, principal.tenant_id))

    async def segments(self, principal: Principal, job_id: JobId, start: int, limit: int) -> Sequence[Segment]:
        """Return up to `limit` segments from a position."""
        async with self._database.transaction(principal) as connection:
            rows = await connection.fetch(SEGMENTS, job_id, principal.tenant_id, start, limit)
        return await each(transcripts_codec.SEGMENT.load, (row["body"] for row in rows))

    async def sections(self, principal: Principal, job_id: JobId, start: int, limit: int) -> Sequence[FinishedSection]:
        """Return finished sections of a job from a section, with all channels of at most `limit` sections."""
        async with self._database.transaction(principal) as connection:
            separate = await connection.fetchval(MODE, job_id, principal.tenant_id) == ChannelMode.SEPARATE
            rows = await connection.fetch(SECTIONS, job_id, principal.tenant_id, start, limit)
        return [
            FinishedSection(section, channel if separate else None, first, transcripts_codec.load_section(body))
            for section, channel, first, body in rows
        ]
