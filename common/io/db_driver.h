/*
 * What a database driver provides; db.c does the rest (queue, group commit, reader pool, metrics, migrations).
 * A connection is used by one thread at a time.
 */
#ifndef VR_IO_DB_DRIVER_H
#define VR_IO_DB_DRIVER_H

#include "common/io/db.h"

struct db_conn; /* the driver's own */

/* Only DB_OPEN_CREATE, the first opening of a process, may make a database that isn't there: one that vanishes while we
 * run is never made again silently. */
enum db_open_mode { DB_OPEN_READER, DB_OPEN_WRITER, DB_OPEN_CREATE };

struct db_driver {
        const char *scheme; /* "sqlite", "postgresql" */
        /* Writers that may work at once: 1 for SQLite. */
        int writers;
        enum err (*open)(const char *url, enum db_open_mode mode, int timeout_ms, struct db_conn **ret_conn);
        void (*close)(struct db_conn *conn);
        /* false: the connection is of no more use; db.c closes it and opens another. */
        bool (*alive)(struct db_conn *conn);
        enum err (*begin)(struct db_conn *conn, bool writing);
        /* After a failure db.c calls rollback, which leaves the connection outside a transaction whatever happened. */
        enum err (*commit)(struct db_conn *conn);
        void (*rollback)(struct db_conn *conn);
        /* Nested levels are numbered from 1. `release` fails when the whole transaction is gone (the database undid it,
         * the connection was lost); so does every statement from then on. */
        enum err (*savepoint)(struct db_conn *conn, int level);
        enum err (*release)(struct db_conn *conn, int level);
        void (*rollback_to)(struct db_conn *conn, int level);
        enum err (*exec)(struct db_conn *conn, const char *sql, const struct db_value *params, size_t count,
                         int64_t *ret_changes);
        /* Several statements of a migration file. */
        enum err (*script)(struct db_conn *conn, const char *sql);
        enum err (*select)(struct db_conn *conn, const char *sql, const struct db_value *params, size_t count,
                           void **ret_cursor);
        bool (*next)(void *cursor, enum err *ret_err);
        void (*finish)(void *cursor);
        struct db_value (*column)(void *cursor, int column);
        /* Makes migrations of two processes take turns, until the transaction ends. */
        enum err (*migration_lock)(struct db_conn *conn);
};

extern const struct db_driver db_driver_sqlite;

/* A transaction's body, for db.c and db_migrate.c. */
struct db_tx {
        const struct db_driver *driver;
        struct db_conn *conn;
        struct metric *durations; /* may be NULL */
        int level;                /* of savepoints */
};

#endif
