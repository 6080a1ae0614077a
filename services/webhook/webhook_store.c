#include "services/webhook/webhook_store.h"

#include "common/base/buf.h"
#include "common/base/str.h"

#define DUE_EDITORS_MAX 10000
#define LIST_MAX        10000

/* ---- endpoints ---- */

#define ENDPOINT_COLUMNS                                                                              \
        "editor_id, version, client_id, name, active, authorized, removed, url, secret, old_secret, " \
        "old_secret_expires_at, retry_schedule, disabled_at"

static const struct db_query select_endpoint = {"select_endpoint",
                                                "SELECT " ENDPOINT_COLUMNS " FROM endpoints WHERE editor_id = $1"};
static const struct db_query select_endpoint_by_client = {
        "select_endpoint_by_client", "SELECT " ENDPOINT_COLUMNS " FROM endpoints WHERE client_id = $1"};
static const struct db_query select_endpoints = {"select_endpoints", "SELECT " ENDPOINT_COLUMNS
                                                                     " FROM endpoints ORDER BY editor_id LIMIT $1"};
static const struct db_query select_endpoints_after = {
        "select_endpoints_after",
        "SELECT " ENDPOINT_COLUMNS " FROM endpoints WHERE editor_id > $1 ORDER BY editor_id LIMIT $2"};
static const struct db_query save_secrets = {
        "save_secrets", "UPDATE endpoints SET secret = $3, old_secret = $4 WHERE editor_id = $1 AND version = $2"};
static const struct db_query upsert_endpoint = {
        "upsert_endpoint",
        "INSERT INTO endpoints (" ENDPOINT_COLUMNS ", updated_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
        " ON CONFLICT (editor_id) DO UPDATE SET version = excluded.version, client_id = excluded.client_id,"
        " name = excluded.name, active = excluded.active, authorized = excluded.authorized,"
        " removed = excluded.removed, url = excluded.url, secret = excluded.secret,"
        " old_secret = excluded.old_secret, old_secret_expires_at = excluded.old_secret_expires_at,"
        " retry_schedule = excluded.retry_schedule, disabled_at = excluded.disabled_at,"
        " updated_at = excluded.updated_at"};
static const struct db_query disable_endpoint = {"disable_endpoint",
                                                 "UPDATE endpoints SET disabled_at = $3, updated_at = $3"
                                                 " WHERE editor_id = $1 AND url = $2 AND disabled_at IS NULL"};
static const struct db_query enable_endpoint = {
        "enable_endpoint", "UPDATE endpoints SET disabled_at = NULL, updated_at = $2 WHERE editor_id = $1"};
static const struct db_query wake_postponed = {"wake_postponed",
                                               "UPDATE deliveries SET due_at = $2 WHERE editor_id = $1 AND due_at > $2 "
                                               "AND state = 'waiting' AND postponed > 0"};

/* "5000,30000" as store_save_endpoint wrote it. */
static enum err read_schedule(struct arena *arena, const char *text, struct endpoint *endpoint)
{
        size_t count = 0;
        char **parts;

        endpoint->own_schedule = text != NULL;
        if (!text || !*text)
                return ERR_OK;
        parts = str_split(arena, text, ',', &count);
        if (count > ARRAY_LEN(endpoint->delays_ms))
                return ERR_CORRUPT;
        for (size_t i = 0; i < count; i++)
                if (str_to_i64(parts[i], 0, INT64_MAX, &endpoint->delays_ms[i]))
                        return ERR_CORRUPT;
        endpoint->delay_count = count;
        return ERR_OK;
}

static const char *write_schedule(struct arena *arena, const struct endpoint *endpoint)
{
        const char *text = "";

        if (!endpoint->own_schedule)
                return NULL;
        for (size_t i = 0; i < endpoint->delay_count; i++)
                text = arena_printf(arena, "%s%s%lld", text, i ? "," : "", (long long)endpoint->delays_ms[i]);
        return text;
}

static enum err read_endpoint(const struct db_rows *rows, struct arena *arena, struct endpoint *ret_endpoint)
{
        struct endpoint endpoint = {
                .known = true,
                .editor_id = arena_strdup(arena, db_text(rows, 0)),
                .version = db_int(rows, 1),
                .client_id = arena_strdup(arena, db_text(rows, 2)),
                .name = arena_strdup(arena, db_text(rows, 3)),
                .active = db_int(rows, 4),
                .authorized = db_int(rows, 5),
                .removed = db_int(rows, 6),
                .url = arena_strdup(arena, db_text(rows, 7)),
                .secret = arena_strdup(arena, db_text(rows, 8)),
                .old_secret = arena_strdup(arena, db_text(rows, 9)),
                .old_secret_expires_ms = db_int(rows, 10),
                .disabled_at_ms = db_int(rows, 12),
        };

        if (read_schedule(arena, db_text(rows, 11), &endpoint))
                return ERR_CORRUPT;
        *ret_endpoint = endpoint;
        return ERR_OK;
}

static enum err find_endpoint(struct db_tx *tx, struct arena *arena, const struct db_query *query, const char *key,
                              struct endpoint *ret_endpoint)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, query, DB_PARAMS(DB_TEXT(key)), &rows);

        if (err)
                return err;
        if (db_next(&rows, &err))
                return read_endpoint(&rows, arena, ret_endpoint);
        if (err)
                return err;
        *ret_endpoint = (struct endpoint){0};
        return ERR_OK;
}

enum err store_endpoint(struct db_tx *tx, struct arena *arena, const char *editor_id, struct endpoint *ret_endpoint)
{
        return find_endpoint(tx, arena, &select_endpoint, editor_id, ret_endpoint);
}

enum err store_endpoint_by_client(struct db_tx *tx, struct arena *arena, const char *client_id,
                                  struct endpoint *ret_endpoint)
{
        return find_endpoint(tx, arena, &select_endpoint_by_client, client_id, ret_endpoint);
}

enum err store_endpoints(struct db_tx *tx, struct arena *arena, struct endpoint **ret_endpoints, size_t *ret_count)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        struct endpoint *list = ARENA_ARRAY(arena, struct endpoint, LIST_MAX);
        size_t count = 0;
        enum err err = db_select(tx, &select_endpoints, DB_PARAMS(DB_INT(LIST_MAX)), &rows);

        while (!err && db_next(&rows, &err))
                err = read_endpoint(&rows, arena, &list[count++]);
        if (err)
                return err;
        *ret_endpoints = list;
        *ret_count = count;
        return ERR_OK;
}

enum err store_endpoints_after(struct db_tx *tx, struct arena *arena, const char *after_id, int64_t limit,
                               struct endpoint *ret_endpoints, size_t *ret_count)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        size_t count = 0;
        enum err err = db_select(tx, &select_endpoints_after, DB_PARAMS(DB_TEXT(after_id), DB_INT(limit)), &rows);

        while (!err && count < (size_t)limit && db_next(&rows, &err))
                err = read_endpoint(&rows, arena, &ret_endpoints[count++]);
        if (err)
                return err;
        *ret_count = count;
        return ERR_OK;
}

enum err store_save_secrets(struct db_tx *tx, const struct endpoint *endpoint)
{
        return db_exec(tx, &save_secrets,
                       DB_PARAMS(DB_TEXT(endpoint->editor_id), DB_INT(endpoint->version), DB_TEXT(endpoint->secret),
                                 DB_TEXT(endpoint->old_secret)),
                       NULL);
}

static struct db_value time_or_null(int64_t ms)
{
        return ms ? DB_INT(ms) : DB_NULL;
}

enum err store_save_endpoint(struct db_tx *tx, struct arena *arena, const struct endpoint *endpoint, int64_t now_ms)
{
        return db_exec(tx, &upsert_endpoint,
                       DB_PARAMS(DB_TEXT(endpoint->editor_id), DB_INT(endpoint->version), DB_TEXT(endpoint->client_id),
                                 DB_TEXT(endpoint->name), DB_INT(endpoint->active), DB_INT(endpoint->authorized),
                                 DB_INT(endpoint->removed), DB_TEXT(endpoint->url), DB_TEXT(endpoint->secret),
                                 DB_TEXT(endpoint->old_secret), time_or_null(endpoint->old_secret_expires_ms),
                                 DB_TEXT(write_schedule(arena, endpoint)), time_or_null(endpoint->disabled_at_ms),
                                 DB_INT(now_ms)),
                       NULL);
}

enum err store_disable_endpoint(struct db_tx *tx, const char *editor_id, const char *url, int64_t now_ms)
{
        return db_exec(tx, &disable_endpoint, DB_PARAMS(DB_TEXT(editor_id), DB_TEXT(url), DB_INT(now_ms)), NULL);
}

enum err store_enable_endpoint(struct db_tx *tx, const char *editor_id, int64_t now_ms)
{
        return db_exec(tx, &enable_endpoint, DB_PARAMS(DB_TEXT(editor_id), DB_INT(now_ms)), NULL);
}

enum err store_wake_postponed(struct db_tx *tx, const char *editor_id, int64_t due_ms)
{
        return db_exec(tx, &wake_postponed, DB_PARAMS(DB_TEXT(editor_id), DB_INT(due_ms)), NULL);
}

/* ---- deliveries ---- */

#define DELIVERY_COLUMNS                                                                                    \
        "id, event_id, market, editor_id, field_count, traceparent, state, fence, attempts, schedule_pos, " \
        "postponed, due_at, completed_at, created_at, finished_at, reason, error"

static const struct db_query insert_delivery = {
        "insert_delivery", "INSERT INTO deliveries (" DELIVERY_COLUMNS ", body)"
                           " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
                           " ON CONFLICT (event_id) DO NOTHING"};
static const struct db_query select_delivery = {"select_delivery",
                                                "SELECT " DELIVERY_COLUMNS ", body FROM deliveries WHERE id = $1"};
static const struct db_query select_delivery_of_event = {
        "select_delivery_of_event", "SELECT " DELIVERY_COLUMNS ", body FROM deliveries WHERE event_id = $1"};
static const struct db_query save_progress = {
        "save_progress",
        "UPDATE deliveries SET state = $4, fence = $5, attempts = $6, schedule_pos = $7, postponed = $8, due_at = $9,"
        " finished_at = $10, reason = $11, error = $12 WHERE id = $1 AND state = $2 AND fence = $3"};
static const struct db_query renew_lease = {
        "renew_lease", "UPDATE deliveries SET due_at = $3 WHERE id = $1 AND fence = $2 AND state = 'leased'"};
/* Jumps from editor to editor along deliveries_due: what one of them has piled up costs the others nothing. */
static const struct db_query select_due_editors = {
        "select_due_editors",
        "WITH RECURSIVE editor (id) AS ("
        " SELECT MIN(editor_id) FROM deliveries WHERE due_at IS NOT NULL"
        " UNION ALL SELECT (SELECT MIN(d.editor_id) FROM deliveries d WHERE d.due_at IS NOT NULL"
        " AND d.editor_id > editor.id) FROM editor WHERE editor.id IS NOT NULL)"
        " SELECT editor.id FROM editor WHERE editor.id IS NOT NULL AND (SELECT MIN(d.due_at) FROM deliveries d"
        " WHERE d.editor_id = editor.id AND d.due_at IS NOT NULL) <= $1 LIMIT $2"};
static const struct db_query select_due = {
        "select_due",
        "SELECT id FROM deliveries WHERE editor_id = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3" DB_SKIP_LOCKED};
static const struct db_query select_deliveries = {
        "select_deliveries", "SELECT " DELIVERY_COLUMNS ", NULL FROM deliveries WHERE ($1 IS NULL OR market = $1)"
                             " AND ($2 IS NULL OR state = $2) ORDER BY id DESC LIMIT 100"};
static const struct db_query select_failed = {
        "select_failed", "SELECT id FROM deliveries WHERE state = 'failed' AND finished_at >= $1 AND finished_at <= $2"
                         " ORDER BY finished_at LIMIT $3"};
static const struct db_query select_queue = {
        "select_queue",
        "SELECT COUNT(CASE WHEN state = 'waiting' AND due_at <= $1 THEN 1 END), COUNT(CASE WHEN state = 'leased' THEN "
        "1 END),"
        " COUNT(CASE WHEN state = 'waiting' AND due_at > $1 THEN 1 END),"
        " MIN(CASE WHEN state = 'waiting' AND due_at <= $1 THEN due_at END) FROM deliveries WHERE due_at IS NOT NULL"};

enum err store_insert_delivery(struct db_tx *tx, const struct delivery *d, bool *ret_inserted)
{
        const struct delivery_progress *p = &d->progress;
        int64_t changes = 0;
        enum err err =
                db_exec(tx, &insert_delivery,
                        DB_PARAMS(DB_TEXT(d->id), DB_TEXT(d->event_id), DB_TEXT(d->market), DB_TEXT(d->editor_id),
                                  DB_INT(d->field_count), DB_TEXT(d->traceparent),
                                  DB_TEXT(delivery_state_name(p->state)), DB_INT(p->fence), DB_INT(p->attempts),
                                  DB_INT(p->schedule_pos), DB_INT(p->postponed), time_or_null(p->due_at_ms),
                                  DB_INT(d->completed_at_ms), DB_INT(d->created_at_ms), time_or_null(p->finished_at_ms),
                                  DB_TEXT(d->reason), DB_TEXT(d->error), DB_BLOB(d->body, d->body_length)),
                        &changes);

        if (err)
                return err;
        *ret_inserted = changes > 0;
        return ERR_OK;
}

static enum err read_delivery(const struct db_rows *rows, struct arena *arena, struct delivery *ret_delivery)
{
        size_t body_length = 0;
        const void *body = db_blob(rows, 17, &body_length);
        struct delivery d = {
                .id = arena_strdup(arena, db_text(rows, 0)),
                .event_id = arena_strdup(arena, db_text(rows, 1)),
                .market = arena_strdup(arena, db_text(rows, 2)),
                .editor_id = arena_strdup(arena, db_text(rows, 3)),
                .field_count = db_int(rows, 4),
                .traceparent = arena_strdup(arena, db_text(rows, 5)),
                .progress = {.fence = db_int(rows, 7),
                             .attempts = db_int(rows, 8),
                             .schedule_pos = db_int(rows, 9),
                             .postponed = db_int(rows, 10),
                             .due_at_ms = db_int(rows, 11),
                             .finished_at_ms = db_int(rows, 14)},
                .completed_at_ms = db_int(rows, 12),
                .created_at_ms = db_int(rows, 13),
                .reason = arena_strdup(arena, db_text(rows, 15)),
                .error = arena_strdup(arena, db_text(rows, 16)),
                .body = body ? arena_memdup(arena, body, body_length) : NULL,
                .body_length = body_length,
        };

        if (!delivery_state_from_name(db_text(rows, 6), &d.progress.state))
                return ERR_CORRUPT;
        *ret_delivery = d;
        return ERR_OK;
}

static enum err find_delivery(struct db_tx *tx, struct arena *arena, const struct db_query *query, const char *key,
                              struct delivery *ret_delivery)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, query, DB_PARAMS(DB_TEXT(key)), &rows);

        if (err)
                return err;
        if (db_next(&rows, &err))
                return read_delivery(&rows, arena, ret_delivery);
        return err ? err : ERR_NOT_FOUND;
}

enum err store_delivery(struct db_tx *tx, struct arena *arena, const char *id, struct delivery *ret_delivery)
{
        return find_delivery(tx, arena, &select_delivery, id, ret_delivery);
}

enum err store_delivery_of_event(struct db_tx *tx, struct arena *arena, const char *event_id,
                                 struct delivery *ret_delivery)
{
        return find_delivery(tx, arena, &select_delivery_of_event, event_id, ret_delivery);
}

enum err store_save_progress(struct db_tx *tx, const struct delivery *delivery, const struct delivery_progress *before,
                             bool *ret_saved)
{
        const struct delivery_progress *p = &delivery->progress;
        int64_t changes = 0;
        enum err err = db_exec(
                tx, &save_progress,
                DB_PARAMS(DB_TEXT(delivery->id), DB_TEXT(delivery_state_name(before->state)), DB_INT(before->fence),
                          DB_TEXT(delivery_state_name(p->state)), DB_INT(p->fence), DB_INT(p->attempts),
                          DB_INT(p->schedule_pos), DB_INT(p->postponed), time_or_null(p->due_at_ms),
                          time_or_null(p->finished_at_ms), DB_TEXT(delivery->reason), DB_TEXT(delivery->error)),
                &changes);

        if (err)
                return err;
        *ret_saved = changes > 0;
        return ERR_OK;
}

enum err store_renew_lease(struct db_tx *tx, const struct delivery *delivery, int64_t due_ms)
{
        return db_exec(tx, &renew_lease,
                       DB_PARAMS(DB_TEXT(delivery->id), DB_INT(delivery->progress.fence), DB_INT(due_ms)), NULL);
}

static enum err read_ids(struct db_rows *rows, struct arena *arena, size_t max, const char ***ret_ids,
                         size_t *ret_count)
{
        const char **ids = ARENA_ARRAY(arena, const char *, max);
        size_t count = 0;
        enum err err = ERR_OK;

        while (count < max && db_next(rows, &err))
                ids[count++] = arena_strdup(arena, db_text(rows, 0));
        if (err)
                return err;
        *ret_ids = ids;
        *ret_count = count;
        return ERR_OK;
}

enum err store_due_editors(struct db_tx *tx, struct arena *arena, int64_t due_ms, const char ***ret_editor_ids,
                           size_t *ret_count)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &select_due_editors, DB_PARAMS(DB_INT(due_ms), DB_INT(DUE_EDITORS_MAX)), &rows);

        return err ? err : read_ids(&rows, arena, DUE_EDITORS_MAX, ret_editor_ids, ret_count);
}

enum err store_due_deliveries(struct db_tx *tx, struct arena *arena, const char *editor_id, int64_t due_ms,
                              int64_t limit, const char ***ret_ids, size_t *ret_count)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &select_due, DB_PARAMS(DB_TEXT(editor_id), DB_INT(due_ms), DB_INT(limit)), &rows);

        return err ? err : read_ids(&rows, arena, (size_t)limit, ret_ids, ret_count);
}

enum err store_failed_deliveries(struct db_tx *tx, struct arena *arena, int64_t from_ms, int64_t to_ms, int64_t limit,
                                 const char ***ret_ids, size_t *ret_count)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &select_failed, DB_PARAMS(DB_INT(from_ms), DB_INT(to_ms), DB_INT(limit)), &rows);

        return err ? err : read_ids(&rows, arena, (size_t)limit, ret_ids, ret_count);
}

enum err store_deliveries(struct db_tx *tx, struct arena *arena, const char *market, const char *state,
                          struct delivery **ret_deliveries, size_t *ret_count)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        struct delivery *list = ARENA_ARRAY(arena, struct delivery, 100);
        size_t count = 0;
        enum err err = db_select(tx, &select_deliveries, DB_PARAMS(DB_TEXT(market), DB_TEXT(state)), &rows);

        while (!err && count < 100 && db_next(&rows, &err))
                err = read_delivery(&rows, arena, &list[count++]);
        if (err)
                return err;
        *ret_deliveries = list;
        *ret_count = count;
        return ERR_OK;
}

enum err store_queue(struct db_tx *tx, int64_t due_ms, struct queue_figures *ret_figures)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &select_queue, DB_PARAMS(DB_INT(due_ms)), &rows);

        if (err)
                return err;
        if (!db_next(&rows, &err))
                return err ? err : ERR_INTERNAL;
        *ret_figures = (struct queue_figures){db_int(&rows, 0), db_int(&rows, 1), db_int(&rows, 2), db_int(&rows, 3)};
        return ERR_OK;
}

/* ---- what is stuck ---- */

static const struct db_query select_overdue = {"select_overdue",
                                               "SELECT COUNT(*), MIN(due_at) FROM deliveries WHERE due_at IS NOT NULL"
                                               " AND state = 'waiting' AND due_at < $1"};
static const struct db_query select_expired = {"select_expired",
                                               "SELECT COUNT(*), MIN(due_at) FROM deliveries WHERE due_at IS NOT NULL"
                                               " AND state = 'leased' AND due_at < $1"};
static const struct db_query select_lost = {"select_lost",
                                            "SELECT COUNT(*), MIN(created_at) FROM deliveries WHERE"
                                            " (state IN ('waiting', 'leased') AND due_at IS NULL)"
                                            " OR (state IN ('succeeded', 'failed') AND due_at IS NOT NULL)"};
static const struct db_query select_old_outbox = {
        "select_old_outbox", "SELECT COUNT(*), MIN(created_at) FROM outbox WHERE sent_at IS NULL AND created_at < $1"};
static const struct db_query select_postponed = {"select_postponed",
                                                 "SELECT COUNT(*), MIN(created_at) FROM deliveries WHERE"
                                                 " due_at IS NOT NULL AND state = 'waiting' AND postponed > 0"};
static const struct db_query select_disabled = {
        "select_disabled", "SELECT COUNT(*), MIN(disabled_at) FROM endpoints WHERE disabled_at IS NOT NULL"};

/* `before_ms` 0: the query has no parameter. */
static enum err read_tally(struct db_tx *tx, const struct db_query *query, int64_t before_ms, struct tally *ret_tally)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        const struct db_value before = DB_INT(before_ms);
        enum err err = db_select(tx, query, &before, before_ms ? 1 : 0, &rows);

        if (err)
                return err;
        if (!db_next(&rows, &err))
                return err ? err : ERR_INTERNAL;
        *ret_tally = (struct tally){db_int(&rows, 0), db_int(&rows, 1)};
        return ERR_OK;
}

enum err store_doctor(struct db_tx *tx, int64_t overdue_ms, int64_t lease_ms, int64_t outbox_ms,
                      struct doctor_figures *ret_figures)
{
        struct doctor_figures f;
        enum err err = read_tally(tx, &select_overdue, overdue_ms, &f.overdue);

        if (!err)
                err = read_tally(tx, &select_expired, lease_ms, &f.expired);
        if (!err)
                err = read_tally(tx, &select_lost, 0, &f.lost);
        if (!err)
                err = read_tally(tx, &select_old_outbox, outbox_ms, &f.outbox);
        if (!err)
                err = read_tally(tx, &select_postponed, 0, &f.postponed);
        if (!err)
                err = read_tally(tx, &select_disabled, 0, &f.disabled);
        if (err)
                return err;
        *ret_figures = f;
        return ERR_OK;
}

/* ---- attempts ---- */

#define ATTEMPT_COLUMNS "number, started_at, duration_ms, outcome, status_code, error, response_excerpt"

static const struct db_query insert_attempt = {"insert_attempt",
                                               "INSERT INTO attempts (" ATTEMPT_COLUMNS
                                               ", delivery_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"};
static const struct db_query select_last_attempt = {
        "select_last_attempt",
        "SELECT " ATTEMPT_COLUMNS " FROM attempts WHERE delivery_id = $1 ORDER BY number DESC LIMIT 1"};
static const struct db_query select_attempts = {
        "select_attempts", "SELECT " ATTEMPT_COLUMNS " FROM attempts WHERE delivery_id = $1 ORDER BY number LIMIT $2"};

enum err store_add_attempt(struct db_tx *tx, const char *delivery_id, const struct attempt *attempt)
{
        return db_exec(tx, &insert_attempt,
                       DB_PARAMS(DB_INT(attempt->number), DB_INT(attempt->started_at_ms), DB_INT(attempt->duration_ms),
                                 DB_TEXT(attempt->outcome),
                                 attempt->status_code ? DB_INT(attempt->status_code) : DB_NULL, DB_TEXT(attempt->error),
                                 DB_TEXT(attempt->response_excerpt), DB_TEXT(delivery_id)),
                       NULL);
}

static struct attempt read_attempt(const struct db_rows *rows, struct arena *arena)
{
        return (struct attempt){
                .number = db_int(rows, 0),
                .started_at_ms = db_int(rows, 1),
                .duration_ms = db_int(rows, 2),
                .outcome = arena_strdup(arena, db_text(rows, 3)),
                .status_code = db_int(rows, 4),
                .error = arena_strdup(arena, db_text(rows, 5)),
                .response_excerpt = arena_strdup(arena, db_text(rows, 6)),
        };
}

enum err store_last_attempt(struct db_tx *tx, struct arena *arena, const char *delivery_id, struct attempt *ret_attempt)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &select_last_attempt, DB_PARAMS(DB_TEXT(delivery_id)), &rows);

        if (err)
                return err;
        if (!db_next(&rows, &err))
                return err ? err : ERR_NOT_FOUND;
        *ret_attempt = read_attempt(&rows, arena);
        return ERR_OK;
}

enum err store_attempts(struct db_tx *tx, struct arena *arena, const char *delivery_id, struct attempt **ret_attempts,
                        size_t *ret_count)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        const size_t max = 1000;
        struct attempt *list = ARENA_ARRAY(arena, struct attempt, max);
        size_t count = 0;
        enum err err = db_select(tx, &select_attempts, DB_PARAMS(DB_TEXT(delivery_id), DB_INT((int64_t)max)), &rows);

        while (!err && count < max && db_next(&rows, &err))
                list[count++] = read_attempt(&rows, arena);
        if (err)
                return err;
        *ret_attempts = list;
        *ret_count = count;
        return ERR_OK;
}
