#include "services/market/delivery_store.h"

#include "common/base/limits.h"

/* ---- what was heard ---- */

static const struct db_query hear_of = {
        "hear_of_delivery",
        "INSERT INTO deliveries (delivery_id, identifier, heard_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (delivery_id) DO NOTHING",
};
static const struct db_query set_error = {
        "set_delivery_error",
        "UPDATE deliveries SET error = $2 WHERE delivery_id = $1",
};
/* An outcome is final: what is told again changes nothing. */
static const struct db_query put_attempt = {
        "put_attempt",
        "INSERT INTO attempts (delivery_id, number, started_at, outcome, status_code, duration_ms, error,"
        " response_excerpt) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT (delivery_id, number) DO UPDATE SET outcome = excluded.outcome,"
        " status_code = excluded.status_code, duration_ms = excluded.duration_ms, error = excluded.error,"
        " response_excerpt = excluded.response_excerpt"
        " WHERE attempts.outcome IS NULL AND excluded.outcome IS NOT NULL",
};
static const struct db_query drop_oldest = {
        "drop_oldest_attempts",
        "DELETE FROM attempts WHERE delivery_id = $1 AND number <= $2",
};
static const struct db_query prune_attempts = {
        "prune_attempts",
        "DELETE FROM attempts WHERE started_at <= $1",
};

static enum err note_attempt(struct db_tx *tx, const char *delivery_id, const struct attempt *attempt)
{
        bool ended = attempt->outcome != NULL;
        enum err err = db_exec(tx, &put_attempt,
                               DB_PARAMS(DB_TEXT(delivery_id), DB_INT(attempt->number), DB_INT(attempt->started_ms),
                                         DB_TEXT(attempt->outcome),
                                         attempt->status_code ? DB_INT(attempt->status_code) : DB_NULL,
                                         ended ? DB_INT(attempt->duration_ms) : DB_NULL, DB_TEXT(attempt->error),
                                         DB_TEXT(attempt->response_excerpt)),
                               NULL);

        if (err || attempt->number <= LIMIT_MARKET_ATTEMPTS)
                return err;
        return db_exec(tx, &drop_oldest,
                       DB_PARAMS(DB_TEXT(delivery_id), DB_INT(attempt->number - LIMIT_MARKET_ATTEMPTS)), NULL);
}

enum err delivery_store_note(struct db_tx *tx, const struct delivery_news *news)
{
        enum err err =
                db_exec(tx, &hear_of,
                        DB_PARAMS(DB_TEXT(news->delivery_id), DB_TEXT(news->identifier), DB_INT(news->heard_ms)), NULL);

        if (!err && news->counts)
                err = db_exec(tx, &set_error, DB_PARAMS(DB_TEXT(news->delivery_id), DB_TEXT(news->error)), NULL);
        if (err || news->attempt.number == 0 || news->attempt.started_ms == 0)
                return err;
        return note_attempt(tx, news->delivery_id, &news->attempt);
}

enum err delivery_store_prune(struct db_tx *tx, int64_t before_ms)
{
        return db_exec(tx, &prune_attempts, DB_PARAMS(DB_INT(before_ms)), NULL);
}

/* ---- reading ---- */

static const struct db_query select_deliveries = {
        "select_deliveries",
        "SELECT delivery_id, error FROM deliveries WHERE identifier = $1 ORDER BY heard_at DESC, delivery_id DESC"
        " LIMIT $2",
};
static const struct db_query select_attempts = {
        "select_attempts",
        "SELECT number, started_at, outcome, status_code, duration_ms, error, response_excerpt FROM attempts"
        " WHERE delivery_id = $1 ORDER BY number LIMIT $2",
};

static enum err read_attempts(struct db_tx *tx, struct arena *arena, struct delivery *delivery)
{
        struct attempt *attempts = ARENA_ARRAY(arena, struct attempt, LIMIT_MARKET_ATTEMPTS);
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err =
                db_select(tx, &select_attempts, DB_PARAMS(DB_TEXT(delivery->id), DB_INT(LIMIT_MARKET_ATTEMPTS)), &rows);

        while (!err && db_next(&rows, &err))
                attempts[delivery->attempt_count++] = (struct attempt){
                        .number = db_int(&rows, 0),
                        .started_ms = db_int(&rows, 1),
                        .outcome = arena_strdup(arena, db_text(&rows, 2)),
                        .status_code = db_int(&rows, 3),
                        .duration_ms = db_int(&rows, 4),
                        .error = arena_strdup(arena, db_text(&rows, 5)),
                        .response_excerpt = arena_strdup(arena, db_text(&rows, 6)),
                };
        delivery->attempts = attempts;
        return err;
}

static enum err read_deliveries(struct db_tx *tx, struct arena *arena, const char *identifier,
                                struct delivery *deliveries, size_t *ret_count)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        size_t count = 0;
        enum err err = db_select(tx, &select_deliveries,
                                 DB_PARAMS(DB_TEXT(identifier), DB_INT(LIMIT_MARKET_DELIVERIES)), &rows);

        while (!err && db_next(&rows, &err))
                deliveries[count++] = (struct delivery){.id = arena_strdup(arena, db_text(&rows, 0)),
                                                        .error = arena_strdup(arena, db_text(&rows, 1))};
        if (err)
                return err;
        *ret_count = count;
        return ERR_OK;
}

enum err delivery_store_list(struct db_tx *tx, struct arena *arena, const char *identifier,
                             struct delivery **ret_deliveries, size_t *ret_count)
{
        struct delivery *deliveries = ARENA_ARRAY(arena, struct delivery, LIMIT_MARKET_DELIVERIES);
        size_t count = 0;
        enum err err = read_deliveries(tx, arena, identifier, deliveries, &count);

        for (size_t i = 0; !err && i < count; i++)
                err = read_attempts(tx, arena, &deliveries[i]);
        if (err)
                return err;
        *ret_deliveries = deliveries;
        *ret_count = count;
        return ERR_OK;
}
