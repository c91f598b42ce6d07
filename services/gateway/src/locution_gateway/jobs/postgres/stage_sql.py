"""The statements of the stage queue. Id and token fence every write but the claim; times are the database's."""

from __future__ import annotations

# $4: the minimum that a claim costs its tenant, in samples; $5: tenants that get nothing.
CLAIM = "SELECT s.*, gateway.tenant_share(s.tenant_id) AS share FROM gateway.claim_stage($1, $2, $3, $4, $5) s"

# Leases a ready stage of a job to the worker that finished stage $2, for $3.
GO_ON = """
UPDATE gateway.stages SET
    state = 'LEASED', lease_token = gen_random_uuid(), lease_until = clock_timestamp() + $3,
    worker = (SELECT worker FROM gateway.stages WHERE stage_id = $2),
    attempts = least(attempts, 999999999) + 1, start_time = coalesce(start_time, clock_timestamp())
WHERE stage_id = (
    SELECT stage_id FROM gateway.stages
    WHERE job_id = $1 AND state = 'READY' AND ready_time <= clock_timestamp()
    ORDER BY section, kind DESC, channel LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *, gateway.tenant_share(tenant_id) AS share
"""

CHARGE = "SELECT gateway.charge_stage($1, $2)"

EXPIRED = "SELECT tenant_id, stage_id, lease_token FROM gateway.expired_stages($1)"

# The job's row is the lock for counting and creating its stages.
LOCK_JOB = "SELECT job_id FROM gateway.jobs WHERE job_id = $1 FOR UPDATE"

LOCK_STAGES_JOB = """
SELECT j.job_id FROM gateway.jobs j JOIN gateway.stages s USING (job_id) WHERE s.stage_id = $1 FOR UPDATE OF j
"""

HOLDS = """
SELECT stage_id FROM gateway.stages WHERE stage_id = $1 AND lease_token = $2 AND state = 'LEASED' FOR UPDATE
"""

START_JOB = """
UPDATE gateway.jobs SET state = 'RUNNING', start_time = coalesce(start_time, clock_timestamp()), version = version + 1
WHERE job_id = $1 AND state = 'QUEUED'
RETURNING job_id
"""

SECTIONS = "SELECT section, start_sample, end_sample FROM gateway.sections WHERE job_id = $1 ORDER BY section"

SECTION = "SELECT section, start_sample, end_sample FROM gateway.sections WHERE job_id = $1 AND section = $2"

STAGE_SAMPLES = "SELECT audio_samples FROM gateway.stages WHERE stage_id = $1"

# Renews the lease, stores progress, and tells whether cancellation was requested.
RENEW = """
UPDATE gateway.stages AS s
SET lease_until = clock_timestamp() + $3, done_samples = greatest(s.done_samples, $4)
FROM gateway.jobs AS j
WHERE s.stage_id = $1 AND s.lease_token = $2 AND s.state = 'LEASED' AND j.job_id = s.job_id
RETURNING j.cancel_requested
"""

FINISH = """
UPDATE gateway.stages SET
    state = 'DONE', lease_token = NULL, lease_until = NULL, reason = NULL, message = NULL,
    end_time = clock_timestamp(),
    done_samples = greatest(audio_samples, $3), audio_samples = greatest(audio_samples, $3),
    work_seconds = $4
WHERE stage_id = $1 AND lease_token = $2 AND state = 'LEASED'
RETURNING stage_id
"""

KEEP_RESULT = "INSERT INTO gateway.stage_results (stage_id, tenant_id, body) VALUES ($1, $2, $3)"

# Returns a stage to the queue, counting the attempt or not, or ends it.
RETURN = """
UPDATE gateway.stages SET
    state = $3, lease_token = NULL, lease_until = NULL, reason = $4, message = $5,
    attempts = attempts - $6, ready_time = clock_timestamp() + $7,
    end_time = CASE WHEN $3 = 'READY' THEN NULL ELSE clock_timestamp() END
WHERE stage_id = $1 AND lease_token = $2 AND state = 'LEASED'
RETURNING stage_id
"""

# Like RETURN, for a holder that went silent: the database's clock decides, and the limit on attempts.
EXPIRE = """
UPDATE gateway.stages SET
    state = CASE WHEN attempts < $3 THEN 'READY' ELSE 'DEAD' END,
    lease_token = NULL, lease_until = NULL,
    reason = CASE WHEN attempts < $3 THEN NULL ELSE $5 END,
    message = 'the worker that held it went silent',
    ready_time = clock_timestamp() + $4,
    end_time = CASE WHEN attempts < $3 THEN NULL ELSE clock_timestamp() END
WHERE stage_id = $1 AND lease_token = $2 AND state = 'LEASED' AND lease_until < clock_timestamp()
RETURNING job_id, kind
"""

# Ends a job without reading it, for one that cannot be read.
BURY_JOB = """
UPDATE gateway.jobs SET state = 'FAILED', error = $2, end_time = clock_timestamp(), version = version + 1,
    expire_time = clock_timestamp() + $3
WHERE job_id = $1 AND state IN ('QUEUED', 'RUNNING')
RETURNING job_id
"""

JOB_AGE = "SELECT clock_timestamp() - create_time FROM gateway.jobs WHERE job_id = $1"

KEEP_DECODED = """
UPDATE gateway.jobs SET audio_samples = $2, channels = $3, pcm_key = $4, media = $5, version = version + 1
WHERE job_id = $1
"""

KEEP_SECTION = """
INSERT INTO gateway.sections (job_id, tenant_id, section, start_sample, end_sample) VALUES ($1, $2, $3, $4, $5)
"""

ADD_STAGE = """
INSERT INTO gateway.stages (stage_id, job_id, tenant_id, kind, section, channel, state, priority, audio_samples)
SELECT $1, job_id, tenant_id, $3, $4, $5, 'READY', priority, $6 FROM gateway.jobs WHERE job_id = $2
ON CONFLICT (job_id, kind, section, channel) DO NOTHING
"""

STANDING = """
SELECT kind, state, count(*) AS stages FROM gateway.stages WHERE job_id = $1 GROUP BY kind, state
"""

LAST_FAILURE = """
SELECT reason, message FROM gateway.stages
WHERE job_id = $1 AND kind = $2 AND state = 'DEAD' ORDER BY end_time DESC, stage_id LIMIT 1
"""

CANCEL_READY = """
UPDATE gateway.stages SET state = 'CANCELLED', end_time = clock_timestamp() WHERE job_id = $1 AND state = 'READY'
"""

# Other workers lose their leases on stages of a failed job: nothing changes a job after its end.
CANCEL_OPEN = """
UPDATE gateway.stages SET state = 'CANCELLED', lease_token = NULL, lease_until = NULL, end_time = clock_timestamp()
WHERE job_id = $1 AND state IN ('READY', 'LEASED')
"""

FINISHED = """
SELECT s.kind, s.section, s.channel, s.state, s.reason, s.message, r.body
FROM gateway.stages AS s LEFT JOIN gateway.stage_results AS r USING (stage_id)
WHERE s.job_id = $1 AND s.kind = ANY ($2) AND s.state IN ('DONE', 'DEAD')
ORDER BY s.kind, s.section, s.channel
"""

# Unused output of a decode attempt is deleted now, and again later for what is written after this.
DROP_FOLDER = "SELECT gateway.drop_folder($1, $2)"

STAGE_PROGRESS = """
SELECT sum(done_samples)::bigint AS done, sum(audio_samples)::bigint AS total,
    count(*) FILTER (WHERE state = 'DONE')::int AS sections_done, count(*)::int AS sections_total,
    max(attempts)::int AS attempts, sum(work_seconds) AS work_seconds
FROM gateway.stages WHERE job_id = $1 AND kind = $2
"""

# Triggers delete the job's objects with their references; a job that succeeded needs none of them.
END_JOB = """
UPDATE gateway.jobs SET
    state = $2, error = $3, end_time = clock_timestamp(), version = version + 1,
    warnings = warnings || $4::jsonb,
    metrics = metrics || $5::jsonb,
    expire_time = clock_timestamp() + $6,
    object_id = CASE WHEN $2 = 'SUCCEEDED' THEN NULL ELSE object_id END,
    pcm_key = CASE WHEN $2 = 'SUCCEEDED' THEN NULL ELSE pcm_key END
WHERE job_id = $1 AND state IN ('QUEUED', 'RUNNING')
RETURNING job_id
"""

ADD_WARNINGS = "UPDATE gateway.jobs SET warnings = warnings || $2::jsonb WHERE job_id = $1"


METRICS = """
SELECT kind, sum(work_seconds) AS work_seconds FROM gateway.stages WHERE job_id = $1 AND state = 'DONE' GROUP BY kind
"""

# A moving average over about the last twenty measurements.
KEEP_SPEED = """
INSERT INTO gateway.speeds AS s (kind, model, seconds_per_audio_second) VALUES ($1, $2, $3)
ON CONFLICT (kind, model) DO UPDATE SET
    seconds_per_audio_second =
        s.seconds_per_audio_second + ($3 - s.seconds_per_audio_second) / least(s.samples + 1, 20),
    samples = s.samples + 1, update_time = clock_timestamp()
"""

NOTIFY = "SELECT pg_notify('locution_stages', '')"
