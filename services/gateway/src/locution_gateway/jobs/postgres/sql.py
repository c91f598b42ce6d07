"""The statements of jobs that the api runs."""

from __future__ import annotations

from typing import Final

from locution_gateway.jobs.postgres.rows import SELECT

GET: Final = f"{SELECT} WHERE j.job_id = $1 AND j.tenant_id = $2"

LOCK: Final = "SELECT state, version FROM gateway.jobs WHERE job_id = $1 AND tenant_id = $2 FOR UPDATE"

# The upload cannot be deleted or change its state before the job that uses it is committed.
LOCK_UPLOAD: Final = """
SELECT state, object_id FROM gateway.uploads WHERE upload_id = $1 AND tenant_id = $2 FOR SHARE
"""

CREATE: Final = """
INSERT INTO gateway.jobs (job_id, tenant_id, created_by, display_name, state, upload_id, object_id, requested_config,
    effective_config, tags, priority, warnings, trace_context, paid_samples)
VALUES ($1, $2, $3, $4, 'QUEUED', $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""

# A job whose upload is still being verified waits until mark_ready sets the time.
ADD_DECODE: Final = """
INSERT INTO gateway.stages (stage_id, job_id, tenant_id, kind, state, priority, ready_time)
VALUES ($1, $2, $3, 'DECODE', 'READY', $4, CASE WHEN $5 THEN clock_timestamp() ELSE 'infinity'::timestamptz END)
"""

NOTIFY_STAGES: Final = "SELECT pg_notify('locution_stages', '')"

COUNT: Final = "SELECT count(*) FROM (SELECT FROM gateway.jobs j"

WANT_CANCEL: Final = """
UPDATE gateway.jobs SET cancel_requested = true, version = version + 1
WHERE job_id = $1 AND tenant_id = $2 AND NOT cancel_requested
"""

NOTIFY_CANCEL: Final = "SELECT pg_notify('locution_cancellations', $1::text)"

UPDATE: Final = """
UPDATE gateway.jobs SET display_name = coalesce($3, display_name), tags = coalesce($4, tags),
    priority = coalesce($5, priority), version = version + 1
WHERE job_id = $1 AND tenant_id = $2
"""

UPDATE_STAGES: Final = """
UPDATE gateway.stages SET priority = $2 WHERE job_id = $1 AND state IN ('READY', 'LEASED') AND priority <> $2
"""

DELETE: Final = "DELETE FROM gateway.jobs WHERE job_id = $1 AND tenant_id = $2"

EXPIRE: Final = """
DELETE FROM gateway.jobs WHERE job_id = $1 AND tenant_id = $2 AND expire_time < clock_timestamp()
"""

SELECT_IDS: Final = "SELECT j.job_id FROM gateway.jobs j"

DELETE_MANY: Final = "DELETE FROM gateway.jobs WHERE job_id = ANY ($1) AND tenant_id = $2"

RETRY: Final = """
INSERT INTO gateway.jobs (job_id, tenant_id, created_by, display_name, state, upload_id, object_id, requested_config,
    effective_config, tags, priority, retry_of, audio_samples, channels, pcm_key, media, warnings, trace_context,
    paid_samples)
SELECT $3, tenant_id, $4, display_name, 'QUEUED', upload_id, object_id, requested_config, effective_config, tags,
    priority, job_id, audio_samples, channels, pcm_key, media, warnings, $5, paid_samples
FROM gateway.jobs WHERE job_id = $1 AND tenant_id = $2
"""

ADOPT_SECTIONS: Final = """
INSERT INTO gateway.sections (job_id, tenant_id, section, start_sample, end_sample)
SELECT $3, tenant_id, section, start_sample, end_sample FROM gateway.sections WHERE job_id = $1 AND tenant_id = $2
"""

# Finished stages are copied as they are; sections without a result start anew. Clustering covers all sections, so it is
# adopted only with all of them.
ADOPT_STAGES: Final = """
INSERT INTO gateway.stages (stage_id, job_id, tenant_id, kind, section, channel, state, priority, audio_samples,
    done_samples, attempts, start_time, end_time, work_seconds)
SELECT gen_random_uuid(), $3, s.tenant_id, s.kind, s.section, s.channel,
    CASE s.state WHEN 'DONE' THEN 'DONE' ELSE 'READY' END, s.priority, s.audio_samples,
    CASE s.state WHEN 'DONE' THEN s.done_samples ELSE 0 END, CASE s.state WHEN 'DONE' THEN s.attempts ELSE 0 END,
    CASE s.state WHEN 'DONE' THEN s.start_time END, CASE s.state WHEN 'DONE' THEN s.end_time END,
    CASE s.state WHEN 'DONE' THEN s.work_seconds ELSE 0 END
FROM gateway.stages s
WHERE s.job_id = $1 AND s.tenant_id = $2 AND (
    s.kind IN ('DECODE', 'TRANSCRIBE', 'DIARIZE')
    OR s.kind = 'CLUSTER' AND s.state = 'DONE' AND NOT EXISTS (
        SELECT FROM gateway.stages d WHERE d.job_id = $1 AND d.kind = 'DIARIZE' AND d.state <> 'DONE'))
"""

ADOPT_RESULTS: Final = """
INSERT INTO gateway.stage_results (stage_id, tenant_id, body)
SELECT new.stage_id, new.tenant_id, r.body
FROM gateway.stages old
JOIN gateway.stage_results r ON r.stage_id = old.stage_id
JOIN gateway.stages new
    ON new.job_id = $2 AND (new.kind, new.section, new.channel) = (old.kind, old.section, old.channel)
WHERE old.job_id = $1 AND new.state = 'DONE'
"""

# Jobs of the tenant that go first: those with a higher priority, and older ones with the same.
BACKLOG: Final = """
SELECT count(*) AS jobs, coalesce(sum(greatest(j.audio_samples - done.samples, 0)), 0)::bigint AS samples
FROM gateway.jobs j
CROSS JOIN LATERAL (
    SELECT coalesce(sum(CASE s.state WHEN 'DONE' THEN s.audio_samples ELSE s.done_samples END), 0) AS samples
    FROM gateway.stages s WHERE s.job_id = j.job_id AND s.kind = 'TRANSCRIBE' AND s.channel = 0
) AS done
WHERE j.tenant_id = $1 AND j.state IN ('QUEUED', 'RUNNING')
  AND ($2::timestamptz IS NULL OR (-j.priority, j.create_time, j.job_id) < (-$3::smallint, $2, $4::uuid))
"""

SPEEDS: Final = """
SELECT kind, seconds_per_audio_second FROM gateway.speeds
WHERE (kind, model) IN (('TRANSCRIBE', $1::text), ('DIARIZE', $2::text))
"""
