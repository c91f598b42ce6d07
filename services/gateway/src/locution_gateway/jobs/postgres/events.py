"""Events of jobs: rows with an increasing id per job, announced by NOTIFY; payloads are plain JSON values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from locution_common.errors import Reason, Refused
from locution_common.postgres import Connection

from locution_gateway.jobs.models import (
    EventKind,
    Failure,
    JobEvent,
    JobState,
    JobWarning,
    Section,
    StageKind,
    StageProgress,
)
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.principal import Principal

Payload = dict[str, object]

CHANNEL: Final = "locution_job_events"

# The job's row stays locked until the transaction ends, so a later event never becomes visible before an earlier one.
APPEND: Final = """
WITH numbered AS (
    UPDATE gateway.jobs SET last_event = last_event + 1
    WHERE job_id = $1
    RETURNING tenant_id, last_event
), appended AS (
    INSERT INTO gateway.job_events (job_id, tenant_id, event_id, kind, payload)
    SELECT $1, tenant_id, last_event, $2, $3 FROM numbered
    RETURNING event_id
)
SELECT event_id, pg_notify('locution_job_events', $1::text) FROM appended
"""

READ: Final = """
SELECT event_id, event_time, kind, payload FROM gateway.job_events
WHERE job_id = $1 AND tenant_id = $2 AND event_id > $3 ORDER BY event_id LIMIT $4
"""

HEAD: Final = "SELECT state, last_event FROM gateway.jobs WHERE job_id = $1 AND tenant_id = $2"


async def append_event(connection: Connection, job_id: JobId, kind: EventKind, payload: Payload) -> int:
    """Append an event in the caller's transaction and return its id; the commit sends the notice.

    Locks the job's row. Refuses with JOB_NOT_FOUND if the job is deleted.
    """
    event_id = await connection.fetchval(APPEND, job_id, kind.value, payload)
    if event_id is None:
        raise Refused(Reason.JOB_NOT_FOUND)
    return int(event_id)


class PostgresEvents:
    """Reads events of a tenant's jobs."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def head(self, principal: Principal, job_id: JobId) -> tuple[JobState, int]:
        """Return the job's state and the id of its last event. Refuses with JOB_NOT_FOUND."""
        async with self._database.transaction(principal) as connection:
            row = await connection.fetchrow(HEAD, job_id, principal.tenant_id)
        if row is None:
            raise Refused(Reason.JOB_NOT_FOUND)
        return JobState(row["state"]), int(row["last_event"])

    async def read(self, principal: Principal, job_id: JobId, after: int, limit: int) -> list[JobEvent]:
        """Return up to `limit` events after `after`, in order."""
        async with self._database.transaction(principal) as connection:
            rows = await connection.fetch(READ, job_id, principal.tenant_id, after, limit)
        return [JobEvent(row["event_id"], row["event_time"], EventKind(row["kind"]), row["payload"]) for row in rows]


def state_changed(state: JobState, error: Failure | None = None) -> Payload:
    """Describe a change of state, with the reason of FAILED."""
    payload: Payload = {"state": state.value}
    return payload if error is None else payload | {"error": asdict(error)}


def stage_progress(progress: StageProgress) -> Payload:
    """Describe the progress of a kind of stage."""
    return asdict(progress) | {"kind": progress.kind.value}


def section_finished(kind: StageKind, section: Section) -> Payload:
    """Describe a section whose result is stored."""
    return {"kind": kind.value, "section": section.index, "start": section.start, "end": section.end}


def warning(warning: JobWarning) -> Payload:
    """Describe something that will be missing or was done differently."""
    return asdict(warning) | {"code": warning.code.value}
