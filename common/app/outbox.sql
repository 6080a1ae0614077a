-- The reference for every service's migration. Columns as Debezium's outbox event router names them, then ours.
CREATE TABLE outbox (
        id            TEXT PRIMARY KEY,   -- ce_id, UUIDv7: sorts by time
        aggregatetype TEXT NOT NULL,      -- the topic
        aggregateid   TEXT NOT NULL,      -- ce_subject and Kafka key
        type          TEXT NOT NULL,      -- ce_type
        payload       TEXT NOT NULL,      -- JSON
        source        TEXT NOT NULL,      -- ce_source
        traceparent   TEXT,
        created_at    BIGINT NOT NULL,    -- epoch ms, ce_time
        sent_at       BIGINT              -- null until the broker's report
);
CREATE INDEX outbox_pending ON outbox (created_at, id) WHERE sent_at IS NULL;
CREATE INDEX outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;
