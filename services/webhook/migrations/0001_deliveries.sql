-- An editor's endpoint as the last editor.updated had it. Secrets stay sealed (common/app/sealed.h).
CREATE TABLE endpoints (
        editor_id             TEXT PRIMARY KEY,
        version               BIGINT NOT NULL,
        client_id             TEXT,
        name                  TEXT,
        active                SMALLINT NOT NULL,
        authorized            SMALLINT NOT NULL,
        removed               SMALLINT NOT NULL DEFAULT 0,
        url                   TEXT,               -- null: nowhere
        secret                TEXT,
        old_secret            TEXT,               -- of a rotation's overlap
        old_secret_expires_at BIGINT,
        retry_schedule        TEXT,               -- delays in ms, comma-separated; null: the service's
        disabled_at           BIGINT,             -- switched off by a 410
        updated_at            BIGINT NOT NULL
);

-- One per market.completed. Times are epoch ms.
CREATE TABLE deliveries (
        id           TEXT PRIMARY KEY,            -- UUIDv7: the webhook-id header
        event_id     TEXT NOT NULL UNIQUE,        -- of market.completed
        market       TEXT NOT NULL,
        editor_id    TEXT NOT NULL,
        body         BYTEA NOT NULL,              -- built once; exactly these bytes are signed and sent, on retries too
        field_count  BIGINT NOT NULL,
        traceparent  TEXT,
        state        TEXT NOT NULL,               -- waiting, leased, succeeded, failed
        fence        BIGINT NOT NULL,             -- grows with each claim
        attempts     BIGINT NOT NULL,             -- recorded ones
        schedule_pos BIGINT NOT NULL,
        postponed    BIGINT NOT NULL,
        due_at       BIGINT,                      -- the sender's next look: next attempt, or end of the lease; null once ended
        completed_at BIGINT NOT NULL,             -- of the market
        created_at   BIGINT NOT NULL,
        finished_at  BIGINT,
        reason       TEXT,                        -- why it failed for good, as in delivery.exhausted
        error        TEXT                         -- and in words, when no attempt says it
);
-- The open ones alone, however many have ended: claims walk it editor by editor.
CREATE INDEX deliveries_due ON deliveries (editor_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_market ON deliveries (market);
CREATE INDEX deliveries_editor ON deliveries (editor_id, created_at);

CREATE TABLE attempts (
        delivery_id      TEXT NOT NULL,
        number           BIGINT NOT NULL,
        started_at       BIGINT NOT NULL,
        duration_ms      BIGINT NOT NULL,
        outcome          TEXT NOT NULL,
        status_code      BIGINT,
        error            TEXT,
        response_excerpt TEXT,
        PRIMARY KEY (delivery_id, number)
);

-- common/app/outbox.sql
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
