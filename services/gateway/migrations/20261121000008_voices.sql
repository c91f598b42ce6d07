-- migrate:up

-- Voices that a tenant enrolled: biometric data, no audio. An embedding is compared only with those of the same weight.
CREATE TABLE gateway.voices (
    voice_id      uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL REFERENCES gateway.tenants ON DELETE CASCADE,
    created_by    text NOT NULL,
    display_name  text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 128),
    -- The diarization weight that made it, "<set>/<weight>", and the SHA-256 of its files.
    model         text NOT NULL,
    checksum      text NOT NULL,
    embedding     real[] NOT NULL CHECK (cardinality(embedding) BETWEEN 1 AND 4096),
    create_time   timestamptz NOT NULL DEFAULT now(),
    version       bigint NOT NULL DEFAULT 1
);
CREATE INDEX voices_by_creation ON gateway.voices (tenant_id, create_time DESC, voice_id DESC);

ALTER TABLE gateway.voices ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON gateway.voices USING (tenant_id = gateway.current_tenant());

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_worker') THEN
        -- It compares voices and changes none.
        REVOKE INSERT, UPDATE, DELETE ON gateway.voices FROM locution_worker;
    END IF;
END
$$;

-- migrate:down

DROP TABLE gateway.voices;
