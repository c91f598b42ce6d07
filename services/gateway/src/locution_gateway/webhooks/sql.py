"""The statements of webhooks. Times are the database's; the delivery's token fences a worker's writes."""

from __future__ import annotations

from typing import Final

SELECT: Final = """
SELECT k.webhook_id, k.created_by, k.display_name, k.url, k.event_types, k.disabled, k.disabled_reason, k.failing_since,
    k.create_time, k.version, s.secret FROM gateway.webhooks k
JOIN gateway.webhook_secrets s ON s.webhook_id = k.webhook_id AND s.expire_time IS NULL
"""

GET: Final = f"{SELECT} WHERE k.webhook_id = $1 AND k.tenant_id = $2"


# Creations of one tenant are serialised, so that they count each other.
TURN: Final = "SELECT pg_advisory_xact_lock(hashtextextended('webhooks/' || $1::text, 0))"

COUNT: Final = "SELECT count(*) FROM gateway.webhooks WHERE tenant_id = $1"

CREATE: Final = """
INSERT INTO gateway.webhooks (webhook_id, tenant_id, created_by, display_name, url, event_types, disabled)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

# Concurrent events hold a weaker lock on the row, so that only a deletion waits for them.
LOCK: Final = """
SELECT version, disabled FROM gateway.webhooks WHERE webhook_id = $1 AND tenant_id = $2 FOR NO KEY UPDATE
"""

UPDATE: Final = """
UPDATE gateway.webhooks SET
    display_name = coalesce($3, display_name), url = coalesce($4, url), event_types = coalesce($5, event_types),
    disabled = coalesce($6, disabled),
    disabled_reason = CASE WHEN $6 IS NULL THEN disabled_reason END,
    failing_since = CASE WHEN $6 IS FALSE THEN NULL ELSE failing_since END,
    version = version + 1
WHERE webhook_id = $1 AND tenant_id = $2
"""

DELETE: Final = "DELETE FROM gateway.webhooks WHERE webhook_id = $1 AND tenant_id = $2"

NEWEST_KEY: Final = """
SELECT secret FROM gateway.webhook_secrets WHERE webhook_id = $1 AND tenant_id = $2 AND expire_time IS NULL
"""

ADD_KEY: Final = """
INSERT INTO gateway.webhook_secrets (secret_id, webhook_id, tenant_id, created_by, secret) VALUES ($1, $2, $3, $4, $5)
"""

# A secret that ends sooner keeps its end.
END_KEYS: Final = """
UPDATE gateway.webhook_secrets SET expire_time = least(expire_time, clock_timestamp() + $3::interval)
WHERE webhook_id = $1 AND tenant_id = $2
"""

TOUCH: Final = "UPDATE gateway.webhooks SET version = version + 1 WHERE webhook_id = $1 AND tenant_id = $2"

ADD_TEST: Final = """
INSERT INTO gateway.webhook_deliveries (delivery_id, webhook_id, tenant_id, created_by, event_type, event_time)
VALUES ($1, $2, $3, $4, 'TEST', clock_timestamp())
"""

NOTIFY: Final = "SELECT pg_notify('locution_webhooks', '')"

DELIVERIES: Final = """
SELECT d.delivery_id, d.webhook_id, d.event_type, d.job_id, d.event_time, d.state, d.attempts, d.due_time,
    d.response_status, d.error, d.last_attempt_time FROM gateway.webhook_deliveries d
"""

GET_DELIVERY: Final = f"{DELIVERIES} WHERE d.delivery_id = $1 AND d.webhook_id = $2 AND d.tenant_id = $3"

REDELIVER: Final = """
UPDATE gateway.webhook_deliveries SET
    state = 'PENDING', attempts = 0, due_time = clock_timestamp(), lease_token = NULL, error = NULL
WHERE delivery_id = $1 AND webhook_id = $2 AND tenant_id = $3
RETURNING delivery_id
"""

CLAIM: Final = "SELECT * FROM gateway.claim_webhook_deliveries($1, $2, $3)"

# Locked before the delivery's row, as in a deletion of the webhook.
HOLD: Final = "SELECT webhook_id FROM gateway.webhooks WHERE webhook_id = $1 FOR NO KEY UPDATE"

DELIVERED: Final = """
UPDATE gateway.webhook_deliveries SET
    state = 'DELIVERED', lease_token = NULL, response_status = $3, error = NULL, last_attempt_time = clock_timestamp()
WHERE delivery_id = $1 AND lease_token = $2
RETURNING delivery_id
"""

# A delivery after another one of its job is not due before it, and at once when it has ended.
RELEASE_NEXT: Final = """
UPDATE gateway.webhook_deliveries SET due_time = clock_timestamp()
WHERE delivery_id = (
    SELECT n.delivery_id FROM gateway.webhook_deliveries n
    WHERE n.webhook_id = $1 AND n.job_id = $2 AND n.event_id > $3 AND n.state = 'PENDING' AND n.lease_token IS NULL
    ORDER BY n.event_id LIMIT 1)
"""
POSTPONE_NEXT: Final = """
UPDATE gateway.webhook_deliveries n SET due_time = d.due_time
FROM gateway.webhook_deliveries d
WHERE d.delivery_id = $4 AND n.webhook_id = $1 AND n.job_id = $2 AND n.event_id > $3 AND n.state = 'PENDING'
  AND n.lease_token IS NULL AND n.due_time < d.due_time
"""

WELL: Final = "UPDATE gateway.webhooks SET failing_since = NULL WHERE webhook_id = $1 AND failing_since IS NOT NULL"

FAILED: Final = """
UPDATE gateway.webhook_deliveries SET
    state = CASE WHEN $5::interval IS NULL THEN 'DEAD' ELSE 'PENDING' END, lease_token = NULL,
    response_status = $3, error = $4, last_attempt_time = clock_timestamp(),
    due_time = clock_timestamp() + coalesce($5, interval '0')
WHERE delivery_id = $1 AND lease_token = $2
RETURNING delivery_id
"""

UNWELL: Final = """
UPDATE gateway.webhooks SET failing_since = coalesce(failing_since, clock_timestamp()) WHERE webhook_id = $1
"""

GIVE_UP: Final = """
UPDATE gateway.webhooks SET disabled = true, disabled_reason = $3, version = version + 1
WHERE webhook_id = $1 AND NOT disabled AND failing_since < clock_timestamp() - $2::interval
"""

RELEASE: Final = """
UPDATE gateway.webhook_deliveries SET lease_token = NULL, attempts = attempts - 1, due_time = clock_timestamp()
WHERE delivery_id = $1 AND lease_token = $2
"""

# A gauge need not count further.
BACKLOG: Final = "SELECT waiting, late_seconds FROM gateway.webhook_backlog(100000)"

FORGET: Final = "SELECT gateway.forget_webhook_deliveries($1, $2)"
