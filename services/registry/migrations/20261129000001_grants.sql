-- migrate:up

-- The registry's role may run the registry's statements and no others: by table, by kind, and for UPDATE by column.
-- tests/service/registry/test_grants.py names statements without a grant, and grants without a statement.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_registry') THEN
        REVOKE ALL ON ALL TABLES IN SCHEMA registry FROM locution_registry;
        GRANT SELECT, INSERT, UPDATE (kind, provider, layout, capabilities, files, size_bytes, checksum, state,
            state_reason, is_default, qualification_passed, qualification_accurate_word_error_rate,
            qualification_fast_word_error_rate, qualification_word_count, qualification_run_time,
            qualification_min_encoder_input, updated_by, update_time) ON registry.models TO locution_registry;
        GRANT INSERT ON registry.changes TO locution_registry;
        GRANT SELECT, INSERT, DELETE, UPDATE (expire_time) ON registry.serving TO locution_registry;
    END IF;
END
$$;

-- migrate:down

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_registry') THEN
        GRANT SELECT, INSERT, UPDATE ON registry.models TO locution_registry;
        GRANT SELECT, INSERT ON registry.changes TO locution_registry;
        GRANT SELECT, INSERT, UPDATE, DELETE ON registry.serving TO locution_registry;
    END IF;
END
$$;
