-- migrate:up

-- Failed attempts at passwords, by user and address; the row of address '' counts all addresses of a user. `who` is a
-- digest of tenant and e-mail address, because unknown users are counted like known ones. The rows belong to no tenant.
CREATE TABLE gateway.login_attempts (
    who         bytea NOT NULL CHECK (length(who) = 32),
    address     text NOT NULL CHECK (length(address) <= 64),
    failures    integer NOT NULL DEFAULT 0 CHECK (failures BETWEEN 0 AND 1000000),
    -- Of the last failure.
    last_time   timestamptz NOT NULL DEFAULT clock_timestamp() CHECK (last_time BETWEEN '1970-01-01Z' AND '2200-01-01Z'),
    -- Of the next attempt that is allowed.
    next_time   timestamptz NOT NULL DEFAULT clock_timestamp() CHECK (next_time BETWEEN '1970-01-01Z' AND '2200-01-01Z'),
    -- When the user last gave the password from this address.
    login_time  timestamptz CHECK (login_time BETWEEN '1970-01-01Z' AND '2200-01-01Z'),
    -- A day after the last failure, or 30 days after the last login.
    expire_time timestamptz NOT NULL DEFAULT clock_timestamp() + interval '1 day'
        CHECK (expire_time BETWEEN '1970-01-01Z' AND '2200-01-01Z'),
    PRIMARY KEY (who, address)
);
CREATE INDEX login_attempts_to_expire ON gateway.login_attempts (expire_time);
-- No role may access it except through the functions below. Each locks the row of address '' first.
ALTER TABLE gateway.login_attempts ENABLE ROW LEVEL SECURITY;

-- Counts a failure in both rows and returns 0, or returns the seconds until the next attempt is allowed. A count whose
-- last failure is a day old starts again. An address from which the user logged in within 30 days does not wait for
-- the failures of other addresses.
CREATE FUNCTION gateway.begin_attempt(p_who bytea, p_address text, p_free integer, p_longest double precision,
    p_free_together integer, p_longest_together double precision) RETURNS double precision
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
DECLARE
    at timestamptz;
    wait interval;
BEGIN
    INSERT INTO login_attempts AS a (who, address) VALUES (p_who, ''), (p_who, p_address)
    ON CONFLICT (who, address) DO UPDATE SET failures = a.failures;
    at := clock_timestamp();
    SELECT greatest(mine.next_time, CASE WHEN mine.login_time > at - interval '30 days' THEN NULL ELSE everywhere.next_time END) - at
    INTO wait
    FROM login_attempts mine JOIN login_attempts everywhere ON everywhere.who = mine.who AND everywhere.address = ''
    WHERE mine.who = p_who AND mine.address = p_address;
    IF wait > interval '0' THEN
        RETURN extract(epoch FROM wait);
    END IF;
    WITH counted AS (
        SELECT o.address,
            CASE WHEN o.last_time < at - interval '1 day' THEN 1 ELSE least(o.failures + 1, 1000000) END AS failures,
            CASE WHEN o.address = '' THEN p_free_together ELSE p_free END AS free,
            CASE WHEN o.address = '' THEN p_longest_together ELSE p_longest END AS longest
        FROM login_attempts o WHERE o.who = p_who AND o.address IN ('', p_address)
    )
    UPDATE login_attempts a SET
        failures = c.failures, last_time = at, expire_time = greatest(a.expire_time, at + interval '1 day'),
        next_time = at + interval '1 second' * CASE
            WHEN c.failures < c.free THEN 0 ELSE least(c.longest, 2.0 ^ least(c.failures - c.free, 30)) END
    FROM counted c WHERE a.who = p_who AND a.address = c.address;
    RETURN 0;
END
$$;

-- The password was not checked.
CREATE FUNCTION gateway.take_back_attempt(p_who bytea, p_address text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    UPDATE gateway.login_attempts a SET failures = greatest(0, a.failures - 1), next_time = clock_timestamp()
    WHERE a.who = p_who AND a.address = '';
    UPDATE gateway.login_attempts a SET failures = greatest(0, a.failures - 1), next_time = clock_timestamp()
    WHERE a.who = p_who AND a.address = p_address;
END;

-- The password was right, so the failures at this address were the user's own.
CREATE FUNCTION gateway.succeed_attempt(p_who bytea, p_address text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    UPDATE gateway.login_attempts a SET failures = greatest(0, a.failures - m.failures)
    FROM gateway.login_attempts m WHERE a.who = p_who AND a.address = '' AND m.who = p_who AND m.address = p_address;
    UPDATE gateway.login_attempts a SET
        failures = 0, next_time = clock_timestamp(), login_time = clock_timestamp(),
        expire_time = clock_timestamp() + interval '30 days'
    WHERE a.who = p_who AND a.address = p_address;
END;

CREATE FUNCTION gateway.forget_attempts(p_limit integer) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = gateway, pg_temp
BEGIN ATOMIC
    DELETE FROM gateway.login_attempts WHERE (who, address) IN (
        SELECT a.who, a.address FROM gateway.login_attempts a WHERE a.expire_time < clock_timestamp()
        ORDER BY a.expire_time LIMIT p_limit);
END;

REVOKE ALL ON FUNCTION gateway.begin_attempt, gateway.take_back_attempt, gateway.succeed_attempt, gateway.forget_attempts
    FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_api') THEN
        GRANT EXECUTE ON FUNCTION gateway.begin_attempt, gateway.take_back_attempt, gateway.succeed_attempt,
            gateway.forget_attempts TO locution_api;
        REVOKE ALL ON gateway.login_attempts FROM locution_api;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'locution_worker') THEN
        REVOKE ALL ON gateway.login_attempts FROM locution_worker;
    END IF;
END
$$;

-- migrate:down

DROP FUNCTION gateway.begin_attempt, gateway.take_back_attempt, gateway.succeed_attempt, gateway.forget_attempts;
DROP TABLE gateway.login_attempts;
