-- migrate:up

-- Samples from the start of the recording that were charged before the job began, to the live session that it comes
-- from; null for a client's job. Only internal code sets it: the name of a request has no influence.
ALTER TABLE gateway.jobs ADD COLUMN paid_samples bigint CHECK (paid_samples >= 0);

UPDATE gateway.jobs j SET paid_samples = gateway.charged_live(j.tenant_id, coalesce(j.retry_of, j.job_id))
WHERE gateway.charged_live(j.tenant_id, coalesce(j.retry_of, j.job_id)) > 0;

-- As before, minus what was paid.
CREATE OR REPLACE FUNCTION gateway.charge_section() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
BEGIN
    INSERT INTO usage AS u (tenant_id, day, subject, audio_samples)
    SELECT NEW.tenant_id, (clock_timestamp() AT TIME ZONE 'UTC')::date, j.created_by,
        greatest(0, s.end_sample - greatest(s.start_sample, coalesce(j.paid_samples, 0)))
    FROM jobs j JOIN sections s USING (job_id)
    WHERE j.job_id = NEW.job_id AND s.section = NEW.section
    ON CONFLICT (tenant_id, day, subject) DO UPDATE SET audio_samples = u.audio_samples + excluded.audio_samples;
    RETURN NULL;
END
$$;
DROP FUNCTION gateway.charged_live;
DROP INDEX gateway.requests_of_live, gateway.live_sessions_by_job;

-- The sizes of the session's last speech engine, as it reported them: they determine where an engine must start again.
ALTER TABLE gateway.live_sessions ADD COLUMN engine_sizes jsonb;

-- migrate:down

ALTER TABLE gateway.live_sessions DROP COLUMN engine_sizes;
CREATE INDEX live_sessions_by_job ON gateway.live_sessions (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX requests_of_live ON gateway.requests (resource_id) WHERE method = 'CreateJob' AND request_id LIKE 'live-%';
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
ALTER TABLE gateway.jobs DROP COLUMN paid_samples;
