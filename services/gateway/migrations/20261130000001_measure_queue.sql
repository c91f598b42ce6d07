-- migrate:up

-- What waits and what is held of the whole installation, by kind, for the metrics: it reads open stages alone, through
-- the index stages_open. A stage whose upload is not verified yet does not wait. A stage that was tried waits since its
-- first attempt, because the queue gives it a new ready_time each time that it returns. A stage whose lease has expired
-- waits too: if no worker lives, nobody returns it to the queue.
CREATE FUNCTION gateway.measure_queue()
RETURNS TABLE (kind text, waiting bigint, audio_seconds double precision, oldest_seconds double precision,
    tenants bigint, leased bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp SET jit = off
BEGIN ATOMIC
    -- By tenant first: few groups need no sorting of all open stages.
    WITH open AS (
        SELECT s.kind, s.tenant_id,
            count(*) FILTER (WHERE NOT s.held) AS waiting, count(*) FILTER (WHERE s.held) AS leased,
            sum(least(greatest(s.audio_samples, 0), 42854400000)) FILTER (WHERE NOT s.held) AS samples,
            min(coalesce(s.start_time, s.ready_time)) FILTER (WHERE NOT s.held) AS since
        FROM (
            SELECT kind, tenant_id, audio_samples, start_time, ready_time,
                state = 'LEASED' AND lease_until > clock_timestamp() AS held
            FROM gateway.stages
            WHERE state IN ('READY', 'LEASED') AND (state = 'LEASED' OR isfinite(ready_time))
        ) s
        GROUP BY s.kind, s.tenant_id
    )
    SELECT o.kind, sum(o.waiting)::bigint, coalesce(sum(o.samples), 0)::double precision / 16000,
        greatest(0, coalesce(extract(epoch FROM clock_timestamp()
            - min(o.since) FILTER (WHERE isfinite(o.since))), 0))::double precision,
        count(*) FILTER (WHERE o.waiting > 0), sum(o.leased)::bigint
    FROM open o GROUP BY o.kind;
END;

REVOKE ALL ON FUNCTION gateway.measure_queue FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_api') THEN
        GRANT EXECUTE ON FUNCTION gateway.measure_queue TO locution_api;
    END IF;
END
$$;

-- migrate:down

DROP FUNCTION gateway.measure_queue;
