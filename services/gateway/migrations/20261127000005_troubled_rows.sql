-- migrate:up

-- Rows that background work failed on: each is tried again with growing delays, and set aside after a limit, so that one
-- row of one tenant neither ends nor delays the work on all others. `next_time` 'never' is the year 2199.
CREATE TABLE gateway.troubled_rows (
    work        text NOT NULL,
    row_id      text NOT NULL,
    tenant_id   uuid NOT NULL,
    failures    integer NOT NULL CHECK (failures BETWEEN 1 AND 1000000),
    error       text NOT NULL,
    set_aside   boolean NOT NULL,
    first_time  timestamptz NOT NULL DEFAULT clock_timestamp() CHECK (first_time BETWEEN '1970-01-01Z' AND '2200-01-01Z'),
    last_time   timestamptz NOT NULL DEFAULT clock_timestamp() CHECK (last_time BETWEEN '1970-01-01Z' AND '2200-01-01Z'),
    next_time   timestamptz NOT NULL CHECK (next_time BETWEEN '1970-01-01Z' AND '2200-01-01Z'),
    PRIMARY KEY (work, row_id)
);
CREATE INDEX troubled_rows_by_tenant ON gateway.troubled_rows (tenant_id);
ALTER TABLE gateway.troubled_rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON gateway.troubled_rows USING (tenant_id = gateway.current_tenant());

-- Counts a failure, and tells whether the row is set aside now.
CREATE FUNCTION gateway.row_failed(p_work text, p_row text, p_tenant uuid, p_error text, p_limit integer) RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    INSERT INTO gateway.troubled_rows AS t (work, row_id, tenant_id, failures, error, set_aside, next_time)
    VALUES (p_work, p_row, p_tenant, 1, p_error, p_limit <= 1, clock_timestamp() + interval '2 seconds')
    ON CONFLICT (work, row_id) DO UPDATE SET
        failures = least(t.failures + 1, 1000000), error = p_error, last_time = clock_timestamp(),
        set_aside = t.failures + 1 >= p_limit,
        next_time = CASE WHEN t.failures + 1 >= p_limit THEN '2199-01-01Z'
            ELSE clock_timestamp() + interval '1 second' * 2 ^ least(t.failures + 1, 9) END
    RETURNING t.set_aside;
END;

CREATE FUNCTION gateway.row_recovered(p_work text, p_row text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    DELETE FROM gateway.troubled_rows t WHERE t.work = p_work AND t.row_id = p_row;
END;

-- For operators: the rows that background work fails on, those set aside first.
CREATE FUNCTION gateway.list_troubled_rows(p_limit integer)
RETURNS TABLE (work text, row_id text, tenant_id uuid, failures integer, error text, set_aside boolean,
    first_time timestamptz, last_time timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT t.work, t.row_id, t.tenant_id, t.failures, t.error, t.set_aside, t.first_time, t.last_time
    FROM gateway.troubled_rows t ORDER BY t.set_aside DESC, t.last_time DESC, t.work, t.row_id LIMIT p_limit;
END;

CREATE FUNCTION gateway.count_troubled_rows() RETURNS TABLE (work text, failing bigint, set_aside bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT t.work, count(*) FILTER (WHERE NOT t.set_aside), count(*) FILTER (WHERE t.set_aside)
    FROM gateway.troubled_rows t GROUP BY t.work;
END;

-- Entries whose row is gone, or has not failed for a week, are deleted.
CREATE FUNCTION gateway.forget_troubled_rows(p_age interval) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    DELETE FROM gateway.troubled_rows t WHERE NOT t.set_aside AND t.last_time < clock_timestamp() - p_age;
END;

-- Tells whether background work may try a row now.
CREATE FUNCTION gateway.may_try(p_work text, p_row text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT NOT EXISTS (SELECT FROM gateway.troubled_rows t
                       WHERE t.work = p_work AND t.row_id = p_row AND t.next_time > clock_timestamp());
END;

CREATE OR REPLACE FUNCTION gateway.expired_uploads(p_limit integer)
RETURNS TABLE (tenant_id uuid, upload_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT u.tenant_id, u.upload_id FROM gateway.uploads u
    WHERE u.state <> 'VERIFYING' AND u.expire_time < clock_timestamp()
        AND gateway.may_try('expire upload', u.upload_id::text)
    ORDER BY u.expire_time LIMIT p_limit;
END;

CREATE OR REPLACE FUNCTION gateway.unverified_uploads(p_limit integer)
RETURNS TABLE (tenant_id uuid, upload_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT u.tenant_id, u.upload_id FROM gateway.uploads u
    WHERE u.state = 'VERIFYING' AND (u.verify_until IS NULL OR u.verify_until < clock_timestamp())
        AND gateway.may_try('verify upload', u.upload_id::text)
    ORDER BY u.verify_until NULLS FIRST LIMIT p_limit;
END;

CREATE OR REPLACE FUNCTION gateway.expired_jobs(p_limit integer)
RETURNS TABLE (tenant_id uuid, job_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT j.tenant_id, j.job_id FROM gateway.jobs j
    WHERE j.expire_time < clock_timestamp() AND gateway.may_try('expire job', j.job_id::text)
    ORDER BY j.expire_time LIMIT p_limit;
END;

CREATE OR REPLACE FUNCTION gateway.expired_stages(p_limit integer)
RETURNS TABLE (tenant_id uuid, stage_id uuid, lease_token uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT s.tenant_id, s.stage_id, s.lease_token FROM gateway.stages s
    WHERE s.state = 'LEASED' AND s.lease_until < clock_timestamp() AND gateway.may_try('expire stage', s.stage_id::text)
    ORDER BY s.lease_until LIMIT p_limit;
END;

CREATE OR REPLACE FUNCTION gateway.due_live_sessions(p_limit integer)
RETURNS TABLE (tenant_id uuid, session_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT s.tenant_id, s.session_id FROM gateway.live_sessions s
    WHERE s.expire_time < clock_timestamp() AND gateway.may_try('settle live session', s.session_id::text)
    ORDER BY s.expire_time LIMIT p_limit;
END;

DROP FUNCTION gateway.claim_deletions;
CREATE FUNCTION gateway.claim_deletions(p_limit integer, p_pause interval)
RETURNS TABLE (deletion_id bigint, tenant_id uuid, object_key text, multipart_id text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    UPDATE gateway.deletions SET due_time = clock_timestamp() + p_pause
    WHERE deletions.deletion_id IN (
        SELECT d.deletion_id FROM gateway.deletions d
        WHERE d.due_time <= clock_timestamp() AND gateway.may_try('delete object', d.deletion_id::text)
        ORDER BY d.due_time LIMIT p_limit FOR UPDATE SKIP LOCKED)
    RETURNING deletions.deletion_id, deletions.tenant_id, deletions.object_key, deletions.multipart_id;
END;

REVOKE ALL ON FUNCTION gateway.claim_deletions, gateway.row_failed, gateway.row_recovered, gateway.list_troubled_rows,
    gateway.count_troubled_rows, gateway.forget_troubled_rows FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_api') THEN
        GRANT EXECUTE ON FUNCTION gateway.claim_deletions, gateway.row_failed, gateway.row_recovered,
            gateway.list_troubled_rows, gateway.count_troubled_rows, gateway.forget_troubled_rows TO locution_api;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_worker') THEN
        GRANT EXECUTE ON FUNCTION gateway.row_failed, gateway.row_recovered TO locution_worker;
    END IF;
END
$$;

-- migrate:down

DROP FUNCTION gateway.claim_deletions;
CREATE FUNCTION gateway.claim_deletions(p_limit integer, p_pause interval)
RETURNS TABLE (deletion_id bigint, object_key text, multipart_id text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    UPDATE gateway.deletions SET due_time = clock_timestamp() + p_pause
    WHERE deletions.deletion_id IN (
        SELECT d.deletion_id FROM gateway.deletions d WHERE d.due_time <= clock_timestamp()
        ORDER BY d.due_time LIMIT p_limit FOR UPDATE SKIP LOCKED)
    RETURNING deletions.deletion_id, deletions.object_key, deletions.multipart_id;
END;
