-- migrate:up

-- A tenant's share of the engines has this name; "weight" also meant a model's parameters.
ALTER TABLE gateway.tenants RENAME COLUMN weight TO share;
ALTER TABLE gateway.tenants RENAME CONSTRAINT tenants_weight_check TO tenants_share_check;

-- Start-time fair queueing (Goyal, Vin and Cheng, 1996) over tenants, in samples divided by the tenant's share: the
-- next stage goes to the least start tag. The greatest start tag given is the clock, where an idle tenant starts.
-- Earlier tags are in seconds and not comparable, so they are deleted: all tenants start equal.
ALTER TABLE gateway.shares RENAME TO queue_clocks;
ALTER INDEX gateway.shares_pkey RENAME TO queue_clocks_pkey;
ALTER INDEX gateway.shares_by_start RENAME TO queue_clocks_by_start;
DELETE FROM gateway.queue_clocks;

DROP FUNCTION gateway.claim_stage;
-- Claims the next stage for a worker, the only way in which a worker sees work of all tenants: it runs as the owner.
-- Tenants are ordered by the least start tag, a tenant's stages by priority and age; locked stages are skipped. The
-- claim sets a new lease on database time, counts the attempt, and charges its tenant the stage's samples, at least
-- p_least.
CREATE FUNCTION gateway.claim_stage(p_worker text, p_lease interval, p_kinds text[], p_least bigint)
RETURNS SETOF gateway.stages
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
DECLARE
    candidate record;
    claimed gateway.stages;
    clock double precision := coalesce((SELECT max(start_tag) FROM queue_clocks), 0);
BEGIN
    FOR candidate IN
        -- The tenants that have ready stages, found by skipping from one to the next in the queue's index.
        WITH RECURSIVE waiting AS (
            (SELECT s.tenant_id FROM stages s WHERE s.state = 'READY' ORDER BY s.tenant_id LIMIT 1)
            UNION ALL
            SELECT (SELECT s.tenant_id FROM stages s
                    WHERE s.state = 'READY' AND s.tenant_id > w.tenant_id ORDER BY s.tenant_id LIMIT 1)
            FROM waiting w WHERE w.tenant_id IS NOT NULL
        )
        SELECT w.tenant_id, coalesce(t.share, 1) AS share, greatest(h.finish_tag, clock) AS start_tag
        FROM waiting w
        LEFT JOIN queue_clocks h USING (tenant_id)
        LEFT JOIN tenants t USING (tenant_id)
        WHERE w.tenant_id IS NOT NULL
        ORDER BY start_tag, h.finish_tag NULLS FIRST, w.tenant_id
    LOOP
        UPDATE stages SET
            state = 'LEASED', lease_token = gen_random_uuid(), lease_until = clock_timestamp() + p_lease,
            worker = p_worker, attempts = attempts + 1, start_time = coalesce(start_time, clock_timestamp())
        WHERE stage_id = (
            SELECT s.stage_id FROM stages s
            WHERE s.tenant_id = candidate.tenant_id AND s.state = 'READY'
              AND s.ready_time <= clock_timestamp() AND s.kind = ANY (p_kinds)
            ORDER BY s.priority DESC, s.ready_time, s.section, s.stage_id
            LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING * INTO claimed;
        IF FOUND THEN
            INSERT INTO queue_clocks AS h (tenant_id, start_tag, finish_tag)
            VALUES (candidate.tenant_id, candidate.start_tag, candidate.start_tag
                    + greatest(claimed.audio_samples, p_least)::double precision / candidate.share)
            ON CONFLICT (tenant_id) DO UPDATE SET
                start_tag = greatest(h.finish_tag, excluded.start_tag),
                finish_tag = greatest(h.finish_tag, excluded.start_tag) + excluded.finish_tag - excluded.start_tag;
            RETURN NEXT claimed;
            RETURN;
        END IF;
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION gateway.claim_stage FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_worker') THEN
        GRANT EXECUTE ON FUNCTION gateway.claim_stage TO locution_worker;
    END IF;
END
$$;

-- migrate:down

DROP FUNCTION gateway.claim_stage;
DELETE FROM gateway.queue_clocks;
ALTER INDEX gateway.queue_clocks_by_start RENAME TO shares_by_start;
ALTER INDEX gateway.queue_clocks_pkey RENAME TO shares_pkey;
ALTER TABLE gateway.queue_clocks RENAME TO shares;
ALTER TABLE gateway.tenants RENAME CONSTRAINT tenants_share_check TO tenants_weight_check;
ALTER TABLE gateway.tenants RENAME COLUMN share TO weight;

-- Claims the next stage for a worker, the only way in which a worker sees work of all tenants: it runs as the owner.
-- Tenants are ordered by the least start tag, a tenant's stages by priority and age; locked stages are skipped. The
-- claim sets a new lease on database time, counts the attempt, and charges the tenant's share.
CREATE FUNCTION gateway.claim_stage(p_worker text, p_lease interval, p_kinds text[])
RETURNS SETOF gateway.stages
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
DECLARE
    candidate record;
    claimed gateway.stages;
    clock double precision := coalesce((SELECT max(start_tag) FROM shares), 0);
BEGIN
    FOR candidate IN
        -- The tenants that have ready stages, found by skipping from one to the next in the queue's index.
        WITH RECURSIVE waiting AS (
            (SELECT s.tenant_id FROM stages s WHERE s.state = 'READY' ORDER BY s.tenant_id LIMIT 1)
            UNION ALL
            SELECT (SELECT s.tenant_id FROM stages s
                    WHERE s.state = 'READY' AND s.tenant_id > w.tenant_id ORDER BY s.tenant_id LIMIT 1)
            FROM waiting w WHERE w.tenant_id IS NOT NULL
        )
        SELECT w.tenant_id, coalesce(t.weight, 1) AS weight, greatest(h.finish_tag, clock) AS start_tag
        FROM waiting w
        LEFT JOIN shares h USING (tenant_id)
        LEFT JOIN tenants t USING (tenant_id)
        WHERE w.tenant_id IS NOT NULL
        ORDER BY start_tag, h.finish_tag NULLS FIRST, w.tenant_id
    LOOP
        UPDATE stages SET
            state = 'LEASED', lease_token = gen_random_uuid(), lease_until = clock_timestamp() + p_lease,
            worker = p_worker, attempts = attempts + 1, start_time = coalesce(start_time, clock_timestamp())
        WHERE stage_id = (
            SELECT s.stage_id FROM stages s
            WHERE s.tenant_id = candidate.tenant_id AND s.state = 'READY'
              AND s.ready_time <= clock_timestamp() AND s.kind = ANY (p_kinds)
            ORDER BY s.priority DESC, s.ready_time, s.section, s.stage_id
            LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING * INTO claimed;
        IF FOUND THEN
            INSERT INTO shares AS h (tenant_id, start_tag, finish_tag)
            VALUES (candidate.tenant_id, candidate.start_tag, candidate.start_tag
                    + greatest(claimed.audio_samples, 16000) / 16000.0 / candidate.weight)
            ON CONFLICT (tenant_id) DO UPDATE SET
                start_tag = greatest(h.finish_tag, excluded.start_tag),
                finish_tag = greatest(h.finish_tag, excluded.start_tag) + excluded.finish_tag - excluded.start_tag;
            RETURN NEXT claimed;
            RETURN;
        END IF;
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION gateway.claim_stage FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_worker') THEN
        GRANT EXECUTE ON FUNCTION gateway.claim_stage TO locution_worker;
    END IF;
END
$$;
