-- migrate:up

-- Every number and time has two ends, so that no value overflows a sum, a timestamp or a client's message. Values of
-- earlier releases beyond a bound become the bound.
CREATE FUNCTION gateway.fits(p_length text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN p_length IS NULL OR p_length::interval BETWEEN interval '0' AND interval '36500 days';
EXCEPTION WHEN OTHERS THEN
    RETURN false;
END
$$;

UPDATE gateway.jobs SET effective_config = jsonb_set(effective_config, '{retention}', '"P36500D"')
WHERE NOT gateway.fits(effective_config ->> 'retention');
UPDATE gateway.jobs SET requested_config = jsonb_set(requested_config, '{retention}', '"P36500D"')
WHERE NOT gateway.fits(requested_config ->> 'retention');
UPDATE gateway.defaults SET body = jsonb_set(body, '{config,retention}', '"P36500D"')
WHERE NOT gateway.fits(body #>> '{config,retention}');
ALTER TABLE gateway.jobs ADD CONSTRAINT bounds_retention CHECK (
    gateway.fits(effective_config ->> 'retention') AND gateway.fits(requested_config ->> 'retention'));
ALTER TABLE gateway.defaults ADD CONSTRAINT bounds_retention CHECK (gateway.fits(body #>> '{config,retention}'));
UPDATE gateway.quotas SET audio_seconds_per_day = least(audio_seconds_per_day, 3153600000),
    audio_seconds_per_month = least(audio_seconds_per_month, 3153600000);
ALTER TABLE gateway.quotas ADD CONSTRAINT bounds_audio CHECK (
    audio_seconds_per_day <= 3153600000 AND audio_seconds_per_month <= 3153600000);

DO $$
DECLARE
    found record;
    least_value text;
    most_value text;
BEGIN
    FOR found IN
        SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c
        JOIN information_schema.tables t USING (table_schema, table_name)
        WHERE c.table_schema = 'gateway' AND t.table_type = 'BASE TABLE' AND c.is_generated = 'NEVER'
            AND c.table_name <> 'schema_migrations'
            AND c.data_type IN ('timestamp with time zone', 'bigint', 'integer', 'smallint', 'double precision')
        ORDER BY c.table_name, c.ordinal_position
    LOOP
        CASE found.data_type
            WHEN 'timestamp with time zone' THEN least_value := '''1970-01-01Z'''; most_value := '''2200-01-01Z''';
            WHEN 'bigint' THEN least_value := '-1152921504606846976'; most_value := '1152921504606846976';
            WHEN 'integer' THEN least_value := '-1000000000'; most_value := '1000000000';
            WHEN 'smallint' THEN least_value := '-10000'; most_value := '10000';
            ELSE least_value := '-1e15'; most_value := '1e15';
        END CASE;
        IF found.data_type IN ('timestamp with time zone', 'double precision') AND found.column_name <> 'ready_time' THEN
            EXECUTE format('UPDATE gateway.%1$I SET %2$I = greatest(%3$s, least(%4$s, %2$I)) WHERE NOT %2$I BETWEEN %3$s AND %4$s',
                found.table_name, found.column_name, least_value, most_value);
        END IF;
        -- A stage of an upload that is still being verified waits for ever, until the verification sets the time.
        CONTINUE WHEN found.table_name = 'stages' AND found.column_name = 'ready_time';
        EXECUTE format('ALTER TABLE gateway.%1$I ADD CONSTRAINT %2$I CHECK (%3$I BETWEEN %4$s AND %5$s)',
            found.table_name, 'bounds_' || found.column_name, found.column_name, least_value, most_value);
    END LOOP;
END
$$;

ALTER TABLE gateway.stages ADD CONSTRAINT bounds_ready_time CHECK (
    (ready_time >= '1970-01-01Z' AND ready_time <= '2200-01-01Z') OR ready_time = 'infinity');

-- migrate:down

DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT conrelid::regclass AS name, conname FROM pg_constraint
        WHERE connamespace = 'gateway'::regnamespace AND conname LIKE 'bounds\_%'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.name, found.conname);
    END LOOP;
END
$$;
DROP FUNCTION gateway.fits;
