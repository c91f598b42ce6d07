-- migrate:up

-- A weight is now called a model, as everywhere else: a folder <set_name>/<model_name> below the models root.
ALTER TABLE registry.weights RENAME TO models;
ALTER TABLE registry.models RENAME COLUMN weight_name TO model_name;
ALTER TABLE registry.models RENAME CONSTRAINT weights_pkey TO models_pkey;
ALTER INDEX registry.weights_default RENAME TO models_default;
ALTER INDEX registry.weights_by_age RENAME TO models_by_age;

-- The audit log keeps the old column names: `before` and `after` are rows as they were.
ALTER TABLE registry.changes RENAME COLUMN weight_name TO model_name;
ALTER INDEX registry.changes_by_weight RENAME TO changes_by_model;

ALTER TABLE registry.serving RENAME COLUMN weight_name TO model_name;
ALTER INDEX registry.serving_by_weight RENAME TO serving_by_model;

-- migrate:down

ALTER INDEX registry.serving_by_model RENAME TO serving_by_weight;
ALTER TABLE registry.serving RENAME COLUMN model_name TO weight_name;
ALTER INDEX registry.changes_by_model RENAME TO changes_by_weight;
ALTER TABLE registry.changes RENAME COLUMN model_name TO weight_name;
ALTER INDEX registry.models_by_age RENAME TO weights_by_age;
ALTER INDEX registry.models_default RENAME TO weights_default;
ALTER TABLE registry.models RENAME CONSTRAINT models_pkey TO weights_pkey;
ALTER TABLE registry.models RENAME COLUMN model_name TO weight_name;
ALTER TABLE registry.models RENAME TO weights;
