-- migrate:up

-- Each process waits at its start until the migrations of its release are applied (the command await-schema).
DO $$
DECLARE
    role_name text;
BEGIN
    FOR role_name IN SELECT rolname FROM pg_roles WHERE rolname IN ('locution_api', 'locution_worker') LOOP
        EXECUTE format('GRANT SELECT ON gateway.schema_migrations TO %I', role_name);
    END LOOP;
END
$$;

-- migrate:down

DO $$
DECLARE
    role_name text;
BEGIN
    FOR role_name IN SELECT rolname FROM pg_roles WHERE rolname IN ('locution_api', 'locution_worker') LOOP
        EXECUTE format('REVOKE SELECT ON gateway.schema_migrations FROM %I', role_name);
    END LOOP;
END
$$;
