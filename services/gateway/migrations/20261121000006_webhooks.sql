-- migrate:up

CREATE TABLE gateway.webhooks (
    webhook_id      uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    created_by      text NOT NULL,
    display_name    text NOT NULL DEFAULT '',
    url             text NOT NULL CHECK (length(url) <= 2048),
    -- JOB_QUEUED, JOB_RUNNING, JOB_SUCCEEDED, JOB_FAILED, JOB_CANCELLED.
    event_types     text[] NOT NULL CHECK (event_types <> '{}'),
    disabled        boolean NOT NULL DEFAULT false,
    -- Why the system disabled it; null if a person did.
    disabled_reason text,
    -- Since when every attempt failed.
    failing_since   timestamptz,
    create_time     timestamptz NOT NULL DEFAULT now(),
    version         bigint NOT NULL DEFAULT 1,
    CHECK (disabled OR disabled_reason IS NULL)
);
CREATE INDEX webhooks_by_creation ON gateway.webhooks (tenant_id, create_time DESC, webhook_id DESC);

-- HMAC keys, which signing needs in plain. The one without an end is the newest; the others also sign until their end.
CREATE TABLE gateway.webhook_secrets (
    secret_id       uuid PRIMARY KEY,
    webhook_id      uuid NOT NULL REFERENCES gateway.webhooks ON DELETE CASCADE,
    tenant_id       uuid NOT NULL,
    created_by      text NOT NULL,
    secret          text NOT NULL,
    create_time     timestamptz NOT NULL DEFAULT clock_timestamp(),
    expire_time     timestamptz
);
CREATE UNIQUE INDEX webhook_secrets_newest ON gateway.webhook_secrets (webhook_id) WHERE expire_time IS NULL;
CREATE INDEX webhook_secrets_by_webhook ON gateway.webhook_secrets (webhook_id, create_time DESC);

-- The outbox: one row per event and webhook, written in the event's own transaction. It names the job and holds none of
-- its content. A PENDING row is due at due_time; its sender holds it under lease_token until then.
CREATE TABLE gateway.webhook_deliveries (
    delivery_id     uuid PRIMARY KEY,
    webhook_id      uuid NOT NULL REFERENCES gateway.webhooks ON DELETE CASCADE,
    tenant_id       uuid NOT NULL,
    created_by      text NOT NULL,
    event_type      text NOT NULL,
    -- Null for a test. The job may have been deleted.
    job_id          uuid,
    -- The event's position among those of its job.
    event_id        bigint NOT NULL DEFAULT 0,
    event_time      timestamptz NOT NULL,
    -- Code and reason of a FAILED job.
    job_error       jsonb,
    state           text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'DELIVERED', 'DEAD')),
    attempts        integer NOT NULL DEFAULT 0,
    due_time        timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_token     uuid,
    response_status integer,
    error           text,
    last_attempt_time timestamptz,
    CHECK (lease_token IS NULL OR state = 'PENDING')
);
CREATE INDEX webhook_deliveries_by_time ON gateway.webhook_deliveries (webhook_id, event_time DESC, delivery_id DESC);
CREATE INDEX webhook_deliveries_by_age ON gateway.webhook_deliveries (event_time);
CREATE INDEX webhook_deliveries_due ON gateway.webhook_deliveries (webhook_id, due_time, event_id) WHERE state = 'PENDING';
CREATE INDEX webhook_deliveries_held ON gateway.webhook_deliveries (webhook_id, due_time) WHERE lease_token IS NOT NULL;
CREATE INDEX webhook_deliveries_open ON gateway.webhook_deliveries (webhook_id, job_id, event_id) WHERE state = 'PENDING';

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['webhooks', 'webhook_secrets', 'webhook_deliveries'] LOOP
        EXECUTE format('ALTER TABLE gateway.%I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('CREATE POLICY own_tenant ON gateway.%I USING (tenant_id = gateway.current_tenant())', table_name);
    END LOOP;
END
$$;

-- An event and its deliveries are one transaction. It locks the webhook's row against deletion, which would otherwise
-- fail the job's transaction; finishing a delivery does not wait for this lock. A delivery after another one of its job
-- is not due before that one, so that those of a dead receiver are not checked again and again. The end of the earlier
-- one makes it due at once; if the two miss each other, it is due in ten seconds.
CREATE FUNCTION gateway.queue_webhook_deliveries() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
BEGIN
    WITH subscribed AS (
        SELECT w.webhook_id, w.created_by FROM webhooks w
        WHERE w.tenant_id = NEW.tenant_id AND NOT w.disabled AND ('JOB_' || (NEW.payload ->> 'state')) = ANY (w.event_types)
        FOR KEY SHARE
    )
    INSERT INTO webhook_deliveries (delivery_id, webhook_id, tenant_id, created_by, event_type, job_id, event_id, event_time,
        job_error, due_time)
    SELECT gen_random_uuid(), s.webhook_id, NEW.tenant_id, s.created_by, 'JOB_' || (NEW.payload ->> 'state'), NEW.job_id,
        NEW.event_id, NEW.event_time,
        jsonb_strip_nulls(jsonb_build_object(
            'code', NEW.payload #> '{error,code}', 'reason', NEW.payload #> '{error,reason}')),
        coalesce((
            SELECT greatest(max(d.due_time), clock_timestamp() + interval '10 seconds') FROM webhook_deliveries d
            WHERE d.webhook_id = s.webhook_id AND d.job_id = NEW.job_id AND d.state = 'PENDING'
            HAVING count(*) > 0), clock_timestamp())
    FROM subscribed s;
    IF FOUND THEN
        PERFORM pg_notify('locution_webhooks', '');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER webhooks_told AFTER INSERT ON gateway.job_events
    FOR EACH ROW WHEN (NEW.kind = 'STATE_CHANGED') EXECUTE FUNCTION gateway.queue_webhook_deliveries();

-- Claims due deliveries for a worker, with everything needed to send them: the only way in which it sees webhooks of
-- all tenants. Each webhook has at most p_per_webhook in flight, or one while it fails, so that a dead receiver delays
-- no other. A delivery waits until all earlier ones of its job are no longer PENDING, which keeps the order of each job
-- over all workers. The claim counts the attempt; if a worker dies, its lease ends.
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

-- Deletes what is no longer needed: old deliveries, also pending ones of disabled webhooks, and old secrets.
CREATE FUNCTION gateway.forget_webhook_deliveries(p_age interval, p_limit integer) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    DELETE FROM gateway.webhook_deliveries WHERE delivery_id IN (
        SELECT d.delivery_id FROM gateway.webhook_deliveries d JOIN gateway.webhooks k USING (webhook_id)
        WHERE d.event_time < clock_timestamp() - p_age AND (d.state <> 'PENDING' OR k.disabled)
        ORDER BY d.event_time LIMIT p_limit);
    DELETE FROM gateway.webhook_secrets WHERE secret_id IN (
        SELECT s.secret_id FROM gateway.webhook_secrets s WHERE s.expire_time < clock_timestamp() LIMIT p_limit);
END;

-- Tags are counted using only the index.
CREATE INDEX jobs_tagged ON gateway.jobs (tenant_id) INCLUDE (tags) WHERE tags <> '{}';

REVOKE ALL ON FUNCTION gateway.claim_webhook_deliveries, gateway.forget_webhook_deliveries FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_worker') THEN
        GRANT EXECUTE ON FUNCTION gateway.claim_webhook_deliveries, gateway.forget_webhook_deliveries TO locution_worker;
        -- It reads a secret only with a delivery that it claims.
        REVOKE ALL ON gateway.webhook_secrets FROM locution_worker;
    END IF;
END
$$;

-- migrate:down

DROP TRIGGER webhooks_told ON gateway.job_events;
DROP FUNCTION gateway.claim_webhook_deliveries, gateway.forget_webhook_deliveries, gateway.queue_webhook_deliveries;
DROP INDEX gateway.jobs_tagged;
DROP TABLE gateway.webhook_deliveries, gateway.webhook_secrets, gateway.webhooks;
