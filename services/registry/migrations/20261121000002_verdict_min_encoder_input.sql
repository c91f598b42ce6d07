-- migrate:up

-- Shortest audio, in seconds, that fast mode padded a window to for the encoder; null in verdicts of before, which are
-- about 10 s. A replica of before does not know the column: run the gate when an upgrade is through, not amid it.
ALTER TABLE registry.weights ADD COLUMN verdict_min_encoder_input double precision;

-- migrate:down

ALTER TABLE registry.weights DROP COLUMN verdict_min_encoder_input;
