-- migrate:up

-- Shortest audio, in seconds, that fast mode padded a window to for the encoder; null in older verdicts, which used
-- about 10 s. Replicas of an older release do not know the column: qualify models after an upgrade, not during it.
ALTER TABLE registry.weights ADD COLUMN verdict_min_encoder_input double precision;

-- migrate:down

ALTER TABLE registry.weights DROP COLUMN verdict_min_encoder_input;
