-- migrate:up

-- I6: a live session's audio is charged as it is delivered, in the statement that advances `done_sample`. That is
-- fenced by the stream that owns the session and never decreases, so a resumed stream that repeats audio charges
-- nothing twice.
CREATE FUNCTION gateway.charge_live() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
BEGIN
    INSERT INTO usage AS u (tenant_id, day, subject, audio_samples)
    VALUES (NEW.tenant_id, (clock_timestamp() AT TIME ZONE 'UTC')::date, NEW.created_by, NEW.done_sample - OLD.done_sample)
    ON CONFLICT (tenant_id, day, subject) DO UPDATE SET audio_samples = u.audio_samples + excluded.audio_samples;
    RETURN NULL;
END
$$;
CREATE TRIGGER live_charged AFTER UPDATE OF done_sample ON gateway.live_sessions
    FOR EACH ROW WHEN (NEW.done_sample > OLD.done_sample) EXECUTE FUNCTION gateway.charge_live();

-- Samples charged live before a job of the same audio began. The session names its job, and until it is settled the
-- request that made the job does, whose fingerprint is the session: those of clients are digests.
CREATE FUNCTION gateway.charged_live(p_tenant_id uuid, p_job_id uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT coalesce(max(c.done_sample), 0) FROM (
        SELECT l.done_sample FROM gateway.live_sessions l WHERE l.tenant_id = p_tenant_id AND l.job_id = p_job_id
        UNION ALL
        SELECT l.done_sample FROM gateway.live_sessions l
        JOIN gateway.requests r ON r.tenant_id = l.tenant_id AND r.method = 'CreateJob' AND r.request_id LIKE 'live-%'
            AND r.request_id = 'live-' || l.session_id::text AND r.fingerprint = l.session_id::text
        WHERE l.tenant_id = p_tenant_id AND r.resource_id = p_job_id) AS c;
END;
REVOKE ALL ON FUNCTION gateway.charged_live FROM PUBLIC;

-- As before, minus what was charged live.
CREATE OR REPLACE FUNCTION gateway.charge_section() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
BEGIN
    INSERT INTO usage AS u (tenant_id, day, subject, audio_samples)
    SELECT NEW.tenant_id, (clock_timestamp() AT TIME ZONE 'UTC')::date, j.created_by,
        greatest(0, s.end_sample - greatest(s.start_sample, gateway.charged_live(j.tenant_id, coalesce(j.retry_of, j.job_id))))
    FROM jobs j JOIN sections s USING (job_id)
    WHERE j.job_id = NEW.job_id AND s.section = NEW.section
    ON CONFLICT (tenant_id, day, subject) DO UPDATE SET audio_samples = u.audio_samples + excluded.audio_samples;
    RETURN NULL;
END
$$;

CREATE INDEX live_sessions_by_job ON gateway.live_sessions (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX requests_of_live ON gateway.requests (resource_id) WHERE method = 'CreateJob' AND request_id LIKE 'live-%';

-- migrate:down

DROP INDEX gateway.requests_of_live, gateway.live_sessions_by_job;
DROP TRIGGER live_charged ON gateway.live_sessions;
DROP FUNCTION gateway.charge_live;
CREATE OR REPLACE FUNCTION gateway.charge_section() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
BEGIN
    INSERT INTO usage AS u (tenant_id, day, subject, audio_samples)
    SELECT NEW.tenant_id, (clock_timestamp() AT TIME ZONE 'UTC')::date, j.created_by, s.end_sample - s.start_sample
    FROM jobs j JOIN sections s USING (job_id)
    WHERE j.job_id = NEW.job_id AND s.section = NEW.section
    ON CONFLICT (tenant_id, day, subject) DO UPDATE SET audio_samples = u.audio_samples + excluded.audio_samples;
    RETURN NULL;
END
$$;
DROP FUNCTION gateway.charged_live;
