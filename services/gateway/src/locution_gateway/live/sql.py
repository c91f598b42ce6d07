"""Statements on live sessions, composed of constants. Times are the database's."""
# ruff: noqa: S608 - constants of this module and nothing else

from __future__ import annotations

from typing import Final

COLUMNS: Final = """
    s.session_id, s.tenant_id, s.created_by, s.display_name, s.state, s.config, s.kept, s.audio_samples, s.done_sample,
    s.last_final, s.heard_language, s.end_reason, s.upload_id, s.job_id, s.trace_context, s.create_time, s.end_time,
    s.expire_time, s.token_hash, s.previous_hash, s.owner, s.engine_sizes,
    (s.state = 'OPEN' AND s.owner IS NOT NULL AND s.owner_until > clock_timestamp()) AS attached
"""
SELECT: Final = f"SELECT {COLUMNS} FROM gateway.live_sessions s"
GET: Final = f"{SELECT} WHERE s.session_id = $1 AND s.tenant_id = $2"
LOCK: Final = f"{GET} FOR UPDATE"

CREATE: Final = """
INSERT INTO gateway.live_sessions (session_id, tenant_id, created_by, display_name, state, config, token_hash, owner,
    owner_until, trace_context, expire_time)
VALUES ($1, $2, $3, $4, 'OPEN', $5, $6, $7, clock_timestamp() + $8::interval, $9,
    clock_timestamp() + $8::interval + $10::interval)
"""

# The previous token stays valid until the stream with the new one has stored audio.
RESUME: Final = """
UPDATE gateway.live_sessions SET owner = $3, owner_until = clock_timestamp() + $4::interval,
    expire_time = clock_timestamp() + $4::interval + $5::interval, previous_hash = $6, token_hash = $7
WHERE session_id = $1 AND tenant_id = $2
"""

_OWNED: Final = "WHERE session_id = $1 AND tenant_id = $2 AND owner = $3 AND state = 'OPEN'"

RENEW: Final = f"""
UPDATE gateway.live_sessions SET owner_until = clock_timestamp() + $4::interval,
    expire_time = clock_timestamp() + $4::interval + $5::interval, heard_sample = greatest(heard_sample, $6)
{_OWNED} RETURNING 1
"""

# One statement: the chunk counts only if its stream still owns the session and it continues the stored audio.
KEEP: Final = f"""
WITH held AS (
    UPDATE gateway.live_sessions SET kept = $5, audio_samples = greatest(audio_samples, $7), previous_hash = NULL
    {_OWNED} AND kept = $4 RETURNING session_id, tenant_id
)
INSERT INTO gateway.live_chunks (session_id, tenant_id, start_offset, end_offset, object_key)
SELECT session_id, tenant_id, $4, $5, $6 FROM held RETURNING 1
"""

KEPT: Final = """
SELECT 1 FROM gateway.live_chunks WHERE session_id = $1 AND tenant_id = $2 AND start_offset = $3 AND object_key = $4
"""

ADD_FINAL: Final = f"""
WITH held AS (
    UPDATE gateway.live_sessions SET last_final = $4, done_sample = greatest(done_sample, $5),
        heard_language = coalesce(heard_language, $7)
    {_OWNED} AND last_final = $4 - 1 RETURNING session_id, tenant_id
)
INSERT INTO gateway.live_finals (session_id, tenant_id, final_id, body)
SELECT session_id, tenant_id, $4, $6 FROM held RETURNING 1
"""

LABEL: Final = f"""
WITH held AS (SELECT session_id, tenant_id FROM gateway.live_sessions {_OWNED})
UPDATE gateway.live_finals f SET body = $5 FROM held
WHERE f.session_id = held.session_id AND f.tenant_id = held.tenant_id AND f.final_id = $4 RETURNING 1
"""

# A stream that resumes after a crash may diarize a final again; the later result replaces the earlier.
ADD_SECTION: Final = f"""
INSERT INTO gateway.live_sections (session_id, tenant_id, final_id, start_sample, object_key, centroids)
SELECT session_id, tenant_id, $4, $5, $6, $7 FROM gateway.live_sessions {_OWNED}
ON CONFLICT (session_id, final_id) DO UPDATE
SET start_sample = excluded.start_sample, object_key = excluded.object_key, centroids = excluded.centroids
RETURNING 1
"""

PROGRESS: Final = f"""
UPDATE gateway.live_sessions SET done_sample = greatest(done_sample, $4), audio_samples = greatest(audio_samples, $4)
{_OWNED} RETURNING 1
"""
CHANGE: Final = f"UPDATE gateway.live_sessions SET config = $4 {_OWNED} RETURNING 1"
HEARD_BY: Final = f"UPDATE gateway.live_sessions SET engine_sizes = $4 {_OWNED} RETURNING 1"

# The session has no owner now: its resume time begins.
DETACH: Final = f"""
UPDATE gateway.live_sessions SET owner = NULL, owner_until = NULL, expire_time = clock_timestamp() + $4::interval,
    heard_sample = greatest(heard_sample, $5)
{_OWNED}
"""

# A stream that loses its session here no longer says what was heard: all that it stored counts.
END: Final = """
UPDATE gateway.live_sessions SET state = 'ENDING', owner = NULL, owner_until = NULL, end_reason = $3,
    expire_time = clock_timestamp() + $4::interval,
    heard_sample = CASE WHEN owner IS NOT NULL AND $5::uuid IS NULL THEN audio_samples ELSE heard_sample END
WHERE session_id = $1 AND tenant_id = $2 AND state = 'OPEN' AND ($5::uuid IS NULL OR owner = $5)
"""

# Without a job, what was heard after the last final is done, and so charged. A job charges it by its sections.
SETTLE: Final = """
UPDATE gateway.live_sessions SET state = 'ENDED', end_time = clock_timestamp(), upload_id = $3, job_id = $4,
    expire_time = clock_timestamp() + $5::interval,
    done_sample = CASE WHEN $4::uuid IS NULL THEN greatest(done_sample, least(heard_sample, audio_samples))
        ELSE done_sample END
WHERE session_id = $1 AND tenant_id = $2 AND state = 'ENDING'
"""
DROP_CHUNKS: Final = "DELETE FROM gateway.live_chunks WHERE session_id = $1 AND tenant_id = $2"
DROP_FINALS: Final = "DELETE FROM gateway.live_finals WHERE session_id = $1 AND tenant_id = $2"
DROP_SECTIONS: Final = "DELETE FROM gateway.live_sections WHERE session_id = $1 AND tenant_id = $2"

FINALS: Final = """
SELECT body FROM gateway.live_finals WHERE session_id = $1 AND tenant_id = $2 AND final_id > $3
ORDER BY final_id LIMIT $4
"""
CHUNKS: Final = """
SELECT start_offset, end_offset, object_key FROM gateway.live_chunks
WHERE session_id = $1 AND tenant_id = $2 AND end_offset > $3 ORDER BY start_offset LIMIT $4
"""

SECTIONS: Final = """
SELECT final_id, start_sample, object_key, centroids FROM gateway.live_sections
WHERE session_id = $1 AND tenant_id = $2 AND final_id > $3 ORDER BY final_id LIMIT $4
"""

DUE: Final = "SELECT tenant_id, session_id FROM gateway.due_live_sessions($1)"
OVER: Final = f"{GET} AND s.expire_time < clock_timestamp() FOR UPDATE SKIP LOCKED"
GIVE_UP: Final = """
UPDATE gateway.live_sessions SET state = 'ENDING', owner = NULL, owner_until = NULL, end_reason = 'ABANDONED',
    expire_time = clock_timestamp() + $3::interval
WHERE session_id = $1 AND tenant_id = $2
"""
CLAIM: Final = """
UPDATE gateway.live_sessions SET expire_time = clock_timestamp() + $3::interval
WHERE session_id = $1 AND tenant_id = $2
"""
FORGET: Final = "DELETE FROM gateway.live_sessions WHERE session_id = $1 AND tenant_id = $2"
