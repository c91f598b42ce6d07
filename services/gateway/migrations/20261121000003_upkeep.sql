-- migrate:up

-- Bytes after the last part that are too few for a part: a separate object, read back when writing resumes. Part
-- numbers are reserved before the part is sent, so that a replaced stream's late part overwrites nothing.
ALTER TABLE gateway.uploads
    ADD COLUMN next_part integer NOT NULL DEFAULT 1 CHECK (next_part BETWEEN 1 AND 10001),
    ADD COLUMN tail_key text,
    ADD COLUMN tail_bytes bigint NOT NULL DEFAULT 0 CHECK (tail_bytes >= 0),
    ADD CHECK ((tail_key IS NULL) = (tail_bytes = 0));

-- An attempt at a deletion postpones the next one; a late one deletes what a dying process wrote after the first.
ALTER TABLE gateway.deletions ADD COLUMN due_time timestamptz NOT NULL DEFAULT now();
CREATE INDEX deletions_due ON gateway.deletions (due_time);

DROP INDEX gateway.uploads_to_expire;
CREATE INDEX uploads_to_expire ON gateway.uploads (expire_time) WHERE state <> 'VERIFYING';
CREATE INDEX uploads_open ON gateway.uploads (tenant_id) WHERE state IN ('WRITING', 'VERIFYING');

-- Unfinished jobs sort as if they ended last, so that a page can start after any of them.
DROP INDEX gateway.jobs_by_end;
CREATE INDEX jobs_by_end ON gateway.jobs (tenant_id, coalesce(end_time, 'infinity'::timestamptz), job_id);
CREATE INDEX jobs_by_pcm ON gateway.jobs (pcm_key) WHERE pcm_key IS NOT NULL;
CREATE INDEX stages_open ON gateway.stages (tenant_id, kind) WHERE state IN ('READY', 'LEASED');

-- An object is deleted with its last reference. The lock makes two concurrent releases see each other.
CREATE FUNCTION gateway.release_object() RETURNS trigger
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
CREATE TRIGGER upload_deleted AFTER DELETE ON gateway.uploads
    FOR EACH ROW WHEN (OLD.object_id IS NOT NULL) EXECUTE FUNCTION gateway.release_object();
CREATE TRIGGER upload_lets_go AFTER UPDATE OF object_id ON gateway.uploads
    FOR EACH ROW WHEN (OLD.object_id IS NOT NULL AND NEW.object_id IS DISTINCT FROM OLD.object_id)
    EXECUTE FUNCTION gateway.release_object();
CREATE TRIGGER job_deleted AFTER DELETE ON gateway.jobs
    FOR EACH ROW WHEN (OLD.object_id IS NOT NULL) EXECUTE FUNCTION gateway.release_object();
CREATE TRIGGER job_lets_go AFTER UPDATE OF object_id ON gateway.jobs
    FOR EACH ROW WHEN (OLD.object_id IS NOT NULL AND NEW.object_id IS DISTINCT FROM OLD.object_id)
    EXECUTE FUNCTION gateway.release_object();

-- Decoded audio, which a retry shares with the original job, is deleted with the last of them, together with the output
-- of interrupted attempts: now, and once more for what is written after this.
CREATE FUNCTION gateway.drop_folder(p_tenant_id uuid, p_folder text) RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
    INSERT INTO gateway.deletions (tenant_id, object_key, due_time)
    VALUES (p_tenant_id, p_folder, clock_timestamp()), (p_tenant_id, p_folder, clock_timestamp() + interval '50 seconds');
END;

CREATE FUNCTION gateway.release_pcm() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.pcm_key IS NULL THEN
        PERFORM gateway.drop_folder(OLD.tenant_id,
            replace(OLD.tenant_id::text, '-', '') || '/jobs/' || replace(OLD.job_id::text, '-', '') || '/');
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(OLD.pcm_key, 0));
    IF NOT EXISTS (SELECT FROM gateway.jobs WHERE pcm_key = OLD.pcm_key) THEN
        PERFORM gateway.drop_folder(OLD.tenant_id, regexp_replace(OLD.pcm_key, '[^/]+$', ''));
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER job_deleted_pcm AFTER DELETE ON gateway.jobs
    FOR EACH ROW EXECUTE FUNCTION gateway.release_pcm();
CREATE TRIGGER job_lets_go_pcm AFTER UPDATE OF pcm_key ON gateway.jobs
    FOR EACH ROW WHEN (OLD.pcm_key IS NOT NULL AND NEW.pcm_key IS DISTINCT FROM OLD.pcm_key)
    EXECUTE FUNCTION gateway.release_pcm();

-- The functions through which the api's upkeep sees work of all tenants; each runs as the owner and returns only names.
CREATE FUNCTION gateway.expired_uploads(p_limit integer)
RETURNS TABLE (tenant_id uuid, upload_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT u.tenant_id, u.upload_id FROM gateway.uploads u
    WHERE u.state <> 'VERIFYING' AND u.expire_time < clock_timestamp()
    ORDER BY u.expire_time LIMIT p_limit;
END;

CREATE FUNCTION gateway.unverified_uploads(p_limit integer)
RETURNS TABLE (tenant_id uuid, upload_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT u.tenant_id, u.upload_id FROM gateway.uploads u
    WHERE u.state = 'VERIFYING' AND (u.verify_until IS NULL OR u.verify_until < clock_timestamp())
    ORDER BY u.verify_until NULLS FIRST LIMIT p_limit;
END;

CREATE FUNCTION gateway.expired_jobs(p_limit integer)
RETURNS TABLE (tenant_id uuid, job_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT j.tenant_id, j.job_id FROM gateway.jobs j
    WHERE j.expire_time < clock_timestamp() ORDER BY j.expire_time LIMIT p_limit;
END;

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

CREATE FUNCTION gateway.finish_deletions(p_ids bigint[]) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    DELETE FROM gateway.deletions WHERE deletions.deletion_id = ANY (p_ids);
END;

CREATE FUNCTION gateway.forget_requests(p_age interval, p_limit integer) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    DELETE FROM gateway.requests WHERE (tenant_id, method, request_id) IN (
        SELECT r.tenant_id, r.method, r.request_id FROM gateway.requests r
        WHERE r.create_time < clock_timestamp() - p_age ORDER BY r.create_time LIMIT p_limit);
END;

-- Which of these multipart uploads no process will complete.
CREATE FUNCTION gateway.abandoned_multiparts(p_ids text[]) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT m.id FROM unnest(p_ids) AS m (id)
    WHERE NOT EXISTS (SELECT FROM gateway.uploads u
                      WHERE u.multipart_id = m.id AND u.state IN ('WRITING', 'VERIFYING'));
END;
CREATE INDEX uploads_by_multipart ON gateway.uploads (multipart_id) WHERE multipart_id IS NOT NULL;

REVOKE ALL ON FUNCTION gateway.expired_uploads, gateway.unverified_uploads, gateway.expired_jobs, gateway.claim_deletions,
    gateway.finish_deletions, gateway.forget_requests, gateway.abandoned_multiparts FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_api') THEN
        GRANT EXECUTE ON FUNCTION gateway.expired_uploads, gateway.unverified_uploads, gateway.expired_jobs,
            gateway.claim_deletions, gateway.finish_deletions, gateway.forget_requests, gateway.abandoned_multiparts
            TO locution_api;
    END IF;
END
$$;

-- migrate:down

DROP FUNCTION gateway.expired_uploads, gateway.unverified_uploads, gateway.expired_jobs, gateway.claim_deletions,
    gateway.finish_deletions, gateway.forget_requests, gateway.abandoned_multiparts;
DROP FUNCTION gateway.release_object, gateway.release_pcm, gateway.drop_folder CASCADE;
DROP INDEX gateway.stages_open, gateway.jobs_by_pcm, gateway.jobs_by_end, gateway.uploads_open, gateway.uploads_to_expire,
    gateway.uploads_by_multipart, gateway.deletions_due;
CREATE INDEX jobs_by_end ON gateway.jobs (tenant_id, end_time DESC, job_id DESC);
CREATE INDEX uploads_to_expire ON gateway.uploads (expire_time) WHERE state IN ('WRITING', 'READY');
ALTER TABLE gateway.deletions DROP COLUMN due_time;
ALTER TABLE gateway.uploads DROP COLUMN next_part, DROP COLUMN tail_key, DROP COLUMN tail_bytes;
