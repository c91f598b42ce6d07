"""All SQL of the registry. No other service uses schema `registry`. Times come from the database's clock."""

from __future__ import annotations

from typing import Final

# A model with the number of engines that hold it.
_MODELS: Final = """
SELECT
    m.*,
    (
        SELECT count(*)
        FROM registry.serving AS s
        WHERE s.set_name = m.set_name AND s.model_name = m.model_name AND s.expire_time > clock_timestamp()
    ) AS serving_replicas
FROM registry.models AS m
"""

# Changes are serialised: they are rare, and a default moves from one row to another.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('locution.registry.models', 0))"

FIND: Final = (
    _MODELS
    + """
WHERE m.set_name = $1 AND m.model_name = $2
"""
)

DEFAULT_OF: Final = (
    _MODELS
    + """
WHERE m.kind = $1 AND m.is_default
"""
)

OF_KIND: Final = (
    _MODELS
    + """
WHERE m.kind = $1
ORDER BY m.is_default DESC, m.create_time, m.set_name, m.model_name
"""
)

# $1 is the kind or null; $2 and $3 are the last path of the previous page, or empty.
PAGE: Final = (
    _MODELS
    + """
WHERE (m.set_name, m.model_name) > ($2, $3) AND ($1::text IS NULL OR m.kind = $1)
ORDER BY m.set_name, m.model_name
LIMIT $4
"""
)

SAVE: Final = """
WITH
    -- The previous row: this part sees the table as it was before the statement.
    old AS (
        SELECT to_jsonb(m) AS content
        FROM registry.models AS m
        WHERE m.set_name = $1 AND m.model_name = $2
    ),
    -- The new row. Its creator and creation time stay.
    saved AS (
        INSERT INTO registry.models AS m (
            set_name, model_name, kind, provider, layout, capabilities, files, size_bytes, checksum, state,
            state_reason, is_default, qualification_passed, qualification_accurate_word_error_rate,
            qualification_fast_word_error_rate, qualification_word_count, qualification_destroyed,
            qualification_run_time, qualification_min_encoder_input, created_by, updated_by, create_time, update_time
        )
        VALUES (
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
            $11, $12, $13, $14, $15,
            $16, $17, $18, $19, $21, $21, clock_timestamp(), clock_timestamp()
        )
        ON CONFLICT (set_name, model_name) DO UPDATE SET
            kind = excluded.kind,
            provider = excluded.provider,
            layout = excluded.layout,
            capabilities = excluded.capabilities,
            files = excluded.files,
            size_bytes = excluded.size_bytes,
            checksum = excluded.checksum,
            state = excluded.state,
            state_reason = excluded.state_reason,
            is_default = excluded.is_default,
            qualification_passed = excluded.qualification_passed,
            qualification_accurate_word_error_rate = excluded.qualification_accurate_word_error_rate,
            qualification_fast_word_error_rate = excluded.qualification_fast_word_error_rate,
            qualification_word_count = excluded.qualification_word_count,
            qualification_destroyed = excluded.qualification_destroyed,
            qualification_run_time = excluded.qualification_run_time,
            qualification_min_encoder_input = excluded.qualification_min_encoder_input,
            updated_by = excluded.updated_by,
            update_time = excluded.update_time
        RETURNING *
    ),
    -- The audit entry.
    audited AS (
        INSERT INTO registry.changes (set_name, model_name, action, before, after, created_by, create_time)
        SELECT $1, $2, $20, (SELECT content FROM old), to_jsonb(saved), $21, saved.update_time
        FROM saved
    )
SELECT update_time
FROM saved
"""

# $1 the replica, $2 the kind, $3 and $4 the sets and names of its models, $5 the validity of the report in seconds.
REPORT_SERVING: Final = """
WITH
    held AS (
        SELECT m.set_name, m.model_name
        FROM unnest($3::text[], $4::text[]) AS told (set_name, model_name)
        JOIN registry.models AS m USING (set_name, model_name)
        WHERE m.kind = $2
    ),
    -- Models of the kind that this replica no longer holds, and expired reports of others.
    gone AS (
        DELETE FROM registry.serving AS s
        WHERE (s.replica, s.set_name, s.model_name) IN (
            SELECT old.replica, old.set_name, old.model_name
            FROM registry.serving AS old
            JOIN registry.models AS m USING (set_name, model_name)
            WHERE (old.replica <> $1 AND old.expire_time <= clock_timestamp())
                OR (
                    old.replica = $1 AND m.kind = $2
                    AND (old.set_name, old.model_name) NOT IN (SELECT set_name, model_name FROM held)
                )
            FOR UPDATE OF old SKIP LOCKED
        )
    ),
    kept AS (
        INSERT INTO registry.serving AS s (replica, set_name, model_name, create_time, expire_time)
        SELECT $1, set_name, model_name, clock_timestamp(), clock_timestamp() + make_interval(secs => $5)
        FROM held
        ON CONFLICT (replica, set_name, model_name) DO UPDATE SET expire_time = excluded.expire_time
    )
SELECT set_name, model_name
FROM held
"""
