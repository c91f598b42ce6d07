-- migrate:up

-- Shortest audio, in seconds, that fast mode padded a window to for the encoder; null in verdicts of before, and in
-- those that a replica of before writes during an upgrade: they are about 10 s.
ALTER TABLE registry.weights ADD COLUMN verdict_min_encoder_input double precision;

-- migrate:down

ALTER TABLE registry.weights DROP COLUMN verdict_min_encoder_input;
