-- migrate:up

-- The audio that an engine has heard and answered with partials. What a session ends without is charged by it: audio
-- after the last final (I6).
ALTER TABLE gateway.live_sessions ADD COLUMN heard_sample bigint NOT NULL DEFAULT 0
    CHECK (heard_sample BETWEEN 0 AND 1000000000000000);

-- migrate:down

ALTER TABLE gateway.live_sessions DROP COLUMN heard_sample;
