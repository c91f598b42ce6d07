"""The statements of the stage queue. Id and token fence every write but the claim; times are the database's."""

from __future__ import annotations

KEEP_TRANSCRIPT = "INSERT INTO gateway.transcripts (job_id, tenant_id, created_by, summary) VALUES ($1, $2, $3, $4)"


KEEP_SEGMENTS = """
INSERT INTO gateway.segments (job_id, tenant_id, position, body)
SELECT $1, $2, (row_number() OVER ())::int - 1, body FROM unnest($3::jsonb[]) WITH ORDINALITY AS s (body, place)
ORDER BY place
"""
