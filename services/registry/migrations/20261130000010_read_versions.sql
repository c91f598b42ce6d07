-- migrate:up

-- The registry waits at its start until the migrations of its release are applied (the command await-schema).
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_registry') THEN
        GRANT SELECT ON registry.schema_migrations TO locution_registry;
    END IF;
END
$$;

-- migrate:down

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_registry') THEN
        REVOKE SELECT ON registry.schema_migrations FROM locution_registry;
    END IF;
END
$$;
