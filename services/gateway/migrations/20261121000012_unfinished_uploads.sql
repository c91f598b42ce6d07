-- migrate:up

-- Bytes that a tenant has begun to store: summed for every part of an upload of unstated size, if the tenant's bytes
-- are limited.
CREATE INDEX uploads_unfinished ON gateway.uploads (tenant_id) WHERE state IN ('WRITING', 'VERIFYING');

-- migrate:down

DROP INDEX gateway.uploads_unfinished;
