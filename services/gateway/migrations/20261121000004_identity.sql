-- migrate:up

-- Tenants, their callers, quotas and usage.
ALTER TABLE gateway.tenants
    ADD COLUMN display_name text NOT NULL DEFAULT '',
    ADD COLUMN state text NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'DISABLED')),
    ADD COLUMN version bigint NOT NULL DEFAULT 1;

-- People. The e-mail address is stored in lower case. A user without a password cannot log in.
CREATE TABLE gateway.users (
    user_id         uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL REFERENCES gateway.tenants ON DELETE CASCADE,
    email           text NOT NULL CHECK (email = lower(email)),
    display_name    text NOT NULL DEFAULT '',
    role            text NOT NULL CHECK (role IN ('VIEWER', 'MEMBER', 'ADMIN', 'OPERATOR')),
    state           text NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'DISABLED')),
    password_hash   text NOT NULL,
    last_login_time timestamptz,
    created_by      text NOT NULL,
    create_time     timestamptz NOT NULL DEFAULT now(),
    version         bigint NOT NULL DEFAULT 1,
    UNIQUE (tenant_id, email)
);
CREATE INDEX users_by_creation ON gateway.users (tenant_id, create_time DESC, user_id DESC);

-- Keys of programs and users. The secret is 256 random bits, so one round of SHA-256 is enough.
CREATE TABLE gateway.api_keys (
    key_id          text PRIMARY KEY CHECK (key_id ~ '^[a-z2-7]{16}$'),
    tenant_id       uuid NOT NULL REFERENCES gateway.tenants ON DELETE CASCADE,
    row_id          uuid NOT NULL UNIQUE,
    user_id         uuid REFERENCES gateway.users ON DELETE CASCADE,
    display_name    text NOT NULL DEFAULT '',
    role            text NOT NULL CHECK (role IN ('VIEWER', 'MEMBER', 'ADMIN', 'OPERATOR')),
    -- Empty: everything that the role allows.
    scopes          text[] NOT NULL DEFAULT '{}',
    secret_hash     bytea NOT NULL CHECK (length(secret_hash) = 32),
    expire_time     timestamptz,
    revoke_time     timestamptz,
    revoked_by      text,
    last_use_time   timestamptz,
    rotated_from    text,
    created_by      text NOT NULL,
    create_time     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX api_keys_by_creation ON gateway.api_keys (tenant_id, create_time DESC, row_id DESC);
CREATE INDEX api_keys_by_user ON gateway.api_keys (user_id) WHERE user_id IS NOT NULL;

-- Sessions of users. Each refresh replaces the hash; using the previous one again ends the session.
CREATE TABLE gateway.sessions (
    session_id      uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL REFERENCES gateway.tenants ON DELETE CASCADE,
    user_id         uuid NOT NULL REFERENCES gateway.users ON DELETE CASCADE,
    refresh_hash    bytea NOT NULL CHECK (length(refresh_hash) = 32),
    generation      integer NOT NULL DEFAULT 1,
    expire_time     timestamptz NOT NULL,
    revoke_time     timestamptz,
    revoke_reason   text,
    created_by      text NOT NULL,
    create_time     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sessions_by_user ON gateway.sessions (user_id);
CREATE INDEX sessions_to_expire ON gateway.sessions (expire_time);

CREATE TABLE gateway.invitations (
    invitation_id   uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL REFERENCES gateway.tenants ON DELETE CASCADE,
    email           text NOT NULL CHECK (email = lower(email)),
    role            text NOT NULL CHECK (role IN ('VIEWER', 'MEMBER', 'ADMIN', 'OPERATOR')),
    token_hash      bytea NOT NULL CHECK (length(token_hash) = 32),
    expire_time     timestamptz NOT NULL,
    created_by      text NOT NULL,
    create_time     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX invitations_by_creation ON gateway.invitations (tenant_id, create_time DESC, invitation_id DESC);

-- OIDC issuers that may authenticate callers of a tenant. Issuer and audience together identify one tenant.
CREATE TABLE gateway.oidc_issuers (
    issuer_id       uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL REFERENCES gateway.tenants ON DELETE CASCADE,
    issuer          text NOT NULL,
    audience        text NOT NULL,
    jwks_uri        text NOT NULL,
    algorithm       text NOT NULL,
    default_role    text NOT NULL CHECK (default_role IN ('VIEWER', 'MEMBER', 'ADMIN')),
    role_claim      text NOT NULL DEFAULT '',
    created_by      text NOT NULL,
    create_time     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (issuer, audience)
);
CREATE INDEX oidc_issuers_by_creation ON gateway.oidc_issuers (tenant_id, create_time DESC, issuer_id DESC);

-- Quotas of a tenant; null is the server's default.
CREATE TABLE gateway.quotas (
    tenant_id                      uuid PRIMARY KEY REFERENCES gateway.tenants ON DELETE CASCADE,
    audio_seconds_per_day          bigint CHECK (audio_seconds_per_day >= 0),
    audio_seconds_per_month        bigint CHECK (audio_seconds_per_month >= 0),
    stored_bytes                   bigint CHECK (stored_bytes >= 0),
    concurrent_jobs                integer CHECK (concurrent_jobs >= 0),
    concurrent_streams             integer CHECK (concurrent_streams >= 0),
    open_uploads                   integer CHECK (open_uploads >= 0),
    api_keys                       integer CHECK (api_keys >= 0),
    calls_per_second               double precision CHECK (calls_per_second > 0),
    calls_per_second_per_principal double precision CHECK (calls_per_second_per_principal > 0),
    created_by                     text NOT NULL,
    update_time                    timestamptz NOT NULL DEFAULT now(),
    version                        bigint NOT NULL DEFAULT 1
);

-- Usage by day (UTC) and principal. The triggers below write it, in the transactions that deliver.
CREATE TABLE gateway.usage (
    tenant_id       uuid NOT NULL,
    day             date NOT NULL,
    subject         text NOT NULL,
    audio_samples   bigint NOT NULL DEFAULT 0 CHECK (audio_samples >= 0),
    uploaded_bytes  bigint NOT NULL DEFAULT 0 CHECK (uploaded_bytes >= 0),
    job_count       bigint NOT NULL DEFAULT 0 CHECK (job_count >= 0),
    PRIMARY KEY (tenant_id, day, subject)
);

-- Bytes of each tenant's objects: the sum over gateway.objects, maintained by the triggers below.
CREATE TABLE gateway.stored (
    tenant_id       uuid PRIMARY KEY,
    bytes           bigint NOT NULL DEFAULT 0
);
INSERT INTO gateway.stored (tenant_id, bytes)
SELECT tenant_id, sum(size_bytes) FROM gateway.objects GROUP BY tenant_id;

-- Open streaming calls; one whose process died ends with its time.
CREATE TABLE gateway.open_streams (
    stream_id       uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    created_by      text NOT NULL,
    until           timestamptz NOT NULL
);
CREATE INDEX open_streams_by_tenant ON gateway.open_streams (tenant_id, until);
CREATE INDEX open_streams_to_expire ON gateway.open_streams (until);

-- Defaults of jobs: of a tenant (subject '') and of its principals.
CREATE TABLE gateway.defaults (
    tenant_id       uuid NOT NULL,
    subject         text NOT NULL,
    body            jsonb NOT NULL,
    created_by      text NOT NULL,
    update_time     timestamptz NOT NULL DEFAULT now(),
    version         bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, subject)
);

-- Token buckets (principals, tenants, login attempts) by a key that the api makes; they belong to no tenant.
CREATE UNLOGGED TABLE gateway.rate_buckets (
    bucket          text PRIMARY KEY,
    tokens          double precision NOT NULL,
    update_time     timestamptz NOT NULL
);
CREATE INDEX rate_buckets_by_age ON gateway.rate_buckets (update_time);

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['tenants', 'users', 'api_keys', 'sessions', 'invitations', 'oidc_issuers', 'quotas',
        'usage', 'stored', 'open_streams', 'defaults'] LOOP
        EXECUTE format('ALTER TABLE gateway.%I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('CREATE POLICY own_tenant ON gateway.%I USING (tenant_id = gateway.current_tenant())', table_name);
    END LOOP;
END
$$;
-- No role may access it except through the functions below.
ALTER TABLE gateway.rate_buckets ENABLE ROW LEVEL SECURITY;

-- I6: audio is charged only in the transaction that stores a section's result. Finishing is fenced by the lease, so it
-- happens once. A stage that a retry adopts is inserted as DONE and passes no trigger. Separately transcribed channels
-- count separately.
CREATE FUNCTION gateway.charge_section() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
BEGIN
    INSERT INTO usage AS u (tenant_id, day, subject, audio_samples)
    SELECT NEW.tenant_id, (clock_timestamp() AT TIME ZONE 'UTC')::date, j.created_by, s.end_sample - s.start_sample
    FROM jobs j JOIN sections s USING (job_id)
    WHERE j.job_id = NEW.job_id AND s.section = NEW.section
    ON CONFLICT (tenant_id, day, subject) DO UPDATE SET audio_samples = u.audio_samples + excluded.audio_samples;
    RETURN NULL;
END
$$;
CREATE TRIGGER section_charged AFTER UPDATE OF state ON gateway.stages
    FOR EACH ROW WHEN (NEW.kind = 'TRANSCRIBE' AND OLD.state = 'LEASED' AND NEW.state = 'DONE')
    EXECUTE FUNCTION gateway.charge_section();

CREATE FUNCTION gateway.count_job() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
BEGIN
    INSERT INTO usage AS u (tenant_id, day, subject, job_count)
    VALUES (NEW.tenant_id, (clock_timestamp() AT TIME ZONE 'UTC')::date, NEW.created_by, 1)
    ON CONFLICT (tenant_id, day, subject) DO UPDATE SET job_count = u.job_count + 1;
    RETURN NULL;
END
$$;
CREATE TRIGGER job_counted AFTER INSERT ON gateway.jobs FOR EACH ROW EXECUTE FUNCTION gateway.count_job();

CREATE FUNCTION gateway.count_upload() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
BEGIN
    INSERT INTO usage AS u (tenant_id, day, subject, uploaded_bytes)
    VALUES (NEW.tenant_id, (clock_timestamp() AT TIME ZONE 'UTC')::date, NEW.created_by, NEW.committed_bytes)
    ON CONFLICT (tenant_id, day, subject) DO UPDATE SET uploaded_bytes = u.uploaded_bytes + excluded.uploaded_bytes;
    RETURN NULL;
END
$$;
CREATE TRIGGER upload_counted AFTER UPDATE OF state ON gateway.uploads
    FOR EACH ROW WHEN (OLD.state <> 'READY' AND NEW.state = 'READY') EXECUTE FUNCTION gateway.count_upload();

CREATE FUNCTION gateway.count_stored() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
BEGIN
    INSERT INTO stored AS s (tenant_id, bytes)
    VALUES (coalesce(NEW.tenant_id, OLD.tenant_id), coalesce(NEW.size_bytes, 0) - coalesce(OLD.size_bytes, 0))
    ON CONFLICT (tenant_id) DO UPDATE SET bytes = s.bytes + excluded.bytes;
    RETURN NULL;
END
$$;
CREATE TRIGGER object_stored AFTER INSERT OR DELETE ON gateway.objects
    FOR EACH ROW EXECUTE FUNCTION gateway.count_stored();

-- Every change that reduces a credential's rights is announced to all replicas, which drop it from their caches. The
-- caches are short-lived in any case, because a notice may be lost.
CREATE FUNCTION gateway.notify_credential() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    changed jsonb := to_jsonb(coalesce(NEW, OLD));
BEGIN
    PERFORM pg_notify('locution_credentials', CASE TG_TABLE_NAME
        WHEN 'api_keys' THEN 'key:' || (changed ->> 'key_id')
        WHEN 'sessions' THEN 'session:' || (changed ->> 'session_id')
        WHEN 'quotas' THEN 'quotas:' || (changed ->> 'tenant_id')
        ELSE '' END);
    RETURN NULL;
END
$$;
CREATE TRIGGER key_changed AFTER UPDATE OF role, scopes, expire_time, revoke_time OR DELETE ON gateway.api_keys
    FOR EACH ROW EXECUTE FUNCTION gateway.notify_credential();
CREATE TRIGGER session_changed AFTER UPDATE OF revoke_time OR DELETE ON gateway.sessions
    FOR EACH ROW EXECUTE FUNCTION gateway.notify_credential();
CREATE TRIGGER user_changed AFTER UPDATE OF role, state OR DELETE ON gateway.users
    FOR EACH ROW EXECUTE FUNCTION gateway.notify_credential();
CREATE TRIGGER tenant_changed AFTER UPDATE OF state ON gateway.tenants
    FOR EACH ROW EXECUTE FUNCTION gateway.notify_credential();
CREATE TRIGGER issuer_changed AFTER INSERT OR DELETE ON gateway.oidc_issuers
    FOR EACH ROW EXECUTE FUNCTION gateway.notify_credential();
CREATE TRIGGER quotas_changed AFTER INSERT OR UPDATE ON gateway.quotas
    FOR EACH ROW EXECUTE FUNCTION gateway.notify_credential();

-- The functions by which the api finds a caller before it knows the tenant; each runs as the owner and answers for one
-- name.
CREATE FUNCTION gateway.find_api_key(p_key_id text)
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

CREATE FUNCTION gateway.find_session(p_session_id uuid)
RETURNS TABLE (tenant_id uuid, tenant_name text, subject text, user_id uuid, email text, role text, refresh_hash bytea,
    generation integer, expire_time timestamptz, usable boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT s.tenant_id, t.name, 'user:' || s.user_id, s.user_id, u.email, u.role, s.refresh_hash, s.generation, s.expire_time,
        s.revoke_time IS NULL AND t.state = 'ACTIVE' AND u.state = 'ACTIVE'
    FROM gateway.sessions s
    JOIN gateway.tenants t ON t.tenant_id = s.tenant_id
    JOIN gateway.users u ON u.user_id = s.user_id
    WHERE s.session_id = p_session_id;
END;

CREATE FUNCTION gateway.find_login(p_tenant text, p_email text)
RETURNS TABLE (tenant_id uuid, user_id uuid, role text, password_hash text, usable boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT u.tenant_id, u.user_id, u.role, u.password_hash, t.state = 'ACTIVE' AND u.state = 'ACTIVE'
    FROM gateway.tenants t JOIN gateway.users u ON u.tenant_id = t.tenant_id
    WHERE t.name = p_tenant AND u.email = lower(p_email);
END;

CREATE FUNCTION gateway.find_invitation(p_invitation_id uuid)
RETURNS TABLE (tenant_id uuid, tenant_name text, email text, role text, token_hash bytea, usable boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT i.tenant_id, t.name, i.email, i.role, i.token_hash, i.expire_time > clock_timestamp() AND t.state = 'ACTIVE'
    FROM gateway.invitations i JOIN gateway.tenants t ON t.tenant_id = i.tenant_id
    WHERE i.invitation_id = p_invitation_id;
END;

CREATE FUNCTION gateway.find_tenant(p_name text)
RETURNS TABLE (tenant_id uuid, state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT t.tenant_id, t.state FROM gateway.tenants t WHERE t.name = p_name;
END;

CREATE FUNCTION gateway.find_issuers(p_issuer text)
RETURNS TABLE (issuer_id uuid, tenant_id uuid, tenant_name text, audience text, jwks_uri text, algorithm text,
    default_role text, role_claim text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT i.issuer_id, i.tenant_id, t.name, i.audience, i.jwks_uri, i.algorithm, i.default_role, i.role_claim
    FROM gateway.oidc_issuers i JOIN gateway.tenants t ON t.tenant_id = i.tenant_id
    WHERE i.issuer = p_issuer AND t.state = 'ACTIVE';
END;

-- For operators: all tenants by name.
CREATE FUNCTION gateway.list_tenants(p_after text, p_limit integer)
RETURNS SETOF gateway.tenants
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    SELECT * FROM gateway.tenants t WHERE t.name > p_after ORDER BY t.name LIMIT p_limit;
END;

-- When keys were last used, of all tenants, as seen by one replica.
CREATE FUNCTION gateway.touch_api_keys(p_key_ids text[], p_times timestamptz[]) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    UPDATE gateway.api_keys k SET last_use_time = greatest(k.last_use_time, used.at)
    FROM unnest(p_key_ids, p_times) AS used (key_id, at)
    WHERE k.key_id = used.key_id;
END;

-- Takes up to p_want tokens from a bucket that fills by p_rate per second up to p_burst, and returns what is left. A
-- replica may spend what it takes later, so all replicas together overshoot by at most one slice each.
CREATE FUNCTION gateway.lease_tokens(p_bucket text, p_rate double precision, p_burst double precision, p_want double precision)
RETURNS TABLE (granted double precision, remaining double precision)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
DECLARE
    full_now double precision;
BEGIN
    INSERT INTO rate_buckets (bucket, tokens, update_time) VALUES (p_bucket, p_burst, clock_timestamp())
    ON CONFLICT DO NOTHING;
    SELECT least(p_burst, b.tokens + p_rate * greatest(0, extract(epoch FROM clock_timestamp() - b.update_time)))
    INTO full_now FROM rate_buckets b WHERE b.bucket = p_bucket FOR UPDATE;
    full_now := coalesce(full_now, p_burst);
    granted := CASE WHEN full_now >= 1 THEN least(p_want, floor(full_now)) ELSE 0 END;
    remaining := full_now - granted;
    UPDATE rate_buckets b SET tokens = remaining, update_time = clock_timestamp() WHERE b.bucket = p_bucket;
    RETURN NEXT;
END
$$;

-- Renews open streams of all tenants.
CREATE FUNCTION gateway.renew_streams(p_stream_ids uuid[], p_lease interval) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    UPDATE gateway.open_streams SET until = clock_timestamp() + p_lease WHERE stream_id = ANY (p_stream_ids);
END;

-- Deletes what has expired: sessions and invitations a day after their end, streams of dead processes, full buckets.
CREATE FUNCTION gateway.forget_identity(p_limit integer) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    DELETE FROM gateway.sessions WHERE session_id IN (
        SELECT s.session_id FROM gateway.sessions s WHERE s.expire_time < clock_timestamp() - interval '1 day'
        ORDER BY s.expire_time LIMIT p_limit);
    DELETE FROM gateway.invitations WHERE invitation_id IN (
        SELECT i.invitation_id FROM gateway.invitations i WHERE i.expire_time < clock_timestamp() - interval '1 day' LIMIT p_limit);
    DELETE FROM gateway.open_streams WHERE stream_id IN (
        SELECT o.stream_id FROM gateway.open_streams o WHERE o.until < clock_timestamp() ORDER BY o.until LIMIT p_limit);
    DELETE FROM gateway.rate_buckets WHERE bucket IN (
        SELECT b.bucket FROM gateway.rate_buckets b WHERE b.update_time < clock_timestamp() - interval '1 hour'
        ORDER BY b.update_time LIMIT p_limit);
END;

REVOKE ALL ON FUNCTION gateway.find_api_key, gateway.find_session, gateway.find_login, gateway.find_invitation,
    gateway.find_tenant, gateway.find_issuers, gateway.list_tenants, gateway.touch_api_keys, gateway.lease_tokens,
    gateway.renew_streams, gateway.forget_identity FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_api') THEN
        GRANT EXECUTE ON FUNCTION gateway.find_api_key, gateway.find_session, gateway.find_login, gateway.find_invitation,
            gateway.find_tenant, gateway.find_issuers, gateway.list_tenants, gateway.touch_api_keys, gateway.lease_tokens,
            gateway.renew_streams, gateway.forget_identity TO locution_api;
        REVOKE ALL ON gateway.rate_buckets FROM locution_api;
    END IF;
    -- The worker sees jobs but no credentials; its charges run as the owner.
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_worker') THEN
        REVOKE ALL ON gateway.users, gateway.api_keys, gateway.sessions, gateway.invitations, gateway.oidc_issuers,
            gateway.rate_buckets, gateway.open_streams, gateway.usage, gateway.stored, gateway.defaults FROM locution_worker;
    END IF;
END
$$;

-- migrate:down

DROP TRIGGER section_charged ON gateway.stages;
DROP TRIGGER job_counted ON gateway.jobs;
DROP TRIGGER upload_counted ON gateway.uploads;
DROP TRIGGER object_stored ON gateway.objects;
DROP TRIGGER tenant_changed ON gateway.tenants;
DROP FUNCTION gateway.find_api_key, gateway.find_session, gateway.find_login, gateway.find_invitation, gateway.find_tenant,
    gateway.find_issuers, gateway.list_tenants, gateway.touch_api_keys, gateway.lease_tokens, gateway.renew_streams,
    gateway.forget_identity, gateway.charge_section, gateway.count_job, gateway.count_upload, gateway.count_stored;
DROP TABLE gateway.defaults, gateway.open_streams, gateway.stored, gateway.usage, gateway.quotas, gateway.oidc_issuers,
    gateway.invitations, gateway.sessions, gateway.api_keys, gateway.users, gateway.rate_buckets;
DROP FUNCTION gateway.notify_credential;
DROP POLICY own_tenant ON gateway.tenants;
ALTER TABLE gateway.tenants DISABLE ROW LEVEL SECURITY, DROP COLUMN display_name, DROP COLUMN state, DROP COLUMN version;
