-- migrate:up

-- Recordings whose text fast mode destroys. It is null in qualifications by the older rule, which judged the pooled error
-- alone: they count as none, and the model must be qualified again.
ALTER TABLE registry.models ADD COLUMN qualification_destroyed integer;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_registry') THEN
        GRANT UPDATE (qualification_destroyed) ON registry.models TO locution_registry;
    END IF;
END
$$;

-- migrate:down

ALTER TABLE registry.models DROP COLUMN qualification_destroyed;
