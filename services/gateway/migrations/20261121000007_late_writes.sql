-- migrate:up

-- A broken stream may still be storing its tail when another has made the upload READY. Its folder is checked once more
-- when no put can be in progress any longer; what an object's row names stays. Folders end in '/', which '0' follows.
CREATE INDEX objects_by_folder ON gateway.objects (object_key text_pattern_ops);

CREATE FUNCTION gateway.kept_objects(p_folder text) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT o.object_key FROM gateway.objects o
    WHERE o.object_key ~>=~ p_folder AND o.object_key ~<~ (left(p_folder, -1) || '0');
END;

REVOKE ALL ON FUNCTION gateway.kept_objects FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_api') THEN
        GRANT EXECUTE ON FUNCTION gateway.kept_objects TO locution_api;
    END IF;
END
$$;

-- migrate:down

DROP FUNCTION gateway.kept_objects;
DROP INDEX gateway.objects_by_folder;
