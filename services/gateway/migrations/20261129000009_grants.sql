-- migrate:up

-- Each service's role may run the statements of its process and no others: by table, by kind, and for UPDATE by column.
-- A new statement needs a grant; tests/service/gateway/platform/test_grants.py names those that lack one, and grants
-- that no statement needs.

-- What these triggers do needs no rights of the role whose statement they follow.
CREATE OR REPLACE FUNCTION gateway.release_object() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
BEGIN
    PERFORM FROM objects o WHERE o.object_id = OLD.object_id AND o.tenant_id = OLD.tenant_id FOR UPDATE;
    IF EXISTS (SELECT FROM uploads u WHERE u.object_id = OLD.object_id)
        OR EXISTS (SELECT FROM jobs j WHERE j.object_id = OLD.object_id) THEN
        RETURN NULL;
    END IF;
    WITH gone AS (
        DELETE FROM objects o WHERE o.object_id = OLD.object_id AND o.tenant_id = OLD.tenant_id
        RETURNING o.tenant_id, o.object_key
    )
    INSERT INTO deletions (tenant_id, object_key) SELECT g.tenant_id, g.object_key FROM gone g;
    RETURN NULL;
END
$$;
ALTER FUNCTION gateway.release_pcm() SECURITY DEFINER SET search_path = gateway, pg_temp;
ALTER FUNCTION gateway.release_live_audio() SECURITY DEFINER SET search_path = gateway, pg_temp;

DO $$
DECLARE
    role_name text;
BEGIN
    FOR role_name IN SELECT rolname FROM pg_roles WHERE rolname IN ('locution_api', 'locution_worker') LOOP
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA gateway FROM %I', role_name);
        EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA gateway FROM %I', role_name);
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA gateway REVOKE ALL ON TABLES FROM %I', role_name);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_api') THEN
        GRANT SELECT, INSERT, UPDATE (expire_time, revoke_time, revoked_by) ON gateway.api_keys TO locution_api;
        GRANT SELECT, INSERT, DELETE, UPDATE (body, update_time, version) ON gateway.defaults TO locution_api;
        GRANT INSERT ON gateway.deletions TO locution_api;
        GRANT SELECT, INSERT, DELETE ON gateway.invitations TO locution_api;
        GRANT SELECT, INSERT ON gateway.job_events TO locution_api;
        GRANT SELECT, INSERT, DELETE, UPDATE (display_name, state, object_id, tags, priority, cancel_requested,
            pcm_key, warnings, error, metrics, last_event, end_time, expire_time, version) ON gateway.jobs TO
            locution_api;
        GRANT SELECT, INSERT, DELETE ON gateway.live_chunks TO locution_api;
        GRANT SELECT, INSERT, DELETE, UPDATE (body) ON gateway.live_finals TO locution_api;
        GRANT SELECT, INSERT, DELETE, UPDATE (start_sample, object_key, centroids) ON gateway.live_sections TO
            locution_api;
        GRANT SELECT, INSERT, DELETE, UPDATE (state, config, token_hash, previous_hash, owner, owner_until, kept,
            audio_samples, done_sample, last_final, heard_language, end_reason, upload_id, job_id, end_time,
            expire_time, engine_sizes, heard_sample) ON gateway.live_sessions TO locution_api;
        GRANT SELECT, INSERT, UPDATE (size_bytes) ON gateway.objects TO locution_api;
        GRANT SELECT, INSERT, DELETE ON gateway.oidc_issuers TO locution_api;
        GRANT SELECT, INSERT, DELETE ON gateway.open_streams TO locution_api;
        GRANT SELECT, INSERT, UPDATE (audio_seconds_per_day, audio_seconds_per_month, stored_bytes, concurrent_jobs,
            concurrent_streams, open_uploads, api_keys, calls_per_second, calls_per_second_per_principal,
            update_time, version) ON gateway.quotas TO locution_api;
        GRANT SELECT, INSERT, UPDATE (fingerprint, resource_id, created_by, create_time) ON gateway.requests TO
            locution_api;
        GRANT SELECT, INSERT ON gateway.sections TO locution_api;
        GRANT SELECT ON gateway.segments TO locution_api;
        GRANT SELECT, INSERT, UPDATE (refresh_hash, generation, revoke_time, revoke_reason) ON gateway.sessions TO
            locution_api;
        GRANT SELECT ON gateway.speeds TO locution_api;
        GRANT SELECT, INSERT ON gateway.stage_results TO locution_api;
        GRANT SELECT, INSERT, UPDATE (state, priority, lease_token, lease_until, ready_time, end_time, reason,
            message) ON gateway.stages TO locution_api;
        GRANT SELECT ON gateway.stored TO locution_api;
        GRANT SELECT, INSERT, UPDATE (share, display_name, state, version) ON gateway.tenants TO locution_api;
        GRANT SELECT ON gateway.transcripts TO locution_api;
        GRANT SELECT, INSERT, DELETE ON gateway.upload_parts TO locution_api;
        GRANT SELECT, INSERT, DELETE, UPDATE (state, stated_sha256, committed_bytes, write_mode, writer_token,
            multipart_id, object_id, error_reason, verify_token, verify_until, update_time, expire_time, version,
            next_part, tail_key, tail_bytes) ON gateway.uploads TO locution_api;
        GRANT SELECT ON gateway.usage TO locution_api;
        GRANT SELECT, INSERT, DELETE, UPDATE (display_name, role, state, password_hash, last_login_time, version) ON
            gateway.users TO locution_api;
        GRANT SELECT, INSERT, DELETE, UPDATE (display_name, version) ON gateway.voices TO locution_api;
        GRANT SELECT, INSERT, UPDATE (state, attempts, due_time, lease_token, error) ON gateway.webhook_deliveries
            TO locution_api;
        GRANT SELECT, INSERT, UPDATE (expire_time) ON gateway.webhook_secrets TO locution_api;
        GRANT SELECT, INSERT, DELETE, UPDATE (display_name, url, event_types, disabled, disabled_reason,
            failing_since, version) ON gateway.webhooks TO locution_api;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_worker') THEN
        GRANT INSERT ON gateway.deletions TO locution_worker;
        GRANT SELECT, INSERT ON gateway.job_events TO locution_worker;
        GRANT SELECT, UPDATE (state, object_id, audio_samples, channels, pcm_key, warnings, error, metrics,
            last_event, start_time, end_time, expire_time, version) ON gateway.jobs TO locution_worker;
        GRANT SELECT ON gateway.objects TO locution_worker;
        GRANT SELECT, INSERT ON gateway.sections TO locution_worker;
        GRANT INSERT ON gateway.segments TO locution_worker;
        GRANT SELECT, INSERT, UPDATE (seconds_per_audio_second, samples, update_time) ON gateway.speeds TO
            locution_worker;
        GRANT SELECT, INSERT ON gateway.stage_results TO locution_worker;
        GRANT SELECT, INSERT, UPDATE (state, audio_samples, done_samples, attempts, lease_token, lease_until,
            ready_time, end_time, work_seconds, reason, message) ON gateway.stages TO locution_worker;
        GRANT INSERT ON gateway.transcripts TO locution_worker;
        GRANT SELECT ON gateway.uploads TO locution_worker;
        GRANT SELECT ON gateway.voices TO locution_worker;
        GRANT SELECT, UPDATE (state, attempts, due_time, lease_token, response_status, error, last_attempt_time) ON
            gateway.webhook_deliveries TO locution_worker;
        GRANT SELECT, UPDATE (disabled, disabled_reason, failing_since, version) ON gateway.webhooks TO
            locution_worker;
    END IF;
END
$$;

-- migrate:down

DO $$
DECLARE
    role_name text;
BEGIN
    FOR role_name IN SELECT rolname FROM pg_roles WHERE rolname IN ('locution_api', 'locution_worker') LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA gateway TO %I', role_name);
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA gateway GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', role_name);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_api') THEN
        REVOKE ALL ON gateway.rate_buckets, gateway.login_attempts FROM locution_api;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_worker') THEN
        REVOKE ALL ON gateway.users, gateway.api_keys, gateway.sessions, gateway.invitations, gateway.oidc_issuers,
            gateway.rate_buckets, gateway.login_attempts, gateway.open_streams, gateway.usage, gateway.stored,
            gateway.defaults, gateway.webhook_secrets FROM locution_worker;
        REVOKE INSERT, UPDATE, DELETE ON gateway.voices FROM locution_worker;
    END IF;
END
$$;
ALTER FUNCTION gateway.release_object() SECURITY INVOKER RESET search_path;
ALTER FUNCTION gateway.release_pcm() SECURITY INVOKER RESET search_path;
ALTER FUNCTION gateway.release_live_audio() SECURITY INVOKER RESET search_path;
CREATE OR REPLACE FUNCTION gateway.release_object() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM gateway.objects WHERE object_id = OLD.object_id FOR UPDATE;
    IF EXISTS (SELECT FROM gateway.uploads WHERE object_id = OLD.object_id)
        OR EXISTS (SELECT FROM gateway.jobs WHERE object_id = OLD.object_id) THEN
        RETURN NULL;
    END IF;
    WITH gone AS (
        DELETE FROM gateway.objects WHERE object_id = OLD.object_id RETURNING tenant_id, object_key
    )
    INSERT INTO gateway.deletions (tenant_id, object_key) SELECT tenant_id, object_key FROM gone;
    RETURN NULL;
END
$$;
