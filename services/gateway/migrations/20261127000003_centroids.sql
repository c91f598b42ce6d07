-- migrate:up

-- What a section of a live session holds are centroids of its speakers; a voice is an enrolled person's.
ALTER TABLE gateway.live_sections RENAME COLUMN voices TO centroids;

-- migrate:down

ALTER TABLE gateway.live_sections RENAME COLUMN centroids TO voices;
