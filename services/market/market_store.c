#include "services/market/market_store.h"

#include "common/app/outbox.h"
#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/str.h"

/* ---- creation ---- */

static const struct db_query insert_market = {
        "insert_market",
        "INSERT INTO markets (identifier, editor_id, name, lot_name, deadline, types, defense_locked, status, version,"
        " created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'created', 1, $8)",
};
/* A key older than a day is free again: taken over in place. */
static const struct db_query claim_key = {
        "claim_idempotency_key",
        "INSERT INTO idempotency_keys (editor_id, key, body_sha256, identifier, created_at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (editor_id, key) DO UPDATE SET body_sha256 = excluded.body_sha256,"
        " identifier = excluded.identifier, created_at = excluded.created_at"
        " WHERE idempotency_keys.created_at <= $6",
};
static const struct db_query select_key = {
        "select_idempotency_key",
        "SELECT body_sha256, identifier FROM idempotency_keys WHERE editor_id = $1 AND key = $2",
};
static const struct db_query select_shown = {
        "select_editor_shown",
        "SELECT name, return_url FROM editors WHERE editor_id = $1",
};
static const struct db_query prune_keys = {
        "prune_idempotency_keys",
        "DELETE FROM idempotency_keys WHERE created_at <= $1",
};

struct creation_work {
        const struct market_creation *creation;
        struct arena *arena;
        enum creation_outcome outcome;
        struct market market;
};

static enum err look_at_key(struct db_tx *tx, struct creation_work *work)
{
        const struct market_creation *creation = work->creation;
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err =
                db_select(tx, &select_key,
                          DB_PARAMS(DB_TEXT(creation->market->editor_id), DB_TEXT(creation->idempotency_key)), &rows);

        if (err)
                return err;
        if (!db_next(&rows, &err))
                return err ? err : ERR_UNAVAILABLE;
        work->outcome = str_equal(db_text(&rows, 0), creation->body_sha256) ? CREATION_REPLAYED : CREATION_KEY_REUSED;
        work->market = (struct market){.identifier = arena_strdup(work->arena, db_text(&rows, 1))};
        return ERR_OK;
}

/* What the snapshot tells of its editor: read here, where the row is made, it costs no transaction of its own. */
static enum err look_at_editor(struct db_tx *tx, struct creation_work *work)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &select_shown, DB_PARAMS(DB_TEXT(work->market.editor_id)), &rows);

        if (err || !db_next(&rows, &err))
                return err;
        work->market.editor_name = arena_strdup(work->arena, db_text(&rows, 0));
        work->market.return_url = arena_strdup(work->arena, db_text(&rows, 1));
        return ERR_OK;
}

static enum err create(struct db_tx *tx, void *arg)
{
        struct creation_work *work = arg;
        const struct market_creation *creation = work->creation;
        const struct market *market = creation->market;
        int64_t claimed = 1;
        enum err err = ERR_OK;

        work->outcome = CREATION_DONE;
        work->market = *market;
        if (creation->idempotency_key)
                err = db_exec(tx, &claim_key,
                              DB_PARAMS(DB_TEXT(market->editor_id), DB_TEXT(creation->idempotency_key),
                                        DB_TEXT(creation->body_sha256), DB_TEXT(market->identifier),
                                        DB_INT(market->created_ms), DB_INT(market->created_ms - IDEMPOTENCY_KEEP_MS)),
                              &claimed);
        if (err)
                return err;
        if (claimed == 0)
                return look_at_key(tx, work);
        err = db_exec(tx, &insert_market,
                      DB_PARAMS(DB_TEXT(market->identifier), DB_TEXT(market->editor_id), DB_TEXT(market->name),
                                DB_TEXT(market->lot_name), DB_INT(market->deadline_ms),
                                DB_TEXT(market_types_join(work->arena, market->types)), DB_INT(market->defense_locked),
                                DB_INT(market->created_ms)),
                      NULL);
        if (!err)
                err = outbox_add(tx, creation->event);
        return err ? err : look_at_editor(tx, work);
}

enum err market_store_create(struct db *db, struct arena *arena, const struct market_creation *creation,
                             enum creation_outcome *ret_outcome, struct market *ret_market)
{
        struct creation_work work = {.creation = creation, .arena = arena};
        enum err err = db_write(db, create, &work);

        if (err)
                return err;
        *ret_outcome = work.outcome;
        *ret_market = work.market;
        return ERR_OK;
}

enum err idempotency_store_prune(struct db_tx *tx, int64_t before_ms)
{
        return db_exec(tx, &prune_keys, DB_PARAMS(DB_INT(before_ms)), NULL);
}

/* ---- reading ---- */

#define SELECT_MARKETS                                                                                            \
        "SELECT m.identifier, m.editor_id, m.name, m.lot_name, m.deadline, m.types, m.defense_locked, m.version," \
        " m.created_at, m.status, m.started_at, m.completed_at, m.field_keys, m.completed_event_id,"              \
        " m.sync_status, m.sync_attempt, m.sync_settled, m.sync_event_id, m.sync_next_attempt, m.sync_expected,"  \
        " m.retry_event_id, m.retry_requested_by, m.retry_requested_at,"                                          \
        " m.last_attempt_at, m.last_outcome, m.last_status_code, m.last_duration_ms, m.last_error,"               \
        " e.name, e.return_url"                                                                                   \
        " FROM markets m LEFT JOIN editors e ON e.editor_id = m.editor_id"
static const struct db_query select_market = {"select_market", SELECT_MARKETS " WHERE m.identifier = $1"};
enum column {
        COL_IDENTIFIER,
        COL_EDITOR_ID,
        COL_NAME,
        COL_LOT_NAME,
        COL_DEADLINE,
        COL_TYPES,
        COL_DEFENSE_LOCKED,
        COL_VERSION,
        COL_CREATED_AT,
        COL_STATUS,
        COL_STARTED_AT,
        COL_COMPLETED_AT,
        COL_FIELD_KEYS,
        COL_COMPLETED_EVENT_ID,
        COL_SYNC_STATUS,
        COL_SYNC_ATTEMPT,
        COL_SYNC_SETTLED,
        COL_SYNC_EVENT_ID,
        COL_SYNC_NEXT_ATTEMPT,
        COL_SYNC_EXPECTED,
        COL_RETRY_EVENT_ID,
        COL_RETRY_REQUESTED_BY,
        COL_RETRY_REQUESTED_AT,
        COL_LAST_ATTEMPT_AT,
        COL_LAST_OUTCOME,
        COL_LAST_STATUS_CODE,
        COL_LAST_DURATION_MS,
        COL_LAST_ERROR,
        COL_EDITOR_NAME,
        COL_RETURN_URL,
};

static const char *copy(struct arena *arena, const struct db_rows *rows, enum column column)
{
        return arena_strdup(arena, db_text(rows, (int)column));
}

static void read_creation(struct arena *arena, const struct db_rows *rows, struct market *market)
{
        market->identifier = copy(arena, rows, COL_IDENTIFIER);
        market->editor_id = copy(arena, rows, COL_EDITOR_ID);
        market->name = copy(arena, rows, COL_NAME);
        market->lot_name = copy(arena, rows, COL_LOT_NAME);
        market->deadline_ms = db_int(rows, COL_DEADLINE);
        market->defense_locked = db_int(rows, COL_DEFENSE_LOCKED) != 0;
        market->version = db_int(rows, COL_VERSION);
        market->created_ms = db_int(rows, COL_CREATED_AT);
        market->editor_name = copy(arena, rows, COL_EDITOR_NAME);
        market->return_url = copy(arena, rows, COL_RETURN_URL);
}

static void read_completion(struct arena *arena, const struct db_rows *rows, struct market *market)
{
        const char *keys = db_text(rows, COL_FIELD_KEYS);

        market->completed = str_equal(db_text(rows, COL_STATUS), "completed");
        market->started_ms = db_int(rows, COL_STARTED_AT);
        market->completed_ms = db_int(rows, COL_COMPLETED_AT);
        market->completed_event_id = copy(arena, rows, COL_COMPLETED_EVENT_ID);
        if (keys && *keys)
                market->field_keys = (const char *const *)str_split(arena, keys, ',', &market->field_count);
}

static void read_sync(struct arena *arena, const struct db_rows *rows, struct market *market)
{
        market->sync = (struct sync){
                .status = sync_status_from_name(db_text(rows, COL_SYNC_STATUS)),
                .attempt = db_int(rows, COL_SYNC_ATTEMPT),
                .settled = db_int(rows, COL_SYNC_SETTLED) != 0,
                .event_id = copy(arena, rows, COL_SYNC_EVENT_ID),
                .next_attempt_ms = db_int(rows, COL_SYNC_NEXT_ATTEMPT),
                .expected_ms = db_int(rows, COL_SYNC_EXPECTED),
        };
        market->last_attempt = (struct attempt){
                .started_ms = db_int(rows, COL_LAST_ATTEMPT_AT),
                .outcome = copy(arena, rows, COL_LAST_OUTCOME),
                .status_code = db_int(rows, COL_LAST_STATUS_CODE),
                .duration_ms = db_int(rows, COL_LAST_DURATION_MS),
                .error = copy(arena, rows, COL_LAST_ERROR),
        };
        market->retry_event_id = copy(arena, rows, COL_RETRY_EVENT_ID);
        market->retry_requested_by = copy(arena, rows, COL_RETRY_REQUESTED_BY);
        market->retry_requested_ms = db_int(rows, COL_RETRY_REQUESTED_AT);
}

static enum err read_market(struct arena *arena, const struct db_rows *rows, struct market *ret_market)
{
        struct market market = {0};
        enum err err = market_types_parse(db_text(rows, COL_TYPES), &market.types);

        if (err)
                return err;
        read_creation(arena, rows, &market);
        read_completion(arena, rows, &market);
        read_sync(arena, rows, &market);
        *ret_market = market;
        return ERR_OK;
}

enum err market_store_find(struct db_tx *tx, struct arena *arena, const char *identifier, struct market *ret_market)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &select_market, DB_PARAMS(DB_TEXT(identifier)), &rows);

        if (err)
                return err;
        if (!db_next(&rows, &err))
                return err ? err : ERR_NOT_FOUND;
        return read_market(arena, &rows, ret_market);
}

struct load_work {
        struct arena *arena;
        const char *identifier;
        struct market market;
};

static enum err load(struct db_tx *tx, void *arg)
{
        struct load_work *work = arg;

        return market_store_find(tx, work->arena, work->identifier, &work->market);
}

enum err market_store_load(struct db *db, struct arena *arena, const char *identifier, struct market *ret_market)
{
        struct load_work work = {.arena = arena, .identifier = identifier};
        enum err err = db_read(db, load, &work);

        if (err)
                return err;
        *ret_market = work.market;
        return ERR_OK;
}

/* ---- lists ---- */

/* One query each, so that each finds its index; created_at before identifier, as the cursor says. */
#define PAGE " AND (m.created_at, m.identifier) < ($2, $3) ORDER BY m.created_at DESC, m.identifier DESC LIMIT $4"
static const struct db_query list_all = {"list_markets", SELECT_MARKETS " WHERE m.editor_id = $1" PAGE};
static const struct db_query list_by_status = {"list_markets_by_status",
                                               SELECT_MARKETS " WHERE m.editor_id = $1 AND m.status = $5" PAGE};
static const struct db_query list_by_sync = {"list_markets_by_sync",
                                             SELECT_MARKETS " WHERE m.editor_id = $1 AND m.sync_status = $5" PAGE};

struct list_work {
        struct arena *arena;
        const struct market_list *list;
        struct market *markets;
        size_t count;
};

static enum err select_list(struct db_tx *tx, const struct market_list *list, struct db_rows *ret_rows)
{
        const struct db_query *query = list->sync_status ? &list_by_sync : list->status ? &list_by_status : &list_all;
        const struct db_value values[] = {
                DB_TEXT(list->editor_id),
                DB_INT(list->before_ms),
                DB_TEXT(list->before_identifier),
                DB_INT(list->limit),
                DB_TEXT(list->sync_status ? list->sync_status : list->status),
        };

        return db_select(tx, query, values, query == &list_all ? ARRAY_LEN(values) - 1 : ARRAY_LEN(values), ret_rows);
}

static enum err list(struct db_tx *tx, void *arg)
{
        struct list_work *work = arg;
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = select_list(tx, work->list, &rows);

        work->count = 0;
        while (!err && db_next(&rows, &err))
                err = read_market(work->arena, &rows, &work->markets[work->count++]);
        return err;
}

enum err market_store_list(struct db *db, struct arena *arena, const struct market_list *wanted,
                           struct market **ret_markets, size_t *ret_count)
{
        struct list_work work = {
                .arena = arena,
                .list = wanted,
                .markets = ARENA_ARRAY(arena, struct market, (size_t)wanted->limit),
        };
        enum err err = db_read(db, list, &work);

        if (err)
                return err;
        *ret_markets = work.markets;
        *ret_count = work.count;
        return ERR_OK;
}

/* ---- changing ---- */

static const struct db_query update_completion = {
        "complete_market",
        "UPDATE markets SET status = 'completed', version = version + 1, types = $3, started_at = $4,"
        " completed_at = $5, field_keys = $6, completed_event_id = $7"
        " WHERE identifier = $1 AND version = $2 AND status = 'created'",
};
static const struct db_query update_sync = {
        "update_market_sync",
        "UPDATE markets SET version = version + 1, sync_status = $3, sync_attempt = $4, sync_settled = $5,"
        " sync_event_id = $6, sync_next_attempt = $7, sync_expected = $8, retry_event_id = $9, retry_requested_by = "
        "$10,"
        " retry_requested_at = $11, last_attempt_at = $12, last_outcome = $13, last_status_code = $14,"
        " last_duration_ms = $15, last_error = $16"
        " WHERE identifier = $1 AND version = $2",
};

/* Times and numbers for which 0 says "none". */
static struct db_value int_or_null(int64_t number)
{
        return number ? db_int_value(number) : db_null_value();
}

static const char *join(struct arena *arena, const char *const *texts, size_t count)
{
        AUTO(buf_done) struct buf joined = {0};

        for (size_t i = 0; i < count; i++) {
                if (i > 0)
                        buf_putc(&joined, ',');
                buf_puts(&joined, texts[i]);
        }
        return arena_strdup(arena, buf_text(&joined));
}

static enum err changed_one(enum err err, int64_t changes)
{
        if (err)
                return err;
        return changes == 1 ? ERR_OK : ERR_UNAVAILABLE;
}

enum err market_store_complete(struct db_tx *tx, struct arena *arena, const struct market *market)
{
        int64_t changes = 0;
        struct market stored = *market;
        enum err err = db_exec(tx, &update_completion,
                               DB_PARAMS(DB_TEXT(market->identifier), DB_INT(market->version),
                                         DB_TEXT(market_types_join(arena, market->types)), DB_INT(market->started_ms),
                                         DB_INT(market->completed_ms),
                                         DB_TEXT(join(arena, market->field_keys, market->field_count)),
                                         DB_TEXT(market->completed_event_id)),
                               &changes);

        err = changed_one(err, changes);
        if (err)
                return err;
        stored.version++;
        return market_store_sync(tx, &stored);
}

enum err market_store_sync(struct db_tx *tx, const struct market *market)
{
        const struct sync *sync = &market->sync;
        const struct attempt *last = &market->last_attempt;
        int64_t changes = 0;
        enum err err =
                db_exec(tx, &update_sync,
                        DB_PARAMS(DB_TEXT(market->identifier), DB_INT(market->version),
                                  DB_TEXT(sync_status_name(sync->status)), DB_INT(sync->attempt), DB_INT(sync->settled),
                                  DB_TEXT(sync->event_id), int_or_null(sync->next_attempt_ms),
                                  int_or_null(sync->expected_ms), DB_TEXT(market->retry_event_id),
                                  DB_TEXT(market->retry_requested_by), int_or_null(market->retry_requested_ms),
                                  int_or_null(last->started_ms), DB_TEXT(last->outcome), int_or_null(last->status_code),
                                  int_or_null(last->duration_ms), DB_TEXT(last->error)),
                        &changes);

        return changed_one(err, changes);
}

/* ---- reconciliation ---- */

static const struct db_query select_silent = {
        "select_silent_markets",
        "SELECT identifier FROM markets WHERE sync_expected <= $1 ORDER BY sync_expected LIMIT $2" DB_SKIP_LOCKED,
};
static const struct db_query expect_news = {
        "expect_market_news",
        "UPDATE markets SET sync_expected = $2 WHERE identifier = $1 AND sync_expected IS NOT NULL",
};
static const struct db_query send_again = {
        "reopen_outbox_row",
        "UPDATE outbox SET sent_at = NULL WHERE id = $1",
};

enum err market_store_silent(struct db_tx *tx, struct arena *arena, int64_t before_ms, int64_t limit,
                             const char *const **ret_identifiers, size_t *ret_count)
{
        const char **identifiers = ARENA_ARRAY(arena, const char *, (size_t)limit + 1);
        size_t count = 0;
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &select_silent, DB_PARAMS(DB_INT(before_ms), DB_INT(limit)), &rows);

        while (!err && db_next(&rows, &err))
                identifiers[count++] = arena_strdup(arena, db_text(&rows, 0));
        if (err)
                return err;
        *ret_identifiers = identifiers;
        *ret_count = count;
        return ERR_OK;
}

enum err market_store_expect(struct db_tx *tx, const char *identifier, int64_t now_ms)
{
        return db_exec(tx, &expect_news, DB_PARAMS(DB_TEXT(identifier), DB_INT(now_ms)), NULL);
}

enum err market_store_announce(struct db_tx *tx, const struct event *event)
{
        int64_t changes = 0;
        enum err err = db_exec(tx, &send_again, DB_PARAMS(DB_TEXT(event->id)), &changes);

        if (err || changes > 0)
                return err;
        return outbox_add(tx, event);
}

/* ---- editors ---- */

static const struct db_query put_editor = {
        "put_editor",
        "INSERT INTO editors (editor_id, version, name, active, authorized, return_url) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (editor_id) DO UPDATE SET version = excluded.version, name = excluded.name,"
        " active = excluded.active, authorized = excluded.authorized, return_url = excluded.return_url"
        " WHERE editors.version < excluded.version AND editors.removed_at IS NULL",
};
static const struct db_query remove_editor = {
        "remove_editor",
        "INSERT INTO editors (editor_id, version, active, authorized, removed_at) VALUES ($1, 0, 0, 0, $2)"
        " ON CONFLICT (editor_id) DO UPDATE SET active = 0, authorized = 0, removed_at = excluded.removed_at"
        " WHERE editors.removed_at IS NULL",
};

enum err editor_store_put(struct db_tx *tx, const struct editor *editor)
{
        return db_exec(tx, &put_editor,
                       DB_PARAMS(DB_TEXT(editor->id), DB_INT(editor->version), DB_TEXT(editor->name),
                                 DB_INT(editor->active), DB_INT(editor->authorized), DB_TEXT(editor->return_url)),
                       NULL);
}

enum err editor_store_remove(struct db_tx *tx, const char *id, int64_t removed_ms)
{
        return db_exec(tx, &remove_editor, DB_PARAMS(DB_TEXT(id), DB_INT(removed_ms)), NULL);
}
