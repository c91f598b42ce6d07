"""The statements of uploads. Times are the database's; a writer's statement names its token."""

from __future__ import annotations

from typing import Final

SELECT: Final = """
SELECT u.upload_id, u.tenant_id, u.created_by, u.display_name, u.media_type, u.state, u.stated_size, u.stated_sha256,
    u.committed_bytes, u.write_mode, u.object_key, u.multipart_id, u.object_id, o.size_bytes, o.sha256, u.error_reason,
    u.create_time, u.update_time, u.expire_time, u.version, u.tail_key, u.tail_bytes, u.writer_token, u.verify_token
FROM gateway.uploads u LEFT JOIN gateway.objects o ON o.object_id = u.object_id
"""

GET: Final = f"{SELECT} WHERE u.upload_id = $1 AND u.tenant_id = $2"

LOCK: Final = f"{GET} FOR UPDATE OF u"

PARTS: Final = """
SELECT part_number, size_bytes, etag FROM gateway.upload_parts
WHERE upload_id = $1 AND tenant_id = $2 ORDER BY part_number
"""

CREATE: Final = """
INSERT INTO gateway.uploads (upload_id, tenant_id, created_by, display_name, media_type, state, stated_size,
    stated_sha256, object_key, expire_time)
VALUES ($1, $2, $3, $4, $5, 'WRITING', $6, $7, $8, clock_timestamp() + $9)
"""

BEGIN_STREAM: Final = """
UPDATE gateway.uploads SET writer_token = $3, write_mode = 'STREAM', version = version + 1
WHERE upload_id = $1 AND tenant_id = $2
"""

BEGIN_STREAM_MULTIPART: Final = """
UPDATE gateway.uploads SET multipart_id = coalesce(multipart_id, $4)
WHERE upload_id = $1 AND tenant_id = $2 AND writer_token = $3 AND state = 'WRITING'
RETURNING multipart_id
"""

BEGIN_PARTS_MULTIPART: Final = """
UPDATE gateway.uploads SET multipart_id = coalesce(multipart_id, $3), write_mode = 'PARTS', version = version + 1
WHERE upload_id = $1 AND tenant_id = $2 AND state = 'WRITING' AND write_mode IS DISTINCT FROM 'STREAM'
RETURNING multipart_id
"""

NEXT_PART: Final = """
UPDATE gateway.uploads SET next_part = next_part + 1
WHERE upload_id = $1 AND tenant_id = $2 AND writer_token = $3 AND state = 'WRITING' AND next_part < 10000
RETURNING next_part - 1 AS number, stated_size, tail_bytes
"""

# The part includes the previous tail.
COMMIT_PART: Final = """
WITH held AS (
    UPDATE gateway.uploads u SET
        committed_bytes = u.committed_bytes - u.tail_bytes + $5, tail_key = NULL, tail_bytes = 0,
        update_time = clock_timestamp(), expire_time = clock_timestamp() + $7, version = u.version + 1
    FROM (SELECT tail_key FROM gateway.uploads WHERE upload_id = $1 FOR UPDATE) AS old
    WHERE u.upload_id = $1 AND u.tenant_id = $2 AND u.writer_token = $3 AND u.state = 'WRITING'
    RETURNING u.committed_bytes, u.stated_size, old.tail_key AS old_tail
), part AS (
    INSERT INTO gateway.upload_parts (upload_id, tenant_id, part_number, size_bytes, etag)
    SELECT $1, $2, $4, $5, $6 FROM held
), dropped AS (
    INSERT INTO gateway.deletions (tenant_id, object_key) SELECT $2, old_tail FROM held WHERE old_tail IS NOT NULL
)
SELECT committed_bytes, stated_size FROM held
"""

COMMIT_TAIL: Final = """
WITH held AS (
    UPDATE gateway.uploads u SET
        committed_bytes = u.committed_bytes - u.tail_bytes + $5, tail_key = $4, tail_bytes = $5,
        update_time = clock_timestamp(), expire_time = clock_timestamp() + $6, version = u.version + 1
    FROM (SELECT tail_key FROM gateway.uploads WHERE upload_id = $1 FOR UPDATE) AS old
    WHERE u.upload_id = $1 AND u.tenant_id = $2 AND u.writer_token = $3 AND u.state = 'WRITING'
    RETURNING u.committed_bytes, u.stated_size, old.tail_key AS old_tail
), dropped AS (
    INSERT INTO gateway.deletions (tenant_id, object_key) SELECT $2, old_tail FROM held WHERE old_tail IS NOT NULL
)
SELECT committed_bytes, stated_size FROM held
"""

DROP_PARTS: Final = "DELETE FROM gateway.upload_parts WHERE upload_id = $1 AND tenant_id = $2"

ADD_PART: Final = """
INSERT INTO gateway.upload_parts (upload_id, tenant_id, part_number, size_bytes, etag) VALUES ($1, $2, $3, $4, $5)
"""

# Runs under the row's lock, after the sizes were compared.
SEAL: Final = """
UPDATE gateway.uploads SET state = 'VERIFYING', stated_sha256 = coalesce(stated_sha256, $3), committed_bytes = $4,
    tail_key = $5, tail_bytes = $6, writer_token = NULL, update_time = clock_timestamp(), version = version + 1
WHERE upload_id = $1 AND tenant_id = $2
"""

CLAIM_VERIFICATION: Final = """
UPDATE gateway.uploads SET verify_token = $3, verify_until = clock_timestamp() + $4
WHERE upload_id = $1 AND tenant_id = $2 AND state = 'VERIFYING'
  AND (verify_until IS NULL OR verify_until < clock_timestamp())
RETURNING upload_id
"""

RENEW_VERIFICATION: Final = """
UPDATE gateway.uploads SET verify_until = clock_timestamp() + $4
WHERE upload_id = $1 AND tenant_id = $2 AND verify_token = $3 AND state = 'VERIFYING'
RETURNING upload_id
"""

# The first object with these bytes stays. The update locks it against a concurrent release.
KEEP_OBJECT: Final = """
INSERT INTO gateway.objects AS o (object_id, tenant_id, created_by, object_key, size_bytes, sha256)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant_id, sha256) DO UPDATE SET size_bytes = o.size_bytes
RETURNING object_id, object_key
"""

MARK_READY: Final = """
UPDATE gateway.uploads SET state = 'READY', object_id = $3, multipart_id = NULL, tail_key = NULL, tail_bytes = 0,
    committed_bytes = $4, verify_token = NULL, verify_until = NULL, update_time = clock_timestamp(),
    expire_time = clock_timestamp() + $5, version = version + 1
WHERE upload_id = $1 AND tenant_id = $2
"""

MARK_ENDED: Final = """
UPDATE gateway.uploads SET state = $3, error_reason = $4, multipart_id = NULL, tail_key = NULL, tail_bytes = 0,
    writer_token = NULL, verify_token = NULL, verify_until = NULL, update_time = clock_timestamp(),
    expire_time = clock_timestamp() + $5, version = version + 1
WHERE upload_id = $1 AND tenant_id = $2
"""

DELETE: Final = "DELETE FROM gateway.uploads WHERE upload_id = $1 AND tenant_id = $2"

DROP_KEY: Final = "INSERT INTO gateway.deletions (tenant_id, object_key) VALUES ($1, $2)"

# Once, later: for the tail of a stream that broke before another one ended the upload.
DROP_LATE: Final = """
INSERT INTO gateway.deletions (tenant_id, object_key, due_time) VALUES ($1, $2, clock_timestamp() + $3)
"""

# Now, and once more for what a process wrote before it died.
DROP_FOLDER: Final = """
INSERT INTO gateway.deletions (tenant_id, object_key, multipart_id, due_time)
VALUES ($1, $3, $4, clock_timestamp()), ($1, $2, NULL, clock_timestamp()),
    ($1, $2, NULL, clock_timestamp() + interval '50 seconds')
"""
