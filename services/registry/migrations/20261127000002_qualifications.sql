-- migrate:up

-- A verdict of the gate is now called a qualification.
ALTER TABLE registry.models RENAME COLUMN verdict_passed TO qualification_passed;
ALTER TABLE registry.models RENAME COLUMN verdict_accurate_word_error_rate TO qualification_accurate_word_error_rate;
ALTER TABLE registry.models RENAME COLUMN verdict_fast_word_error_rate TO qualification_fast_word_error_rate;
ALTER TABLE registry.models RENAME COLUMN verdict_word_count TO qualification_word_count;
ALTER TABLE registry.models RENAME COLUMN verdict_run_time TO qualification_run_time;
ALTER TABLE registry.models RENAME COLUMN verdict_min_encoder_input TO qualification_min_encoder_input;
ALTER TABLE registry.models RENAME CONSTRAINT verdict_is_whole TO qualification_is_whole;

-- migrate:down

ALTER TABLE registry.models RENAME CONSTRAINT qualification_is_whole TO verdict_is_whole;
ALTER TABLE registry.models RENAME COLUMN qualification_min_encoder_input TO verdict_min_encoder_input;
ALTER TABLE registry.models RENAME COLUMN qualification_run_time TO verdict_run_time;
ALTER TABLE registry.models RENAME COLUMN qualification_word_count TO verdict_word_count;
ALTER TABLE registry.models RENAME COLUMN qualification_fast_word_error_rate TO verdict_fast_word_error_rate;
ALTER TABLE registry.models RENAME COLUMN qualification_accurate_word_error_rate TO verdict_accurate_word_error_rate;
ALTER TABLE registry.models RENAME COLUMN qualification_passed TO verdict_passed;
