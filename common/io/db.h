/*
 * Durable state: one layer, two drivers (SQLite now; PostgreSQL is a second `struct db_driver`), the same SQL on both.
 *
 * Writing: hand in a unit of work; it runs inside a transaction, and db_write returns when that is durable. Units that
 * wait at the same time share one commit (group commit, at most LIMIT_DB_GROUP): each in its own savepoint, so that one
 * failing undoes only itself. A unit may be run again (after a lost connection, or when its group has to be redone), so
 * it sets its results afresh, and does nothing but talk to the database. SQLite: one writer thread, one writer connection.
 *
 * SQL that both understand: `$1` parameters; TEXT, BIGINT, BYTEA, SMALLINT 0/1 for booleans; times as BIGINT epoch ms;
 * INSERT … ON CONFLICT; RETURNING; partial indexes; no autoincrement (ids come from base/id). A claim of rows ends with
 * the text DB_SKIP_LOCKED, which only PostgreSQL reads.
 *
 * Errors: ERR_CONFLICT (unique), ERR_UNAVAILABLE (not reachable, busy), ERR_FULL (queue or disk), ERR_CORRUPT,
 * ERR_IN_DOUBT (the commit's answer was lost: re-read by key), ERR_INTERNAL (wrong SQL). A failed fsync ends the process.
 */
#ifndef VR_IO_DB_H
#define VR_IO_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/file.h"
#include "common/base/metrics.h"

#define DB_SKIP_LOCKED " /*FOR UPDATE SKIP LOCKED*/"

struct db;
struct db_tx; /* a transaction, or a read view; valid inside the unit of work */

struct db_config {
        const char *url;         /* sqlite:/path/market.db, postgresql://… */
        int readers;             /* connections for db_read */
        int timeout_ms;          /* of a statement, and of waiting for a connection */
        struct metrics *metrics; /* vr_db_query_duration_seconds, vr_db_pool_connections; may be NULL */
};

MUST_CHECK enum err db_open(const struct db_config *config, struct db **ret_db);
void db_close(struct db *db); /* finishes queued work first; NULL is fine */

typedef enum err (*db_work)(struct db_tx *tx, void *arg);
MUST_CHECK enum err db_write(struct db *db, db_work work, void *arg);
/* A consistent view, on a reader's connection. */
MUST_CHECK enum err db_read(struct db *db, db_work work, void *arg);
/* Within a unit: a part that can fail alone and be undone alone. */
MUST_CHECK enum err db_nested(struct db_tx *tx, db_work work, void *arg);
/* Is the database answering? For readiness. */
MUST_CHECK enum err db_ping(struct db *db);

enum db_type { DB_TYPE_NULL, DB_TYPE_TEXT, DB_TYPE_INT, DB_TYPE_BLOB };
struct db_value {
        enum db_type type;
        const void *bytes; /* text (NUL-terminated) or blob; must outlive the call */
        size_t length;
        int64_t number;
};
struct db_value db_text_value(const char *text); /* NULL becomes null */
struct db_value db_int_value(int64_t number);
struct db_value db_blob_value(const void *bytes, size_t length);
struct db_value db_null_value(void);
/* Short names for parameter lists: `DB_PARAMS(T(id), I(now), B(body, length), NIL)` is written with these. */
#define DB_TEXT(text)          db_text_value(text)
#define DB_INT(number)         db_int_value(number)
#define DB_BLOB(bytes, length) db_blob_value((bytes), (length))
#define DB_NULL                db_null_value()
#define DB_PARAMS(...) \
        (const struct db_value[]){__VA_ARGS__}, sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)
#define DB_NO_PARAMS NULL, 0

/* `name` labels the duration metric: a short constant such as "insert_market". `sql` is a literal: statements are kept
 * prepared by its address. */
struct db_query {
        const char *name;
        const char *sql;
};

/* Runs a statement without rows; `ret_changes` (may be NULL): rows it touched. */
MUST_CHECK enum err db_exec(struct db_tx *tx, const struct db_query *query, const struct db_value *params, size_t count,
                            int64_t *ret_changes);

/*
 *         AUTO(db_rows_done) struct db_rows rows = {0};
 *         enum err err = db_select(tx, &select_market, DB_PARAMS(DB_TEXT(id)), &rows);
 *         while (!err && db_next(&rows, &err)) … db_text(&rows, 0) …
 */
struct db_rows {
        struct db_tx *tx;
        const struct db_query *query;
        void *cursor; /* the driver's */
        int64_t started_ns;
};
MUST_CHECK enum err db_select(struct db_tx *tx, const struct db_query *query, const struct db_value *params,
                              size_t count, struct db_rows *ret_rows);
/* true: a row is there. false: the end, or `*ret_err` says what failed. */
bool db_next(struct db_rows *rows, enum err *ret_err);
void db_rows_done(struct db_rows *rows);

/* Columns of the current row, from 0. Text and blobs live until the next db_next or db_rows_done: copy what stays. */
const char *db_text(const struct db_rows *rows, int column); /* NULL for null */
int64_t db_int(const struct db_rows *rows, int column);      /* 0 for null */
const void *db_blob(const struct db_rows *rows, int column, size_t *ret_length);
bool db_is_null(const struct db_rows *rows, int column);

/*
 * Forward-only migrations: embedded files `0001_name.sql`, applied in order, each once, recorded with its checksum in
 * table schema_migrations; two processes starting together are safe. ERR_CORRUPT when the database holds a migration
 * this binary does not know, or one whose text changed: a service refuses a schema it doesn't know.
 */
MUST_CHECK enum err db_migrate(struct db *db, const struct file *migrations);

#endif
