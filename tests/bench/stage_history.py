"""What became of each stage, kept by a trigger of the bench's own: the gateway cannot leave anything out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

KEEP: Final = """
CREATE SCHEMA bench;
CREATE TABLE bench.stage_history (stage_id uuid, job_id uuid, kind text, state text,
    at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION bench.keep_stage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO bench.stage_history (stage_id, job_id, kind, state) VALUES (NEW.stage_id, NEW.job_id, NEW.kind, NEW.state);
    RETURN NULL;
END
$$;
CREATE TRIGGER bench_history AFTER INSERT OR UPDATE OF state ON gateway.stages
    FOR EACH ROW EXECUTE FUNCTION bench.keep_stage();
"""

SUMMARY: Final = """
WITH history AS (
    SELECT * FROM bench.stage_history WHERE job_id = $1::text::uuid AND kind = 'TRANSCRIBE'
), done AS (
    SELECT stage_id, min(at) AS at, count(*) AS times FROM history WHERE state = 'DONE' GROUP BY stage_id
)
SELECT (SELECT count(DISTINCT stage_id) FROM history) AS sections, (SELECT count(*) FROM done) AS finished,
    (SELECT count(*) FROM history WHERE state = 'LEASED') AS begun,
    (SELECT count(*) FROM history h JOIN done d USING (stage_id) WHERE h.state = 'LEASED' AND h.at > d.at)
        + (SELECT coalesce(sum(times - 1), 0)::bigint FROM done) AS again
"""

FINISHED: Final = """
SELECT count(*) FROM bench.stage_history WHERE job_id = $1::text::uuid AND kind = 'TRANSCRIBE' AND state = 'DONE'
"""


@dataclass(frozen=True, slots=True)
class Sections:
    """Of one job's TRANSCRIBE stages: how many, how many ended DONE, claims of them, claims after they were DONE."""

    sections: int
    finished: int
    begun: int
    again: int


class StageHistory:
    """Reads what the trigger kept; jobs by name."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def of(self, job: str) -> Sections:
        """Sum up a job."""
        row = await self._connection.fetchrow(SUMMARY, job.removeprefix("jobs/"))
        return Sections(**dict(row or {}))

    async def finished(self, job: str) -> int:
        """Return how many sections have finished by now."""
        return int(await self._connection.fetchval(FINISHED, job.removeprefix("jobs/")))


@asynccontextmanager
async def stage_history(superuser_url: str) -> AsyncIterator[StageHistory]:
    """Keep the history of all stages from now on."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(superuser_url, command_timeout=60)
    try:
        await connection.execute(KEEP)
        yield StageHistory(connection)
    finally:
        await connection.close()
