-- migrate:up

-- The key with which a key was created. A key is valid while all keys above it are, and has at most their roles and expiry.
ALTER TABLE gateway.api_keys ADD COLUMN parent_id text REFERENCES gateway.api_keys ON DELETE CASCADE;
CREATE INDEX api_keys_by_parent ON gateway.api_keys (parent_id) WHERE parent_id IS NOT NULL;

-- A key that another key created before this release falls with it too.
UPDATE gateway.api_keys k SET parent_id = p.key_id
FROM gateway.api_keys p WHERE k.created_by = 'key:' || p.key_id AND p.key_id <> k.key_id AND p.create_time < k.create_time;

CREATE OR REPLACE FUNCTION gateway.find_api_key(p_key_id text)
RETURNS TABLE (tenant_id uuid, tenant_name text, subject text, user_id uuid, email text, role text, user_role text,
    scopes text[], secret_hash bytea, expire_time timestamptz, usable boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE chain AS (
        SELECT k.*, 1 AS depth FROM gateway.api_keys k WHERE k.key_id = p_key_id
        UNION ALL
        SELECT k.*, c.depth + 1 FROM chain c JOIN gateway.api_keys k ON k.key_id = c.parent_id WHERE c.depth < 100
    ), ranked AS (
        SELECT c.depth, c.expire_time, c.revoke_time IS NULL AND t.state = 'ACTIVE' AND coalesce(u.state, 'ACTIVE') = 'ACTIVE' AS valid,
            least(array_position(ARRAY['VIEWER', 'MEMBER', 'ADMIN', 'OPERATOR'], c.role),
                array_position(ARRAY['VIEWER', 'MEMBER', 'ADMIN', 'OPERATOR'], u.role)) AS rank
        FROM chain c
        JOIN gateway.tenants t ON t.tenant_id = c.tenant_id
        LEFT JOIN gateway.users u ON u.user_id = c.user_id
    )
    SELECT k.tenant_id, t.name, 'key:' || k.key_id, k.user_id, u.email,
        (ARRAY['VIEWER', 'MEMBER', 'ADMIN', 'OPERATOR'])[(SELECT min(r.rank) FROM ranked r)], u.role, k.scopes, k.secret_hash,
        (SELECT min(r.expire_time) FROM ranked r), (SELECT bool_and(r.valid) AND max(r.depth) < 100 FROM ranked r)
    FROM gateway.api_keys k
    JOIN gateway.tenants t ON t.tenant_id = k.tenant_id
    LEFT JOIN gateway.users u ON u.user_id = k.user_id
    WHERE k.key_id = p_key_id;
END;

-- migrate:down

CREATE OR REPLACE FUNCTION gateway.find_api_key(p_key_id text)
RETURNS TABLE (tenant_id uuid, tenant_name text, subject text, user_id uuid, email text, role text, user_role text,
    scopes text[], secret_hash bytea, expire_time timestamptz, usable boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT k.tenant_id, t.name, 'key:' || k.key_id, k.user_id, u.email, k.role, u.role, k.scopes, k.secret_hash, k.expire_time,
        k.revoke_time IS NULL AND t.state = 'ACTIVE' AND coalesce(u.state, 'ACTIVE') = 'ACTIVE'
    FROM gateway.api_keys k
    JOIN gateway.tenants t ON t.tenant_id = k.tenant_id
    LEFT JOIN gateway.users u ON u.user_id = k.user_id
    WHERE k.key_id = p_key_id;
END;
ALTER TABLE gateway.api_keys DROP COLUMN parent_id;
