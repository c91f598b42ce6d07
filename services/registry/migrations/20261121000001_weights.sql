-- migrate:up

-- The registry serves the whole installation: no row belongs to a tenant. `created_by` is the actor.
CREATE SCHEMA IF NOT EXISTS registry;

-- A weight is a folder <set_name>/<weight_name> below the models root. Neither rows nor files are ever deleted.
CREATE TABLE registry.weights (
    set_name text COLLATE "C" NOT NULL CHECK (set_name ~ '^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$'),
    weight_name text COLLATE "C" NOT NULL CHECK (weight_name ~ '^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$'),
    kind text NOT NULL CHECK (kind IN ('asr', 'diarization')),
    provider text NOT NULL,
    layout text NOT NULL,
    -- languages, language_detection, translation, word_times, prompt, speaker_counts, overlap
    capabilities jsonb NOT NULL CHECK (jsonb_typeof(capabilities) = 'object'),
    -- [{path, size_bytes, sha256, modified_ns}], by path
    files jsonb NOT NULL CHECK (jsonb_typeof(files) = 'array'),
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    -- over the names and digests of the files
    checksum text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),
    state text NOT NULL CHECK (state IN ('enabled', 'disabled', 'invalid')),
    state_reason text CHECK ((state = 'enabled') = (state_reason IS NULL)),
    is_default boolean NOT NULL,
    verdict_passed boolean,
    verdict_accurate_word_error_rate double precision,
    verdict_fast_word_error_rate double precision,
    verdict_word_count bigint,
    verdict_run_time timestamptz,
    created_by text NOT NULL,
    updated_by text NOT NULL,
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL,
    PRIMARY KEY (set_name, weight_name),
    CONSTRAINT verdict_is_whole CHECK (
        num_nulls(
            verdict_passed,
            verdict_accurate_word_error_rate,
            verdict_fast_word_error_rate,
            verdict_word_count,
            verdict_run_time
        ) IN (0, 5)
    )
);

-- A kind has at most one default.
CREATE UNIQUE INDEX weights_default ON registry.weights (kind) WHERE is_default;
-- ResolveWeight reads a kind's weights in this order.
CREATE INDEX weights_by_age ON registry.weights (kind, is_default DESC, create_time, set_name, weight_name);

-- The audit log: every change of a weight, and who made it. Rows are only added.
CREATE TABLE registry.changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    set_name text COLLATE "C" NOT NULL,
    weight_name text COLLATE "C" NOT NULL,
    action text NOT NULL,
    -- The row of registry.weights; null before the first change.
    before jsonb,
    after jsonb NOT NULL,
    created_by text NOT NULL,
    create_time timestamptz NOT NULL,
    FOREIGN KEY (set_name, weight_name) REFERENCES registry.weights
);

CREATE INDEX changes_by_weight ON registry.changes (set_name, weight_name, change_id);

-- Which engine process holds which weight in memory, until expire_time. The replica is the process that wrote the row.
CREATE TABLE registry.serving (
    replica text COLLATE "C" NOT NULL,
    set_name text COLLATE "C" NOT NULL,
    weight_name text COLLATE "C" NOT NULL,
    create_time timestamptz NOT NULL,
    expire_time timestamptz NOT NULL,
    PRIMARY KEY (replica, set_name, weight_name),
    FOREIGN KEY (set_name, weight_name) REFERENCES registry.weights
);

CREATE INDEX serving_by_weight ON registry.serving (set_name, weight_name, expire_time);
CREATE INDEX serving_by_expiry ON registry.serving (expire_time);

-- The application's role, if it differs from the owner: it cannot delete a weight or change the audit log.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_registry') THEN
        GRANT USAGE ON SCHEMA registry TO locution_registry;
        GRANT SELECT, INSERT, UPDATE ON registry.weights TO locution_registry;
        GRANT SELECT, INSERT ON registry.changes TO locution_registry;
        GRANT SELECT, INSERT, UPDATE, DELETE ON registry.serving TO locution_registry;
    END IF;
END
$$;

-- migrate:down

DROP TABLE registry.serving;
DROP TABLE registry.changes;
DROP TABLE registry.weights;
