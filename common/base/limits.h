/*
 * Every named maximum of the tree, in one list. Everything that can grow has its line here.
 * Units are in the names.
 */
#ifndef VR_BASE_LIMITS_H
#define VR_BASE_LIMITS_H

/* HTTP edge (io/http_server, io/http_gate) */
#define LIMIT_HTTP_BODY_BYTES       (64 * 1024)
#define LIMIT_HTTP_HEADERS          48 /* CivetWeb drops those after its 64th without a word */
#define LIMIT_HTTP_HEAD_BYTES       16384
#define LIMIT_HTTP_TARGET_BYTES     4096
#define LIMIT_HTTP_REQUEST_MS       10000 /* first byte to last byte of a request */
#define LIMIT_HTTP_READ_STEP_BYTES  4096
#define LIMIT_HTTP_RESPONSE_BYTES   (2 * 1024 * 1024)
#define LIMIT_HTTP_RESPONSE_HEADERS 32
#define LIMIT_HTTP_PATH_PARAMS      4
#define LIMIT_REQUEST_ID_CHARS      128

/* JSON that comes from outside (io/json) */
#define LIMIT_JSON_BYTES  (64 * 1024)
#define LIMIT_JSON_DEPTH  16
#define LIMIT_JSON_TOKENS 2000

/* Forms (app/form) */
#define LIMIT_FORM_FIELDS 512

/* Pages (app/template): sections, partials and phrases inside one another */
#define LIMIT_TEMPLATE_DEPTH      32
#define LIMIT_DEPLOYER_PAGE_BYTES (64 * 1024) /* each HTML fragment in VR_TEMPLATES_DIR */

/* Memory of one request (base/arena) and of any buffer (base/buf) */
#define LIMIT_ARENA_BYTES (8 * 1024 * 1024)
#define LIMIT_BUF_BYTES   (8 * 1024 * 1024)

/* Procurement (seed/flux-acheteur) */
#define LIMIT_NAME_CHARS           255
#define LIMIT_FIELD_ERRORS         32
#define LIMIT_CATALOGUE_FIELDS     512
#define LIMIT_CATALOGUE_CATEGORIES 64
#define LIMIT_LIST_PAGE            100 /* markets on a page of GET /api/v1/public_markets */
#define LIMIT_MARKET_DELIVERIES    5
#define LIMIT_MARKET_ATTEMPTS      50 /* kept of a delivery, the newest */
#define LIMIT_STATS_DAYS           366

/* Shared state and the bus */
#define LIMIT_CACHE_VALUE_BYTES (256 * 1024)
#define LIMIT_EVENT_BYTES       (256 * 1024)
#define LIMIT_EVENT_HEADERS     32
#define LIMIT_BUS_INFLIGHT      10000
#define LIMIT_BUS_MESSAGE_BYTES (2 * 1024 * 1024) /* what strangers may have sent: it has to fit a dead letter */
#define LIMIT_BUS_BATCH_BYTES   (4 * 1024 * 1024)
#define LIMIT_BUS_TOPICS        32
#define LIMIT_OUTBOX_BATCH      500

/* Database (io/db) */
#define LIMIT_DB_GROUP      256 /* units of work that share one commit */
#define LIMIT_DB_QUEUE      10000
#define LIMIT_DB_PARAMS     32
#define LIMIT_DB_STATEMENTS 128 /* prepared, per connection */
#define LIMIT_DB_READERS    64
#define LIMIT_DB_MIGRATIONS 1000

/* Webhooks */
#define LIMIT_URL_BYTES              2048
#define LIMIT_WEBHOOK_RESPONSE_BYTES (64 * 1024)
#define LIMIT_WEBHOOK_EXCERPT_BYTES  1024
#define LIMIT_WEBHOOK_HEADER_BYTES   (32 * 1024)
#define LIMIT_WEBHOOK_QUEUE          10000 /* transfers waiting for their turn */
#define LIMIT_WEBHOOK_LANES          1024  /* endpoints whose connections are kept */
#define LIMIT_WEBHOOK_RETRIES        32
#define LIMIT_WEBHOOK_RETRY_AFTER_S  86400

/* Lines that auth's audit log counts on at once: kinds of refusals, each per editor and minute */
#define LIMIT_AUDIT_TALLY 512

/* Answers to calls between our own parts (io/http_client) */
#define LIMIT_HTTP_CLIENT_BYTES   (1024 * 1024)
#define LIMIT_HTTP_CLIENT_HEADERS 64

/* Observability */
#define LIMIT_METRIC_LABELS  4
#define LIMIT_METRIC_SERIES  4096 /* per family: one more is counted, not stored */
#define LIMIT_LOG_LINE_BYTES 16384

#endif
