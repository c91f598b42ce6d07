-- migrate:up

-- The claim also returns the trace of the delivery's job, so that an attempt is part of it; '' for a test or a deleted
-- job.
DROP FUNCTION gateway.claim_webhook_deliveries;
CREATE FUNCTION gateway.claim_webhook_deliveries(p_lease interval, p_limit integer, p_per_webhook integer)
RETURNS TABLE (delivery_id uuid, webhook_id uuid, tenant_id uuid, event_type text, job_id uuid, event_id bigint,
    event_time timestamptz, job_error jsonb, attempts integer, lease_token uuid, url text, secrets text[], trace_context text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp SET jit = off
BEGIN ATOMIC
    -- The webhooks with pending deliveries, found by skipping from one to the next in the index.
    WITH RECURSIVE waiting AS (
        (SELECT d.webhook_id FROM gateway.webhook_deliveries d WHERE d.state = 'PENDING' ORDER BY d.webhook_id LIMIT 1)
        UNION ALL
        SELECT (SELECT d.webhook_id FROM gateway.webhook_deliveries d
                WHERE d.state = 'PENDING' AND d.webhook_id > w.webhook_id ORDER BY d.webhook_id LIMIT 1)
        FROM waiting w WHERE w.webhook_id IS NOT NULL
    ), served AS (
        SELECT k.webhook_id, CASE WHEN k.failing_since IS NULL THEN p_per_webhook ELSE 1 END - (
            SELECT count(*) FROM gateway.webhook_deliveries f
            WHERE f.webhook_id = k.webhook_id AND f.state = 'PENDING' AND f.lease_token IS NOT NULL
              AND f.due_time > clock_timestamp()) AS room
        FROM waiting w JOIN gateway.webhooks k ON k.webhook_id = w.webhook_id AND NOT k.disabled
    ), due AS (
        SELECT c.delivery_id FROM served v CROSS JOIN LATERAL (
            SELECT d.delivery_id, d.due_time FROM gateway.webhook_deliveries d
            WHERE d.webhook_id = v.webhook_id AND d.state = 'PENDING' AND d.due_time <= clock_timestamp()
              AND NOT EXISTS (
                SELECT FROM gateway.webhook_deliveries e
                WHERE e.webhook_id = d.webhook_id AND e.job_id = d.job_id AND e.event_id < d.event_id
                  AND e.state = 'PENDING')
            ORDER BY d.due_time, d.event_id LIMIT greatest(v.room, 0)
        ) c
        ORDER BY c.due_time LIMIT p_limit
    ), locked AS (
        SELECT d.delivery_id FROM gateway.webhook_deliveries d
        WHERE d.delivery_id IN (SELECT u.delivery_id FROM due u)
          AND d.state = 'PENDING' AND d.due_time <= clock_timestamp()
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE gateway.webhook_deliveries d
        SET lease_token = gen_random_uuid(), due_time = clock_timestamp() + p_lease, attempts = d.attempts + 1
        FROM locked l WHERE d.delivery_id = l.delivery_id
        RETURNING d.*
    )
    SELECT c.delivery_id, c.webhook_id, c.tenant_id, c.event_type, c.job_id, c.event_id, c.event_time, c.job_error, c.attempts,
        c.lease_token, k.url, ARRAY(
            SELECT s.secret FROM gateway.webhook_secrets s
            WHERE s.webhook_id = c.webhook_id AND (s.expire_time IS NULL OR s.expire_time > clock_timestamp())
            ORDER BY s.create_time DESC LIMIT 5),
        coalesce((SELECT j.trace_context FROM gateway.jobs j WHERE j.job_id = c.job_id), '')
    FROM claimed c JOIN gateway.webhooks k ON k.webhook_id = c.webhook_id;
END;

-- The pending deliveries of enabled webhooks, and how long the first of them has been due; counted up to a limit.
CREATE FUNCTION gateway.webhook_backlog(p_most integer) RETURNS TABLE (waiting bigint, late_seconds double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT (
        SELECT count(*) FROM (
            SELECT FROM gateway.webhook_deliveries d JOIN gateway.webhooks k USING (webhook_id)
            WHERE d.state = 'PENDING' AND NOT k.disabled LIMIT p_most) AS counted
    ), coalesce(greatest(0, extract(epoch FROM clock_timestamp() - (
        SELECT min((SELECT min(d.due_time) FROM gateway.webhook_deliveries d
                    WHERE d.webhook_id = k.webhook_id AND d.state = 'PENDING'))
        FROM gateway.webhooks k WHERE NOT k.disabled))), 0)::double precision;
END;

REVOKE ALL ON FUNCTION gateway.claim_webhook_deliveries, gateway.webhook_backlog FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_worker') THEN
        GRANT EXECUTE ON FUNCTION gateway.claim_webhook_deliveries, gateway.webhook_backlog TO locution_worker;
    END IF;
END
$$;

-- migrate:down

DROP FUNCTION gateway.webhook_backlog, gateway.claim_webhook_deliveries;
CREATE FUNCTION gateway.claim_webhook_deliveries(p_lease interval, p_limit integer, p_per_webhook integer)
RETURNS TABLE (delivery_id uuid, webhook_id uuid, tenant_id uuid, event_type text, job_id uuid, event_id bigint,
    event_time timestamptz, job_error jsonb, attempts integer, lease_token uuid, url text, secrets text[])
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp SET jit = off
BEGIN ATOMIC
    -- The webhooks with pending deliveries, found by skipping from one to the next in the index.
    WITH RECURSIVE waiting AS (
        (SELECT d.webhook_id FROM gateway.webhook_deliveries d WHERE d.state = 'PENDING' ORDER BY d.webhook_id LIMIT 1)
        UNION ALL
        SELECT (SELECT d.webhook_id FROM gateway.webhook_deliveries d
                WHERE d.state = 'PENDING' AND d.webhook_id > w.webhook_id ORDER BY d.webhook_id LIMIT 1)
        FROM waiting w WHERE w.webhook_id IS NOT NULL
    ), served AS (
        SELECT k.webhook_id, CASE WHEN k.failing_since IS NULL THEN p_per_webhook ELSE 1 END - (
            SELECT count(*) FROM gateway.webhook_deliveries f
            WHERE f.webhook_id = k.webhook_id AND f.state = 'PENDING' AND f.lease_token IS NOT NULL
              AND f.due_time > clock_timestamp()) AS room
        FROM waiting w JOIN gateway.webhooks k ON k.webhook_id = w.webhook_id AND NOT k.disabled
    ), due AS (
        SELECT c.delivery_id FROM served v CROSS JOIN LATERAL (
            SELECT d.delivery_id, d.due_time FROM gateway.webhook_deliveries d
            WHERE d.webhook_id = v.webhook_id AND d.state = 'PENDING' AND d.due_time <= clock_timestamp()
              AND NOT EXISTS (
                SELECT FROM gateway.webhook_deliveries e
                WHERE e.webhook_id = d.webhook_id AND e.job_id = d.job_id AND e.event_id < d.event_id
                  AND e.state = 'PENDING')
            ORDER BY d.due_time, d.event_id LIMIT greatest(v.room, 0)
        ) c
        ORDER BY c.due_time LIMIT p_limit
    ), locked AS (
        SELECT d.delivery_id FROM gateway.webhook_deliveries d
        WHERE d.delivery_id IN (SELECT u.delivery_id FROM due u)
          AND d.state = 'PENDING' AND d.due_time <= clock_timestamp()
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE gateway.webhook_deliveries d
        SET lease_token = gen_random_uuid(), due_time = clock_timestamp() + p_lease, attempts = d.attempts + 1
        FROM locked l WHERE d.delivery_id = l.delivery_id
        RETURNING d.*
    )
    SELECT c.delivery_id, c.webhook_id, c.tenant_id, c.event_type, c.job_id, c.event_id, c.event_time, c.job_error, c.attempts,
        c.lease_token, k.url, ARRAY(
            SELECT s.secret FROM gateway.webhook_secrets s
            WHERE s.webhook_id = c.webhook_id AND (s.expire_time IS NULL OR s.expire_time > clock_timestamp())
            ORDER BY s.create_time DESC LIMIT 5)
    FROM claimed c JOIN gateway.webhooks k ON k.webhook_id = c.webhook_id;
END;

REVOKE ALL ON FUNCTION gateway.claim_webhook_deliveries FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_worker') THEN
        GRANT EXECUTE ON FUNCTION gateway.claim_webhook_deliveries TO locution_worker;
    END IF;
END
$$;
