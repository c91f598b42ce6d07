-- migrate:up

-- A worker that finished a stage of a short job leases the next one itself.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_worker') THEN
        GRANT UPDATE (worker, start_time) ON gateway.stages TO locution_worker;
    END IF;
END
$$;

-- migrate:down

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_worker') THEN
        REVOKE UPDATE (worker, start_time) ON gateway.stages FROM locution_worker;
    END IF;
END
$$;
