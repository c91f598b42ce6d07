-- migrate:up

-- What a job's recording is: container, stated length, and audio tracks.
ALTER TABLE gateway.jobs ADD COLUMN media jsonb;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_worker') THEN
        GRANT UPDATE (media) ON gateway.jobs TO locution_worker;
    END IF;
END
$$;

-- migrate:down

ALTER TABLE gateway.jobs DROP COLUMN media;
