-- migrate:up

-- Only the reason of a failed job is stored; the catalogue of reasons gives its status code.
UPDATE gateway.jobs SET error = error - 'code' WHERE error ? 'code';
UPDATE gateway.job_events SET payload = payload #- '{error,code}' WHERE payload -> 'error' ? 'code';
UPDATE gateway.webhook_deliveries SET job_error = job_error - 'code' WHERE job_error ? 'code';
COMMENT ON COLUMN gateway.webhook_deliveries.job_error IS 'The reason of a FAILED job.';

-- migrate:down

-- Every job of that release failed with this code.
UPDATE gateway.jobs SET error = error || '{"code": "ABORTED"}' WHERE error IS NOT NULL;
UPDATE gateway.job_events SET payload = jsonb_set(payload, '{error,code}', '"ABORTED"') WHERE payload ? 'error';
UPDATE gateway.webhook_deliveries SET job_error = job_error || '{"code": "ABORTED"}' WHERE job_error ? 'reason';
COMMENT ON COLUMN gateway.webhook_deliveries.job_error IS NULL;
