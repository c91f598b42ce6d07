-- migrate:up

-- Live sessions. One stream at a time owns a session: `owner` is its token and `owner_until` how long it may be silent.
-- Every write names the token and has no effect after another stream took over. Everything that a stream needs to
-- continue is here and in the object store, so that any replica can.
CREATE TABLE gateway.live_sessions (
    session_id      uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    created_by      text NOT NULL,
    display_name    text NOT NULL DEFAULT '',
    state           text NOT NULL CHECK (state IN ('OPEN', 'ENDING', 'ENDED')),
    -- Frozen at creation, the resolved model included; `update` messages change it.
    config          jsonb NOT NULL,
    -- SHA-256 of the resume token, and of the previous one until the stream with the new one has used it.
    token_hash      bytea NOT NULL CHECK (length(token_hash) = 32),
    previous_hash   bytea CHECK (length(previous_hash) = 32),
    owner           uuid,
    owner_until     timestamptz,
    -- Stored audio, in the unit of its encoding; never decreases.
    kept            bigint NOT NULL DEFAULT 0 CHECK (kept >= 0),
    -- Positions at 16 kHz: audio received; all audio before `done_sample` has its finals.
    audio_samples   bigint NOT NULL DEFAULT 0 CHECK (audio_samples >= 0),
    done_sample     bigint NOT NULL DEFAULT 0 CHECK (done_sample >= 0),
    last_final      bigint NOT NULL DEFAULT 0 CHECK (last_final >= 0),
    heard_language  text,
    end_reason      text NOT NULL DEFAULT '',
    upload_id       uuid,
    job_id          uuid,
    -- W3C traceparent of the call that started it: the whole session is one trace.
    trace_context   text NOT NULL DEFAULT '',
    create_time     timestamptz NOT NULL DEFAULT now(),
    end_time        timestamptz,
    -- OPEN: when it is ended; ENDED: when it is deleted; ENDING: when another process may settle it.
    expire_time     timestamptz NOT NULL,
    CHECK ((state = 'ENDED') = (end_time IS NOT NULL))
);
CREATE INDEX live_sessions_by_creation ON gateway.live_sessions (tenant_id, create_time DESC, session_id DESC);
CREATE INDEX live_sessions_to_expire ON gateway.live_sessions (expire_time);

-- Audio as received, in small objects; offsets in the unit of the encoding.
CREATE TABLE gateway.live_chunks (
    session_id    uuid NOT NULL REFERENCES gateway.live_sessions ON DELETE CASCADE,
    tenant_id     uuid NOT NULL,
    start_offset  bigint NOT NULL CHECK (start_offset >= 0),
    end_offset    bigint NOT NULL CHECK (end_offset > start_offset),
    object_key    text NOT NULL,
    PRIMARY KEY (session_id, start_offset)
);

CREATE TABLE gateway.live_finals (
    session_id  uuid NOT NULL REFERENCES gateway.live_sessions ON DELETE CASCADE,
    tenant_id   uuid NOT NULL,
    final_id    bigint NOT NULL CHECK (final_id > 0),
    body        jsonb NOT NULL,
    PRIMARY KEY (session_id, final_id)
);

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['live_sessions', 'live_chunks', 'live_finals'] LOOP
        EXECUTE format('ALTER TABLE gateway.%I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('CREATE POLICY own_tenant ON gateway.%I USING (tenant_id = gateway.current_tenant())', table_name);
    END LOOP;
END
$$;

-- The objects are deleted with the row: now, and once more for what a dying process writes after this.
CREATE FUNCTION gateway.release_live_audio() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gateway.drop_folder(OLD.tenant_id,
        'live/' || OLD.tenant_id::text || '/' || OLD.session_id::text || '/');
    RETURN NULL;
END
$$;
CREATE TRIGGER live_session_deleted AFTER DELETE ON gateway.live_sessions
    FOR EACH ROW WHEN (OLD.state <> 'ENDED') EXECUTE FUNCTION gateway.release_live_audio();
CREATE TRIGGER live_session_ended AFTER UPDATE OF state ON gateway.live_sessions
    FOR EACH ROW WHEN (NEW.state = 'ENDED' AND OLD.state <> 'ENDED') EXECUTE FUNCTION gateway.release_live_audio();

-- The function through which the api's upkeep sees due sessions of all tenants.
CREATE FUNCTION gateway.due_live_sessions(p_limit integer)
RETURNS TABLE (tenant_id uuid, session_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT s.tenant_id, s.session_id FROM gateway.live_sessions s
    WHERE s.expire_time < clock_timestamp() ORDER BY s.expire_time LIMIT p_limit;
END;
REVOKE ALL ON FUNCTION gateway.due_live_sessions FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_api') THEN
        GRANT EXECUTE ON FUNCTION gateway.due_live_sessions TO locution_api;
    END IF;
END
$$;

-- migrate:down

DROP TABLE gateway.live_finals, gateway.live_chunks, gateway.live_sessions;
DROP FUNCTION gateway.due_live_sessions, gateway.release_live_audio;
