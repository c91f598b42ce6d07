-- migrate:up

-- Every table has tenant_id and created_by, and row level security is the second wall: a connection sees only the rows
-- of the tenant in the setting locution.tenant_id. It does not apply to the owner of the schema; the services' own
-- roles are never the owner.
CREATE SCHEMA IF NOT EXISTS gateway;

CREATE FUNCTION gateway.current_tenant() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('locution.tenant_id', true), '')::uuid;

CREATE TABLE gateway.tenants (
    tenant_id    uuid PRIMARY KEY,
    name         text NOT NULL UNIQUE,
    -- Share of the engines against other tenants.
    weight       integer NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 1000),
    created_by   text NOT NULL,
    create_time  timestamptz NOT NULL DEFAULT now()
);

-- Stored bytes, once per tenant and digest. An object without references is deleted.
CREATE TABLE gateway.objects (
    object_id    uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL,
    created_by   text NOT NULL,
    object_key   text NOT NULL UNIQUE,
    size_bytes   bigint NOT NULL CHECK (size_bytes >= 0),
    sha256       text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    create_time  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, sha256)
);

CREATE TABLE gateway.uploads (
    upload_id       uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    created_by      text NOT NULL,
    display_name    text NOT NULL DEFAULT '',
    media_type      text NOT NULL DEFAULT '',
    state           text NOT NULL CHECK (state IN ('WRITING', 'VERIFYING', 'READY', 'FAILED', 'EXPIRED')),
    -- The client's statements; checked, never trusted.
    stated_size     bigint CHECK (stated_size >= 0),
    stated_sha256   text CHECK (stated_sha256 ~ '^[0-9a-f]{64}$'),
    -- Durable bytes: the sum of the parts below.
    committed_bytes bigint NOT NULL DEFAULT 0 CHECK (committed_bytes >= 0),
    -- 'STREAM' or 'PARTS' after the first byte or URL was requested.
    write_mode      text CHECK (write_mode IN ('STREAM', 'PARTS')),
    -- The stream that may write; a new stream replaces it, and the old one's writes change no row.
    writer_token    uuid,
    object_key      text NOT NULL,
    multipart_id    text,
    object_id       uuid REFERENCES gateway.objects,
    error_reason    text,
    -- The verifying process and the end of its lease; then another one takes over.
    verify_token    uuid,
    verify_until    timestamptz,
    create_time     timestamptz NOT NULL DEFAULT now(),
    update_time     timestamptz NOT NULL DEFAULT now(),
    expire_time     timestamptz NOT NULL,
    version         bigint NOT NULL DEFAULT 1,
    CHECK ((state = 'READY') = (object_id IS NOT NULL))
);
CREATE INDEX uploads_by_tenant ON gateway.uploads (tenant_id, create_time DESC, upload_id DESC);
CREATE INDEX uploads_to_expire ON gateway.uploads (expire_time) WHERE state IN ('WRITING', 'READY');
CREATE INDEX uploads_to_verify ON gateway.uploads (verify_until) WHERE state = 'VERIFYING';
CREATE INDEX uploads_by_object ON gateway.uploads (object_id) WHERE object_id IS NOT NULL;

CREATE TABLE gateway.upload_parts (
    upload_id    uuid NOT NULL REFERENCES gateway.uploads ON DELETE CASCADE,
    tenant_id    uuid NOT NULL,
    part_number  integer NOT NULL CHECK (part_number BETWEEN 1 AND 10000),
    size_bytes   bigint NOT NULL CHECK (size_bytes > 0),
    etag         text NOT NULL,
    PRIMARY KEY (upload_id, part_number)
);

-- Keys to delete from the object store, written in the transaction that drops the last reference.
CREATE TABLE gateway.deletions (
    deletion_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id    uuid NOT NULL,
    -- One key, or a prefix that ends in '/'; multipart_id names a multipart upload to abort.
    object_key   text NOT NULL,
    multipart_id text,
    create_time  timestamptz NOT NULL DEFAULT now()
);

-- Repeated calls with one request_id within 24 hours return the first call's resource (AIP-155).
CREATE TABLE gateway.requests (
    tenant_id    uuid NOT NULL,
    method       text NOT NULL,
    request_id   text NOT NULL,
    fingerprint  text NOT NULL,
    resource_id  uuid NOT NULL,
    created_by   text NOT NULL,
    create_time  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, method, request_id)
);
CREATE INDEX requests_by_age ON gateway.requests (create_time);

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['objects', 'uploads', 'upload_parts', 'deletions', 'requests'] LOOP
        EXECUTE format('ALTER TABLE gateway.%I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('CREATE POLICY own_tenant ON gateway.%I USING (tenant_id = gateway.current_tenant())', table_name);
    END LOOP;
END
$$;

-- migrate:down

DROP SCHEMA gateway CASCADE;
