-- Times are epoch ms; booleans are 0 or 1.
CREATE TABLE editors (
        id               TEXT PRIMARY KEY,         -- UUIDv7
        client_id        TEXT NOT NULL UNIQUE,
        name             TEXT NOT NULL,
        active           SMALLINT NOT NULL,
        authorized       SMALLINT NOT NULL,
        webhook_url      TEXT,                     -- null: nowhere
        return_url       TEXT,
        retry_schedule   TEXT,                     -- delays in seconds, comma-separated; null: the sender's
        version          BIGINT NOT NULL,          -- grows with each change; editor.updated carries it
        asserted_version BIGINT NOT NULL DEFAULT 0, -- the last one whose state the service has told Redis
        created_at       BIGINT NOT NULL,
        updated_at       BIGINT NOT NULL
);
CREATE INDEX editors_created ON editors (created_at, id);
CREATE INDEX editors_updated ON editors (updated_at);
CREATE INDEX editors_unasserted ON editors (id) WHERE asserted_version < version;

CREATE TABLE client_secrets (
        id         TEXT PRIMARY KEY,
        editor_id  TEXT NOT NULL,
        kind       TEXT NOT NULL,                  -- sha256: generated here; pbkdf2: imported
        hash       BYTEA NOT NULL,
        salt       BYTEA,
        iterations BIGINT,
        created_at BIGINT NOT NULL,
        expires_at BIGINT                          -- end of a rotation's overlap; null: the current one
);
CREATE INDEX client_secrets_editor ON client_secrets (editor_id);
CREATE INDEX client_secrets_imported ON client_secrets (kind) WHERE kind = 'pbkdf2';

CREATE TABLE webhook_secrets (
        id         TEXT PRIMARY KEY,
        editor_id  TEXT NOT NULL,
        sealed     TEXT NOT NULL,                  -- common/app/sealed.h, context: the editor's id
        created_at BIGINT NOT NULL,
        expires_at BIGINT
);
CREATE INDEX webhook_secrets_editor ON webhook_secrets (editor_id);

CREATE TABLE audit_log (
        id        TEXT PRIMARY KEY,
        at        BIGINT NOT NULL,
        who       TEXT NOT NULL,                   -- cli/<user of the operating system>
        action    TEXT NOT NULL,
        editor_id TEXT NOT NULL,
        detail    TEXT                             -- JSON, never a secret
);
CREATE INDEX audit_log_editor ON audit_log (editor_id, at);

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
