-- What editors read about the telling of their markets, as the delivery events tell it; and the lists they ask for.
CREATE TABLE deliveries (
        delivery_id TEXT PRIMARY KEY,
        identifier  TEXT NOT NULL,
        heard_at    BIGINT NOT NULL, -- first
        error       TEXT             -- why nothing follows by itself; null: something may
);
CREATE INDEX deliveries_of_market ON deliveries (identifier, heard_at);

CREATE TABLE attempts (
        delivery_id      TEXT NOT NULL,
        number           BIGINT NOT NULL,
        started_at       BIGINT NOT NULL,
        outcome          TEXT, -- null while it runs
        status_code      BIGINT,
        duration_ms      BIGINT,
        error            TEXT,
        response_excerpt TEXT,
        PRIMARY KEY (delivery_id, number)
);
CREATE INDEX attempts_age ON attempts (started_at);

CREATE INDEX markets_by_status ON markets (editor_id, status, created_at DESC, identifier DESC);
CREATE INDEX markets_by_sync ON markets (editor_id, sync_status, created_at DESC, identifier DESC)
        WHERE sync_status IS NOT NULL;
