-- Markets, the editors they belong to (as the events tell), what was answered to whom, and what is to be published.
CREATE TABLE markets (
        identifier         TEXT PRIMARY KEY,
        editor_id          TEXT NOT NULL,
        name               TEXT NOT NULL,
        lot_name           TEXT,
        deadline           BIGINT NOT NULL,
        types              TEXT NOT NULL,             -- "supplies,defense"
        defense_locked     SMALLINT NOT NULL,         -- the editor itself said defense
        status             TEXT NOT NULL,             -- created, completed
        version            BIGINT NOT NULL,           -- grows with each change
        created_at         BIGINT NOT NULL,
        started_at         BIGINT,
        completed_at       BIGINT,
        field_keys         TEXT,                      -- comma-separated, in the catalogue's order
        completed_event_id TEXT,                      -- of market.completed, for ever the same
        sync_status        TEXT,
        sync_attempt       BIGINT NOT NULL DEFAULT 0, -- the last attempt heard of…
        sync_settled       SMALLINT NOT NULL DEFAULT 0, -- …and whether its outcome was
        sync_event_id      TEXT,                      -- the last delivery event that counted
        sync_next_attempt  BIGINT,
        sync_expected      BIGINT,                    -- news is due from then on: the sweep's cursor; null: none expected
        retry_event_id     TEXT,                      -- of the last market.sync_retry_requested
        retry_requested_by TEXT,
        retry_requested_at BIGINT,
        last_attempt_at    BIGINT,
        last_outcome       TEXT,
        last_status_code   BIGINT,
        last_duration_ms   BIGINT,
        last_error         TEXT
);
CREATE INDEX markets_of_editor ON markets (editor_id, created_at DESC, identifier DESC);
CREATE INDEX markets_expecting ON markets (sync_expected) WHERE sync_expected IS NOT NULL;

CREATE TABLE editors (
        editor_id  TEXT PRIMARY KEY,
        version    BIGINT NOT NULL,
        name       TEXT,
        active     SMALLINT NOT NULL,
        authorized SMALLINT NOT NULL,
        return_url TEXT,
        removed_at BIGINT -- once set, no update brings it back
);

CREATE TABLE idempotency_keys (
        editor_id   TEXT NOT NULL,
        key         TEXT NOT NULL,
        body_sha256 TEXT NOT NULL,
        identifier  TEXT NOT NULL,
        created_at  BIGINT NOT NULL,
        PRIMARY KEY (editor_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

CREATE TABLE outbox (
        id            TEXT PRIMARY KEY,
        aggregatetype TEXT NOT NULL,
        aggregateid   TEXT NOT NULL,
        type          TEXT NOT NULL,
        payload       TEXT NOT NULL,
        source        TEXT NOT NULL,
        traceparent   TEXT,
        created_at    BIGINT NOT NULL,
        sent_at       BIGINT
);
CREATE INDEX outbox_pending ON outbox (created_at, id) WHERE sent_at IS NULL;
CREATE INDEX outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;
