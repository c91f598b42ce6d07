-- migrate:up

-- The cost of a stage for its tenant's clock; a month of audio at most, so that a damaged row costs no more.
CREATE FUNCTION gateway.charge(p_samples bigint, p_share integer) RETURNS double precision
LANGUAGE sql IMMUTABLE RETURN least(greatest(p_samples, 0), 42854400000)::double precision / greatest(p_share, 1);

DROP FUNCTION gateway.claim_stage;
-- Claims the next stage for a worker, the only way in which a worker sees work of all tenants: it runs as the owner.
-- Tenants are ordered by the least start tag, a tenant's stages by priority and age; locked stages are skipped. The
-- claim sets a new lease on database time, counts the attempt, and charges its tenant the stage's samples, at least
-- p_least. The tenants of p_except get nothing. Damaged rows of one tenant must not stop the others: values are clamped
-- to their bounds, a tenant whose stage cannot be claimed is passed over, and clocks near the end of their bounds start
-- again.
CREATE FUNCTION gateway.claim_stage(p_worker text, p_lease interval, p_kinds text[], p_least bigint,
    p_except uuid[] DEFAULT '{}')
RETURNS SETOF gateway.stages
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
DECLARE
    candidate record;
    claimed gateway.stages;
    clock double precision := coalesce((SELECT max(start_tag) FROM queue_clocks), 0);
BEGIN
    IF clock > 9e14 THEN
        DELETE FROM queue_clocks;
        clock := 0;
    END IF;
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
        WHERE w.tenant_id IS NOT NULL AND w.tenant_id <> ALL (p_except)
        ORDER BY start_tag, h.finish_tag NULLS FIRST, w.tenant_id
    LOOP
        BEGIN
            UPDATE stages SET
                state = 'LEASED', lease_token = gen_random_uuid(), lease_until = clock_timestamp() + p_lease,
                worker = p_worker, attempts = least(attempts, 999999999) + 1,
                start_time = coalesce(start_time, clock_timestamp())
            WHERE stage_id = (
                SELECT s.stage_id FROM stages s
                WHERE s.tenant_id = candidate.tenant_id AND s.state = 'READY'
                  AND s.ready_time <= clock_timestamp() AND s.kind = ANY (p_kinds)
                ORDER BY s.priority DESC, s.ready_time, s.section, s.stage_id
                LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING * INTO claimed;
            CONTINUE WHEN NOT FOUND;
            INSERT INTO queue_clocks AS h (tenant_id, start_tag, finish_tag)
            VALUES (candidate.tenant_id, candidate.start_tag, least(1e15, candidate.start_tag
                    + gateway.charge(greatest(claimed.audio_samples, p_least), candidate.share)))
            ON CONFLICT (tenant_id) DO UPDATE SET
                start_tag = least(1e15, greatest(h.finish_tag, excluded.start_tag)),
                finish_tag = least(1e15,
                    greatest(h.finish_tag, excluded.start_tag) + excluded.finish_tag - excluded.start_tag);
        EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
            RAISE WARNING 'a stage of tenant % cannot be claimed: %', candidate.tenant_id, SQLERRM;
            CONTINUE;
        END;
        RETURN NEXT claimed;
        RETURN;
    END LOOP;
END
$$;

-- A tenant's share, for the engines' own fair queueing; 1 for a tenant without a row.
CREATE FUNCTION gateway.tenant_share(p_tenant_id uuid) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
    SELECT coalesce((SELECT share FROM tenants WHERE tenant_id = p_tenant_id), 1);
$$;

-- Charges a tenant samples whose number was not known when the stage was claimed.
CREATE FUNCTION gateway.charge_stage(p_tenant_id uuid, p_samples bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
    UPDATE queue_clocks SET finish_tag = least(1e15, finish_tag + gateway.charge(p_samples, gateway.tenant_share(p_tenant_id)))
    WHERE tenant_id = p_tenant_id;
$$;

REVOKE ALL ON FUNCTION gateway.claim_stage, gateway.charge_stage, gateway.charge, gateway.tenant_share FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_worker') THEN
        GRANT EXECUTE ON FUNCTION gateway.claim_stage, gateway.charge_stage, gateway.tenant_share TO locution_worker;
    END IF;
END
$$;

-- migrate:down

DROP FUNCTION gateway.claim_stage, gateway.charge_stage, gateway.tenant_share, gateway.charge;
-- Claims the next stage for a worker, the only way in which a worker sees work of all tenants: it runs as the owner.
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
