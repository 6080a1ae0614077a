#include "common/io/db.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/io/db_driver.h"

static const struct db_driver *const drivers[] = {&db_driver_sqlite};

/* A caller of db_write, waiting; lives on its stack. */
struct unit {
        struct unit *next;
        db_work work;
        void *arg;
        enum err err;
        sem_t done; /* not under the queue's lock: all of a group wake at once */
};

struct writer {
        struct db *db;
        pthread_t thread;
        bool started;
        struct db_conn *conn; /* NULL after it was lost */
        struct unit *group[LIMIT_DB_GROUP];
};

struct db {
        const struct db_driver *driver;
        char *url;
        int timeout_ms;
        struct metric *durations;
        struct series *idle_gauge, *busy_gauge;

        pthread_mutex_t lock; /* over the queue, the pool and `closing` */
        pthread_cond_t work_there;
        pthread_cond_t reader_free;
        bool closing;

        struct unit *first, *last;
        size_t queued;
        struct writer *writers;
        size_t writer_count;

        struct db_conn *idle[LIMIT_DB_READERS];
        size_t idle_count;
        size_t reader_count; /* open or being opened */
        size_t reader_max;
};

/* ---- writing: one queue, the writers take groups from it ---- */

static enum err reopen_if_lost(struct writer *writer)
{
        const struct db *db = writer->db;

        if (writer->conn && db->driver->alive(writer->conn))
                return ERR_OK;
        if (writer->conn)
                db->driver->close(TAKE(writer->conn));
        return db->driver->open(db->url, DB_OPEN_WRITER, db->timeout_ms, &writer->conn);
}

/* Fails only when the transaction around it is lost; the unit's own failure is in unit->err, and undone. */
static enum err run_in_savepoint(struct db_tx *tx, struct unit *unit)
{
        enum err err = tx->driver->savepoint(tx->conn, 1);

        if (err)
                return err;
        tx->level = 1;
        unit->err = unit->work(tx, unit->arg);
        tx->level = 0;
        if (unit->err)
                tx->driver->rollback_to(tx->conn, 1);
        return tx->driver->release(tx->conn, 1);
}

/* ERR_OK: done, each unit has its own result. Else nothing of it is done; `ret_redo`: because one unit broke it. */
static enum err run_transaction(struct writer *writer, struct unit **units, size_t count, bool *ret_redo)
{
        const struct db_driver *driver = writer->db->driver;
        struct db_tx tx = {.driver = driver, .durations = writer->db->durations};
        enum err err = reopen_if_lost(writer);

        if (!err)
                err = driver->begin(writer->conn, true);
        if (err) {
                /* an idle connection that was cut is noticed here: nothing has run, so once more on a new one */
                *ret_redo = writer->conn && !driver->alive(writer->conn);
                return err;
        }
        tx.conn = writer->conn;
        if (count == 1) {
                units[0]->err = err = units[0]->work(&tx, units[0]->arg);
                *ret_redo = err && !driver->alive(writer->conn);
        }
        for (size_t i = 0; count > 1 && !err && i < count; i++) {
                err = run_in_savepoint(&tx, units[i]);
                *ret_redo = err != ERR_OK;
        }
        if (!err)
                err = driver->commit(writer->conn);
        if (err)
                driver->rollback(writer->conn);
        return err;
}

static void run_group(struct writer *writer, struct unit **units, size_t count)
{
        bool redo = false;
        enum err err = run_transaction(writer, units, count, &redo);

        if (err && redo && count == 1)
                err = run_transaction(writer, units, count, &redo);
        else if (err && redo) {
                for (size_t i = 0; i < count; i++)
                        run_group(writer, &units[i], 1);
                return;
        }
        for (size_t i = 0; err && i < count; i++)
                units[i]->err = err;
}

static size_t take_group(struct writer *writer)
{
        struct db *db = writer->db;
        size_t count = 0;

        pthread_mutex_lock(&db->lock);
        while (!db->first && !db->closing)
                pthread_cond_wait(&db->work_there, &db->lock);
        while (db->first && count < LIMIT_DB_GROUP) {
                writer->group[count++] = db->first;
                db->first = db->first->next;
        }
        db->queued -= count;
        pthread_mutex_unlock(&db->lock);
        return count;
}

static void *write_loop(void *arg)
{
        struct writer *writer = arg;
        size_t count;

        while ((count = take_group(writer)) > 0) {
                run_group(writer, writer->group, count);
                for (size_t i = 0; i < count; i++)
                        (void)sem_post(&writer->group[i]->done);
        }
        return NULL;
}

enum err db_write(struct db *db, db_work work, void *arg)
{
        struct unit unit = {.work = work, .arg = arg};

        if (sem_init(&unit.done, 0, 0))
                return ERR_INTERNAL;
        pthread_mutex_lock(&db->lock);
        if (db->closing || db->queued >= LIMIT_DB_QUEUE) {
                enum err err = db->closing ? ERR_STOPPING : ERR_FULL;

                pthread_mutex_unlock(&db->lock);
                return err;
        }
        if (db->first)
                db->last->next = &unit;
        else
                db->first = &unit;
        db->last = &unit;
        db->queued++;
        pthread_cond_signal(&db->work_there);
        pthread_mutex_unlock(&db->lock);
        while (sem_wait(&unit.done)) /* a signal's handler ran */
                ;
        sem_destroy(&unit.done);
        return unit.err;
}

/* ---- reading: a pool ---- */

static void show_pool(struct db *db)
{
        if (!db->idle_gauge)
                return;
        series_set(db->idle_gauge, (double)db->idle_count);
        series_set(db->busy_gauge, (double)(db->reader_count - db->idle_count));
}

static void reader_gone(struct db *db)
{
        pthread_mutex_lock(&db->lock);
        db->reader_count--;
        show_pool(db);
        pthread_cond_signal(&db->reader_free);
        pthread_mutex_unlock(&db->lock);
}

static enum err reader_take(struct db *db, struct db_conn **ret_conn)
{
        struct timespec until = clock_mono_in(db->timeout_ms);
        struct db_conn *conn = NULL;
        enum err err = ERR_OK;

        pthread_mutex_lock(&db->lock);
        while (!db->closing && db->idle_count == 0 && db->reader_count == db->reader_max && !err)
                if (pthread_cond_timedwait(&db->reader_free, &db->lock, &until) == ETIMEDOUT)
                        err = ERR_UNAVAILABLE;
        if (db->closing)
                err = ERR_STOPPING;
        else if (db->idle_count > 0) {
                conn = db->idle[--db->idle_count];
                err = ERR_OK;
        } else if (db->reader_count < db->reader_max) {
                db->reader_count++;
                err = ERR_OK;
        }
        show_pool(db);
        pthread_mutex_unlock(&db->lock);
        if (err)
                return err;

        if (!conn && (err = db->driver->open(db->url, DB_OPEN_READER, db->timeout_ms, &conn))) {
                reader_gone(db);
                return err;
        }
        *ret_conn = conn;
        return ERR_OK;
}

static void reader_give(struct db *db, struct db_conn *conn)
{
        if (!db->driver->alive(conn)) {
                db->driver->close(conn);
                reader_gone(db);
                return;
        }
        pthread_mutex_lock(&db->lock);
        db->idle[db->idle_count++] = conn;
        show_pool(db);
        pthread_cond_signal(&db->reader_free);
        pthread_mutex_unlock(&db->lock);
}

static enum err read_once(struct db *db, db_work work, void *arg, bool *ret_lost)
{
        struct db_tx tx = {.driver = db->driver, .durations = db->durations};
        enum err err = reader_take(db, &tx.conn);

        if (err)
                return err;
        err = db->driver->begin(tx.conn, false);
        if (!err)
                err = work(&tx, arg);
        *ret_lost = err && !db->driver->alive(tx.conn);
        db->driver->rollback(tx.conn);
        reader_give(db, tx.conn);
        return err;
}

enum err db_read(struct db *db, db_work work, void *arg)
{
        bool lost = false;
        enum err err = read_once(db, work, arg, &lost);

        if (lost) /* an idle connection that was cut; reading again is harmless */
                return read_once(db, work, arg, &lost);
        return err;
}

static enum err select_one(struct db_tx *tx, void *arg)
{
        static const struct db_query query = {"ping", "SELECT 1"};
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &query, DB_NO_PARAMS, &rows);

        (void)arg;
        while (!err && db_next(&rows, &err))
                ;
        return err;
}

enum err db_ping(struct db *db)
{
        return db_read(db, select_one, NULL);
}

/* ---- inside a unit of work ---- */

enum err db_nested(struct db_tx *tx, db_work work, void *arg)
{
        int level = tx->level + 1;
        enum err err = tx->driver->savepoint(tx->conn, level), release_err;

        if (err)
                return err;
        tx->level = level;
        err = work(tx, arg);
        tx->level = level - 1;
        if (err)
                tx->driver->rollback_to(tx->conn, level);
        release_err = tx->driver->release(tx->conn, level);
        return err ? err : release_err;
}

static void observe(const struct db_tx *tx, const struct db_query *query, int64_t started_ns)
{
        if (tx->durations)
                metric_observe(tx->durations, (double)(clock_mono_ns() - started_ns) / 1e9, query->name);
}

static void tell_failure(const struct db_query *query, enum err err)
{
        if (err != ERR_CONFLICT)
                log_debug(NULL, "db.failed", "a statement failed", LOG_STR("vr.query", query->name), LOG_ERR(err));
}

enum err db_exec(struct db_tx *tx, const struct db_query *query, const struct db_value *params, size_t count,
                 int64_t *ret_changes)
{
        int64_t started_ns = clock_mono_ns(), changes = 0;
        enum err err = count > LIMIT_DB_PARAMS ? ERR_INTERNAL
                                               : tx->driver->exec(tx->conn, query->sql, params, count, &changes);

        observe(tx, query, started_ns);
        if (err) {
                tell_failure(query, err);
                return err;
        }
        if (ret_changes)
                *ret_changes = changes;
        return ERR_OK;
}

enum err db_select(struct db_tx *tx, const struct db_query *query, const struct db_value *params, size_t count,
                   struct db_rows *ret_rows)
{
        struct db_rows rows = {.tx = tx, .query = query, .started_ns = clock_mono_ns()};
        enum err err = count > LIMIT_DB_PARAMS ? ERR_INTERNAL
                                               : tx->driver->select(tx->conn, query->sql, params, count, &rows.cursor);

        if (err) {
                tell_failure(query, err);
                return err;
        }
        *ret_rows = rows;
        return ERR_OK;
}

bool db_next(struct db_rows *rows, enum err *ret_err)
{
        enum err err = ERR_OK;

        if (rows->tx->driver->next(rows->cursor, &err))
                return true;
        if (err) {
                tell_failure(rows->query, err);
                *ret_err = err;
        }
        return false;
}

void db_rows_done(struct db_rows *rows)
{
        if (!rows->cursor)
                return;
        rows->tx->driver->finish(TAKE(rows->cursor));
        observe(rows->tx, rows->query, rows->started_ns);
}

const char *db_text(const struct db_rows *rows, int column)
{
        return rows->tx->driver->column(rows->cursor, column).bytes;
}

int64_t db_int(const struct db_rows *rows, int column)
{
        return rows->tx->driver->column(rows->cursor, column).number;
}

const void *db_blob(const struct db_rows *rows, int column, size_t *ret_length)
{
        struct db_value value = rows->tx->driver->column(rows->cursor, column);

        *ret_length = value.length;
        return value.bytes;
}

bool db_is_null(const struct db_rows *rows, int column)
{
        return rows->tx->driver->column(rows->cursor, column).type == DB_TYPE_NULL;
}

struct db_value db_text_value(const char *text)
{
        return text ? (struct db_value){.type = DB_TYPE_TEXT, .bytes = text, .length = strlen(text)} : db_null_value();
}

struct db_value db_int_value(int64_t number)
{
        return (struct db_value){.type = DB_TYPE_INT, .number = number};
}

struct db_value db_blob_value(const void *bytes, size_t length)
{
        return (struct db_value){.type = DB_TYPE_BLOB, .bytes = bytes, .length = length};
}

struct db_value db_null_value(void)
{
        return (struct db_value){.type = DB_TYPE_NULL};
}

/* ---- opening and closing ---- */

static const struct db_driver *find_driver(const char *url)
{
        for (size_t i = 0; i < ARRAY_LEN(drivers); i++) {
                size_t length = strlen(drivers[i]->scheme);

                if (strncmp(url, drivers[i]->scheme, length) == 0 && url[length] == ':')
                        return drivers[i];
        }
        return NULL;
}

static void init_locks(struct db *db)
{
        pthread_condattr_t attr;

        pthread_mutex_init(&db->lock, NULL);
        pthread_cond_init(&db->work_there, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&db->reader_free, &attr);
        pthread_condattr_destroy(&attr);
}

static void init_metrics(struct db *db, struct metrics *metrics)
{
        struct metric *pool;

        if (!metrics)
                return;
        db->durations = metrics_histogram(metrics, "vr_db_query_duration_seconds", "query",
                                          "Time of database statements, by query.", NULL, 0);
        pool = metrics_gauge(metrics, "vr_db_pool_connections", "state", "Connections of the readers' pool.");
        db->idle_gauge = METRIC_SERIES(pool, "idle");
        db->busy_gauge = METRIC_SERIES(pool, "busy");
}

static enum err start_writers(struct db *db)
{
        db->writer_count = (size_t)db->driver->writers;
        db->writers = calloc(db->writer_count, sizeof(*db->writers));
        if (!db->writers)
                return ERR_NO_MEMORY;
        for (size_t i = 0; i < db->writer_count; i++) {
                struct writer *writer = &db->writers[i];
                enum err err;

                writer->db = db;
                err = db->driver->open(db->url, DB_OPEN_CREATE, db->timeout_ms, &writer->conn);
                if (err)
                        return err;
                if (pthread_create(&writer->thread, NULL, write_loop, writer))
                        return ERR_NO_MEMORY;
                writer->started = true;
        }
        return ERR_OK;
}

enum err db_open(const struct db_config *config, struct db **ret_db)
{
        const struct db_driver *driver = find_driver(config->url);
        struct db *db;
        enum err err;

        if (!driver || config->readers > LIMIT_DB_READERS)
                return ERR_INVALID;
        db = calloc(1, sizeof(*db));
        if (!db)
                return ERR_NO_MEMORY;
        init_locks(db);
        db->driver = driver;
        db->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : 1000;
        db->reader_max = config->readers > 0 ? (size_t)config->readers : 1;
        db->url = strdup(config->url);
        err = db->url ? start_writers(db) : ERR_NO_MEMORY;
        if (err) {
                db_close(db);
                return err;
        }
        init_metrics(db, config->metrics);
        *ret_db = db;
        return ERR_OK;
}

void db_close(struct db *db)
{
        if (!db)
                return;
        pthread_mutex_lock(&db->lock);
        db->closing = true;
        pthread_cond_broadcast(&db->work_there);
        pthread_cond_broadcast(&db->reader_free);
        pthread_mutex_unlock(&db->lock);

        for (size_t i = 0; i < db->writer_count && db->writers; i++)
                if (db->writers[i].started)
                        pthread_join(db->writers[i].thread, NULL);
        for (size_t i = 0; i < db->idle_count; i++)
                db->driver->close(db->idle[i]);
        for (size_t i = 0; i < db->writer_count && db->writers; i++)
                if (db->writers[i].conn)
                        db->driver->close(db->writers[i].conn);
        free(db->writers);
        pthread_cond_destroy(&db->work_there);
        pthread_cond_destroy(&db->reader_free);
        pthread_mutex_destroy(&db->lock);
        free(db->url);
        free(db);
}
