-- migrate:up

-- A section of a live session holds centroids of its speakers; a voice belongs to an enrolled person.
ALTER TABLE gateway.live_sections RENAME COLUMN voices TO centroids;

-- migrate:down

ALTER TABLE gateway.live_sections RENAME COLUMN centroids TO voices;
