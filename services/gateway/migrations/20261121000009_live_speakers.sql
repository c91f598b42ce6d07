-- migrate:up

-- The diarizer's result for the audio of each final: voices, by which any replica recognises the session's speakers
-- again, and the object for the clustering of the whole session. The objects lie in the session's folder and are
-- deleted with it.
CREATE TABLE gateway.live_sections (
    session_id    uuid NOT NULL REFERENCES gateway.live_sessions ON DELETE CASCADE,
    tenant_id     uuid NOT NULL,
    final_id      bigint NOT NULL CHECK (final_id > 0),
    start_sample  bigint NOT NULL CHECK (start_sample >= 0),
    object_key    text NOT NULL,
    -- Speaker, embedding and samples of speech of each voice.
    voices        jsonb NOT NULL,
    PRIMARY KEY (session_id, final_id)
);
ALTER TABLE gateway.live_sections ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON gateway.live_sections USING (tenant_id = gateway.current_tenant());

-- migrate:down

DROP TABLE gateway.live_sections;
