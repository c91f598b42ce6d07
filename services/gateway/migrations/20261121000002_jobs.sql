-- migrate:up

CREATE TABLE gateway.jobs (
    job_id            uuid PRIMARY KEY,
    tenant_id         uuid NOT NULL,
    created_by        text NOT NULL,
    display_name      text NOT NULL DEFAULT '',
    state             text NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
    -- The upload as named; it may be deleted once the recording is decoded. The object stays while the job needs it.
    upload_id         uuid NOT NULL,
    object_id         uuid REFERENCES gateway.objects,
    requested_config  jsonb NOT NULL,
    -- Frozen at creation, with resolved models and their checksums; every retry uses it.
    effective_config  jsonb NOT NULL,
    tags              text[] NOT NULL DEFAULT '{}',
    priority          smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN -10 AND 10),
    cancel_requested  boolean NOT NULL DEFAULT false,
    retry_of          uuid,
    -- The result of decoding; null before.
    audio_samples     bigint CHECK (audio_samples >= 0),
    channels          smallint CHECK (channels BETWEEN 1 AND 8),
    pcm_key           text,
    warnings          jsonb NOT NULL DEFAULT '[]',
    error             jsonb,
    metrics           jsonb NOT NULL DEFAULT '{}',
    -- W3C traceparent of the call that created it: the whole job is one trace.
    trace_context     text NOT NULL DEFAULT '',
    last_event        bigint NOT NULL DEFAULT 0,
    create_time       timestamptz NOT NULL DEFAULT now(),
    start_time        timestamptz,
    end_time          timestamptz,
    expire_time       timestamptz,
    version           bigint NOT NULL DEFAULT 1,
    CHECK ((state IN ('SUCCEEDED', 'FAILED', 'CANCELLED')) = (end_time IS NOT NULL)),
    CHECK ((state = 'FAILED') = (error IS NOT NULL))
);
CREATE INDEX jobs_by_creation ON gateway.jobs (tenant_id, create_time DESC, job_id DESC);
CREATE INDEX jobs_by_end ON gateway.jobs (tenant_id, end_time DESC, job_id DESC);
CREATE INDEX jobs_by_display_name ON gateway.jobs (tenant_id, display_name, job_id);
CREATE INDEX jobs_by_state ON gateway.jobs (tenant_id, state, create_time DESC, job_id DESC);
CREATE INDEX jobs_by_tags ON gateway.jobs USING gin (tags);
CREATE INDEX jobs_by_object ON gateway.jobs (object_id) WHERE object_id IS NOT NULL;
CREATE INDEX jobs_by_upload ON gateway.jobs (upload_id);
CREATE INDEX jobs_to_expire ON gateway.jobs (expire_time) WHERE expire_time IS NOT NULL;

-- Terminal states never change, and a job only advances, except for a system retry (RUNNING to QUEUED).
CREATE FUNCTION gateway.check_job_transition() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = NEW.state THEN
        RETURN NEW;
    END IF;
    IF (OLD.state, NEW.state) IN (('QUEUED', 'RUNNING'), ('QUEUED', 'CANCELLED'), ('QUEUED', 'FAILED'),
        ('RUNNING', 'QUEUED'), ('RUNNING', 'SUCCEEDED'), ('RUNNING', 'FAILED'), ('RUNNING', 'CANCELLED')) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'job % cannot go from % to %', OLD.job_id, OLD.state, NEW.state USING ERRCODE = 'check_violation';
END
$$;
CREATE TRIGGER job_transition BEFORE UPDATE OF state ON gateway.jobs
    FOR EACH ROW EXECUTE FUNCTION gateway.check_job_transition();

-- The recording cut at pauses; all channels share the cuts.
CREATE TABLE gateway.sections (
    job_id        uuid NOT NULL REFERENCES gateway.jobs ON DELETE CASCADE,
    tenant_id     uuid NOT NULL,
    section       integer NOT NULL CHECK (section >= 0),
    start_sample  bigint NOT NULL CHECK (start_sample >= 0),
    end_sample    bigint NOT NULL CHECK (end_sample > start_sample),
    PRIMARY KEY (job_id, section)
);

-- One stage of a job. READY waits for a worker from ready_time on; LEASED is held under lease_token until lease_until.
-- A finished stage never runs again.
CREATE TABLE gateway.stages (
    stage_id       uuid PRIMARY KEY,
    job_id         uuid NOT NULL REFERENCES gateway.jobs ON DELETE CASCADE,
    tenant_id      uuid NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('DECODE', 'TRANSCRIBE', 'DIARIZE', 'CLUSTER', 'JOIN')),
    -- Both 0 for kinds without a section or channel.
    section        integer NOT NULL DEFAULT 0,
    channel        smallint NOT NULL DEFAULT 0,
    state          text NOT NULL CHECK (state IN ('READY', 'LEASED', 'DONE', 'DEAD', 'CANCELLED')),
    priority       smallint NOT NULL DEFAULT 0,
    -- The audio of the stage, the unit of a tenant's share. 0 while unknown.
    audio_samples  bigint NOT NULL DEFAULT 0,
    done_samples   bigint NOT NULL DEFAULT 0,
    attempts       integer NOT NULL DEFAULT 0,
    lease_token    uuid,
    lease_until    timestamptz,
    worker         text,
    ready_time     timestamptz NOT NULL DEFAULT now(),
    create_time    timestamptz NOT NULL DEFAULT now(),
    start_time     timestamptz,
    end_time       timestamptz,
    work_seconds   double precision NOT NULL DEFAULT 0,
    -- Why it failed or returned: an ErrorReason without its prefix, and the last message.
    reason         text,
    message        text,
    UNIQUE (job_id, kind, section, channel),
    CHECK ((state = 'LEASED') = (lease_token IS NOT NULL AND lease_until IS NOT NULL))
);
-- The queue: within a tenant by priority, then by age, then by place in the recording.
CREATE INDEX stages_ready ON gateway.stages (tenant_id, priority DESC, ready_time, section, stage_id) WHERE state = 'READY';
CREATE INDEX stages_leased ON gateway.stages (lease_until) WHERE state = 'LEASED';

-- The result of a finished stage, byte for byte: every later stage and retry uses it.
CREATE TABLE gateway.stage_results (
    stage_id    uuid PRIMARY KEY REFERENCES gateway.stages ON DELETE CASCADE,
    tenant_id   uuid NOT NULL,
    body        bytea NOT NULL
);

CREATE TABLE gateway.job_events (
    job_id      uuid NOT NULL REFERENCES gateway.jobs ON DELETE CASCADE,
    tenant_id   uuid NOT NULL,
    event_id    bigint NOT NULL,
    event_time  timestamptz NOT NULL DEFAULT now(),
    kind        text NOT NULL CHECK (kind IN ('STATE_CHANGED', 'STAGE_PROGRESS', 'SECTION_FINISHED', 'WARNING')),
    payload     jsonb NOT NULL,
    PRIMARY KEY (job_id, event_id)
);

CREATE TABLE gateway.transcripts (
    job_id       uuid PRIMARY KEY REFERENCES gateway.jobs ON DELETE CASCADE,
    tenant_id    uuid NOT NULL,
    created_by   text NOT NULL,
    -- Language, speakers, turns, coverage: everything except the segments.
    summary      jsonb NOT NULL,
    create_time  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE gateway.segments (
    job_id      uuid NOT NULL REFERENCES gateway.jobs ON DELETE CASCADE,
    tenant_id   uuid NOT NULL,
    position    integer NOT NULL CHECK (position >= 0),
    body        jsonb NOT NULL,
    PRIMARY KEY (job_id, position)
);

-- Start-time fair queueing (Goyal, Vin and Cheng, 1996) over tenants, in audio seconds divided by the tenant's weight:
-- the next stage goes to the least start tag. The greatest start tag given is the clock, where an idle tenant starts.
CREATE TABLE gateway.shares (
    tenant_id   uuid PRIMARY KEY,
    start_tag   double precision NOT NULL,
    finish_tag  double precision NOT NULL
);
CREATE INDEX shares_by_start ON gateway.shares (start_tag);

-- Measured speed of each model: seconds of work per second of audio, a moving average. It belongs to models, not
-- tenants.
CREATE TABLE gateway.speeds (
    kind          text NOT NULL,
    model         text NOT NULL,
    seconds_per_audio_second double precision NOT NULL CHECK (seconds_per_audio_second >= 0),
    samples       bigint NOT NULL DEFAULT 1,
    update_time   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, model)
);

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['jobs', 'sections', 'stages', 'stage_results', 'job_events', 'transcripts', 'segments'] LOOP
        EXECUTE format('ALTER TABLE gateway.%I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('CREATE POLICY own_tenant ON gateway.%I USING (tenant_id = gateway.current_tenant())', table_name);
    END LOOP;
END
$$;

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

-- Lists stages whose holder went silent, for the sweep that returns or fails them.
CREATE FUNCTION gateway.expired_stages(p_limit integer)
RETURNS TABLE (tenant_id uuid, stage_id uuid, lease_token uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT s.tenant_id, s.stage_id, s.lease_token FROM gateway.stages s
    WHERE s.state = 'LEASED' AND s.lease_until < clock_timestamp()
    ORDER BY s.lease_until LIMIT p_limit;
END;

-- The services' roles, if the operator created them: neither owns a table, neither bypasses row level security.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['locution_api', 'locution_worker'] LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('GRANT USAGE ON SCHEMA gateway TO %I', role_name);
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA gateway TO %I', role_name);
            EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA gateway TO %I', role_name);
            EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA gateway GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', role_name);
        END IF;
    END LOOP;
    REVOKE ALL ON FUNCTION gateway.claim_stage, gateway.expired_stages FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_worker') THEN
        GRANT EXECUTE ON FUNCTION gateway.claim_stage, gateway.expired_stages TO locution_worker;
    END IF;
END
$$;

-- migrate:down

DROP TABLE gateway.speeds, gateway.shares, gateway.segments, gateway.transcripts, gateway.job_events,
    gateway.stage_results, gateway.stages, gateway.sections, gateway.jobs CASCADE;
DROP FUNCTION gateway.claim_stage, gateway.expired_stages, gateway.check_job_transition;
