"""The statements of voices. Only the worker's comparison reads an embedding from the table."""

from __future__ import annotations

from typing import Final

SELECT: Final = """
SELECT k.voice_id, k.created_by, k.display_name, k.model, k.checksum, k.create_time, k.version FROM gateway.voices k
"""

GET: Final = f"{SELECT} WHERE k.voice_id = $1 AND k.tenant_id = $2"

# The job with the stored data of one of its speakers: the speech from the transcript, the voices from the clustering.
SAMPLE: Final = """
SELECT j.state, j.effective_config #> '{diarization,model}' AS model,
    (SELECT (s ->> 'speech_samples')::bigint
     FROM gateway.transcripts t CROSS JOIN LATERAL jsonb_array_elements(
         CASE jsonb_typeof(t.summary -> 'speakers') WHEN 'array' THEN t.summary -> 'speakers' ELSE '[]' END) AS s
     WHERE t.job_id = j.job_id AND s ->> 'label' = $3) AS speech_samples,
    (SELECT r.body FROM gateway.stages g JOIN gateway.stage_results r USING (stage_id)
     WHERE g.job_id = j.job_id AND g.kind = 'CLUSTER' AND g.state = 'DONE') AS clustering
FROM gateway.jobs j WHERE j.job_id = $1 AND j.tenant_id = $2
"""

# Creations of one tenant are serialised, so that they count each other.
TURN: Final = "SELECT pg_advisory_xact_lock(hashtextextended('voices/' || $1::text, 0))"

COUNT: Final = "SELECT count(*) FROM gateway.voices WHERE tenant_id = $1"

CREATE: Final = """
INSERT INTO gateway.voices (voice_id, tenant_id, created_by, display_name, model, checksum, embedding)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

LOCK: Final = "SELECT version FROM gateway.voices WHERE voice_id = $1 AND tenant_id = $2 FOR UPDATE"

UPDATE: Final = """
UPDATE gateway.voices SET display_name = coalesce($3, display_name), version = version + 1
WHERE voice_id = $1 AND tenant_id = $2
"""

DELETE: Final = "DELETE FROM gateway.voices WHERE voice_id = $1 AND tenant_id = $2"

CHECKSUMS: Final = "SELECT voice_id, checksum FROM gateway.voices WHERE tenant_id = $1 ORDER BY voice_id"

KNOWN: Final = """
SELECT voice_id, display_name, embedding FROM gateway.voices
WHERE tenant_id = $1 AND voice_id = ANY ($2) AND checksum = $3 ORDER BY voice_id
"""
