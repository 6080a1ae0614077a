/*
 * SQLite, as robustness.md §1 wants it: WAL, synchronous=FULL, no mmap, one writer connection per process. Another
 * process (the administrators' command line) may write to the same file, so everything that writes or checkpoints
 * happens under flock on `<path>.lock`: SQLite before 3.51.3 can corrupt the log when two connections do so at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/io/db_driver.h"

#define STEPS_BETWEEN_LOOKS 10000    /* of SQLite's machine, between looks at the clock */
#define CHECKPOINT_PAGES    "4000"   /* 16 MB: what changes often is copied once, not with every few commits */
#define WRITER_CACHE        "-16000" /* KB, negative: the indexes by random identifiers touch pages all over */
#define LOOK_AGAIN_MS       100
#define WAL_KEPT_BYTES      "67108864"

struct statement {
        const char *sql; /* its address is the key */
        sqlite3_stmt *handle;
        uint64_t used; /* when, counted in uses */
        bool busy;     /* a cursor is open on it */
};

struct db_conn {
        sqlite3 *handle;
        char path[PATH_MAX];
        int timeout_ms;
        int lock_fd; /* of the writer; -1 for readers */
        bool locked;
        bool in_transaction; /* as we see it; SQLite may have undone it by itself */
        bool broken;
        dev_t device;
        ino_t inode;
        int64_t looked_ms;   /* when it was seen to be there */
        int64_t deadline_ms; /* of the running step */
        struct statement statements[LIMIT_DB_STATEMENTS];
        size_t statement_count;
        uint64_t uses;
};

struct cursor {
        struct db_conn *conn;
        struct statement *kept; /* NULL: the handle is the cursor's own */
        sqlite3_stmt *handle;
};

/* ---- errors ---- */

/* What was written before a failed fsync may or may not be there, and the kernel forgets that it failed: only a new
 * process, reading the log from the disk, knows. */
static _Noreturn void die_of_fsync(const char *path)
{
        log_error(NULL, "db.fsync_failed", "the disk refused to make data durable, the process ends",
                  LOG_STR("file.path", path));
        _exit(EXIT_FAILURE);
}

static enum err map_constraint(int code)
{
        switch (code) {
        case SQLITE_CONSTRAINT_UNIQUE:
        case SQLITE_CONSTRAINT_PRIMARYKEY:
        case SQLITE_CONSTRAINT_ROWID:
                return ERR_CONFLICT;
        default:
                return ERR_INTERNAL;
        }
}

static enum err map_code(int code)
{
        switch (code & 0xFF) {
        case SQLITE_CONSTRAINT:
                return map_constraint(code);
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_PROTOCOL:
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_IOERR:
                return ERR_UNAVAILABLE;
        case SQLITE_FULL:
                return ERR_FULL;
        case SQLITE_NOMEM:
                return ERR_NO_MEMORY;
        case SQLITE_INTERRUPT:
                return ERR_TIMEOUT;
        case SQLITE_TOOBIG:
                return ERR_TOO_LARGE;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                return ERR_CORRUPT;
        default:
                return ERR_INTERNAL;
        }
}

static enum err failed(struct db_conn *conn, int code)
{
        enum err err = map_code(code);

        if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC)
                die_of_fsync(conn->path);
        switch (code & 0xFF) {
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                conn->broken = true;
        }
        if (err != ERR_CONFLICT)
                log_debug(NULL, "db.sqlite", "SQLite refused", LOG_INT("vr.sqlite_code", code),
                          LOG_DETAIL(conn->handle ? sqlite3_errmsg(conn->handle) : "no connection"));
        return err;
}

/* A full disk, among others, makes SQLite undo the whole transaction: what follows must not run outside it. */
static enum err still_inside(const struct db_conn *conn)
{
        return conn->in_transaction && !sqlite3_get_autocommit(conn->handle) ? ERR_OK : ERR_UNAVAILABLE;
}

/* ---- the lock between processes ---- */

static void unlock(struct db_conn *conn)
{
        if (conn->locked)
                (void)flock(conn->lock_fd, LOCK_UN);
        conn->locked = false;
}

/* Asked for again and again rather than waited for: a stopped process that holds it must not stop us for ever. */
static enum err lock(struct db_conn *conn)
{
        int64_t until_ms = clock_mono_ms() + conn->timeout_ms;
        struct timespec pause = {.tv_nsec = 500000};

        while (flock(conn->lock_fd, LOCK_EX | LOCK_NB)) {
                if ((errno != EWOULDBLOCK && errno != EINTR) || clock_mono_ms() >= until_ms)
                        return ERR_UNAVAILABLE;
                nanosleep(&pause, NULL);
        }
        conn->locked = true;
        return ERR_OK;
}

/* ---- statements ---- */

static int past_deadline(void *arg)
{
        const struct db_conn *conn = arg;

        return clock_mono_ms() > conn->deadline_ms;
}

static int step(struct db_conn *conn, sqlite3_stmt *handle)
{
        conn->deadline_ms = clock_mono_ms() + conn->timeout_ms;
        return sqlite3_step(handle);
}

/* A script, prepared each time. */
static enum err run(struct db_conn *conn, const char *sql)
{
        int code;

        conn->deadline_ms = clock_mono_ms() + conn->timeout_ms;
        code = sqlite3_exec(conn->handle, sql, NULL, NULL, NULL);
        return code == SQLITE_OK ? ERR_OK : failed(conn, code);
}

static struct statement *free_slot(struct db_conn *conn)
{
        struct statement *oldest = NULL;

        if (conn->statement_count < LIMIT_DB_STATEMENTS)
                return &conn->statements[conn->statement_count++];
        for (size_t i = 0; i < conn->statement_count; i++)
                if (!conn->statements[i].busy && (!oldest || conn->statements[i].used < oldest->used))
                        oldest = &conn->statements[i];
        if (oldest)
                sqlite3_finalize(oldest->handle);
        return oldest;
}

/* `ret_kept` is NULL when the handle has to be finalised after use: the kept one is in use, or all are. */
static enum err prepare(struct db_conn *conn, const char *sql, sqlite3_stmt **ret_handle, struct statement **ret_kept)
{
        struct statement *kept = NULL;
        sqlite3_stmt *handle = NULL;
        bool twice = false;
        int code;

        for (size_t i = 0; i < conn->statement_count; i++) {
                struct statement *one = &conn->statements[i];

                if (one->sql != sql || strcmp(sqlite3_sql(one->handle), sql) != 0)
                        continue;
                twice = one->busy;
                if (twice)
                        break;
                one->used = ++conn->uses;
                *ret_handle = one->handle;
                *ret_kept = one;
                return ERR_OK;
        }
        conn->deadline_ms = clock_mono_ms() + conn->timeout_ms; /* newer ones look at the clock here too */
        code = sqlite3_prepare_v3(conn->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, NULL);
        if (code != SQLITE_OK)
                return failed(conn, code);
        if (!handle) /* nothing but a comment */
                return ERR_INTERNAL;
        if (!twice && (kept = free_slot(conn)))
                *kept = (struct statement){.sql = sql, .handle = handle, .used = ++conn->uses};
        *ret_handle = handle;
        *ret_kept = kept;
        return ERR_OK;
}

static void done_with(sqlite3_stmt *handle, struct statement *kept)
{
        if (!kept) {
                sqlite3_finalize(handle);
                return;
        }
        sqlite3_reset(handle);
        sqlite3_clear_bindings(handle);
        kept->busy = false;
}

/* One statement without parameters or rows, kept prepared: `sql` is a literal. Parsing is most of a BEGIN's cost. */
static enum err run_kept(struct db_conn *conn, const char *sql)
{
        struct statement *kept = NULL;
        sqlite3_stmt *handle = NULL;
        enum err err = prepare(conn, sql, &handle, &kept);
        int code;

        if (err)
                return err;
        code = step(conn, handle);
        if (code != SQLITE_DONE)
                err = failed(conn, code);
        done_with(handle, kept);
        return err;
}

static int bind_one(sqlite3_stmt *handle, int index, const struct db_value *value, sqlite3_destructor_type life)
{
        switch (value->type) {
        case DB_TYPE_NULL:
                return sqlite3_bind_null(handle, index);
        case DB_TYPE_INT:
                return sqlite3_bind_int64(handle, index, value->number);
        case DB_TYPE_TEXT:
                return sqlite3_bind_text64(handle, index, value->bytes, value->length, life, SQLITE_UTF8);
        case DB_TYPE_BLOB: /* a NULL pointer would bind null */
                return value->length == 0 ? sqlite3_bind_zeroblob(handle, index, 0)
                                          : sqlite3_bind_blob64(handle, index, value->bytes, value->length, life);
        }
        return SQLITE_MISUSE;
}

/* Most statements name their parameters in order: then no search by name is needed. */
static int index_of(sqlite3_stmt *handle, size_t number)
{
        const char *name = sqlite3_bind_parameter_name(handle, (int)number);
        char wanted[24];

        if (number < 10 && name && name[0] == '$' && name[1] == (char)('0' + number) && name[2] == '\0')
                return (int)number;
        (void)snprintf(wanted, sizeof(wanted), "$%zu", number);
        return sqlite3_bind_parameter_index(handle, wanted);
}

/* To SQLite `$1` is a name, and PostgreSQL insists that each is there: so do we. */
static enum err bind(struct db_conn *conn, sqlite3_stmt *handle, const struct db_value *params, size_t count,
                     sqlite3_destructor_type life)
{
        if ((size_t)sqlite3_bind_parameter_count(handle) != count)
                return ERR_INTERNAL;
        for (size_t i = 0; i < count; i++) {
                int index = index_of(handle, i + 1), code;

                if (index == 0)
                        return ERR_INTERNAL;
                code = bind_one(handle, index, &params[i], life);
                if (code != SQLITE_OK)
                        return failed(conn, code);
        }
        return ERR_OK;
}

static enum err sqlite_exec(struct db_conn *conn, const char *sql, const struct db_value *params, size_t count,
                            int64_t *ret_changes)
{
        struct statement *kept = NULL;
        sqlite3_stmt *handle = NULL;
        enum err err = still_inside(conn);
        int code;

        if (!err)
                err = prepare(conn, sql, &handle, &kept);
        if (err)
                return err;
        err = bind(conn, handle, params, count, SQLITE_STATIC);
        if (!err) {
                do
                        code = step(conn, handle);
                while (code == SQLITE_ROW);
                if (code != SQLITE_DONE)
                        err = failed(conn, code);
                else /* a statement that only reads leaves the count of the one before */
                        *ret_changes = sqlite3_stmt_readonly(handle) ? 0 : sqlite3_changes64(conn->handle);
        }
        done_with(handle, kept);
        return err;
}

static enum err sqlite_script(struct db_conn *conn, const char *sql)
{
        enum err err = still_inside(conn);

        if (!err)
                err = run(conn, sql);
        return err ? err : still_inside(conn); /* a script must not end the transaction it runs in */
}

static enum err sqlite_select(struct db_conn *conn, const char *sql, const struct db_value *params, size_t count,
                              void **ret_cursor)
{
        struct cursor *cursor;
        enum err err = still_inside(conn);

        if (err)
                return err;
        cursor = calloc(1, sizeof(*cursor));
        if (!cursor)
                return ERR_NO_MEMORY;
        cursor->conn = conn;
        err = prepare(conn, sql, &cursor->handle, &cursor->kept);
        if (err) {
                free(cursor);
                return err;
        }
        if (cursor->kept)
                cursor->kept->busy = true;
        err = bind(conn, cursor->handle, params, count, SQLITE_TRANSIENT);
        if (err) {
                done_with(cursor->handle, cursor->kept);
                free(cursor);
                return err;
        }
        *ret_cursor = cursor;
        return ERR_OK;
}

static bool sqlite_next(void *arg, enum err *ret_err)
{
        struct cursor *cursor = arg;
        enum err err = still_inside(cursor->conn);
        int code;

        if (err) {
                *ret_err = err;
                return false;
        }
        code = step(cursor->conn, cursor->handle);
        if (code == SQLITE_ROW)
                return true;
        if (code != SQLITE_DONE)
                *ret_err = failed(cursor->conn, code);
        return false;
}

static void sqlite_finish(void *arg)
{
        struct cursor *cursor = arg;

        done_with(cursor->handle, cursor->kept);
        free(cursor);
}

static struct db_value sqlite_column(void *arg, int column)
{
        const struct cursor *cursor = arg;
        sqlite3_stmt *handle = cursor->handle;

        switch (sqlite3_column_type(handle, column)) {
        case SQLITE_INTEGER:
        case SQLITE_FLOAT:
                return db_int_value(sqlite3_column_int64(handle, column));
        case SQLITE_TEXT: {
                const unsigned char *text = sqlite3_column_text(handle, column);

                return (struct db_value){.type = DB_TYPE_TEXT,
                                         .bytes = text ? (const char *)text : "",
                                         .length = (size_t)sqlite3_column_bytes(handle, column)};
        }
        case SQLITE_BLOB: {
                const void *bytes = sqlite3_column_blob(handle, column);

                return db_blob_value(bytes ? bytes : "", (size_t)sqlite3_column_bytes(handle, column));
        }
        default:
                return db_null_value();
        }
}

/* ---- transactions ---- */

/* A database that was moved away or deleted would take our writes and lose them; what is read may be a moment older. */
static enum err still_there(struct db_conn *conn, bool writing)
{
        int64_t now_ms = clock_mono_ms();
        struct stat now;

        if (!writing && now_ms < conn->looked_ms + LOOK_AGAIN_MS)
                return ERR_OK;
        conn->looked_ms = now_ms;
        if (stat(conn->path, &now) == 0 && now.st_dev == conn->device && now.st_ino == conn->inode)
                return ERR_OK;
        conn->broken = true;
        return ERR_CORRUPT;
}

static enum err sqlite_begin(struct db_conn *conn, bool writing)
{
        enum err err = still_there(conn, writing);

        if (!err && writing)
                err = lock(conn);
        if (!err)
                err = run_kept(conn, writing ? "BEGIN IMMEDIATE" : "BEGIN");
        if (err) {
                unlock(conn);
                return err;
        }
        conn->in_transaction = true;
        return ERR_OK;
}

static enum err sqlite_commit(struct db_conn *conn)
{
        enum err err = still_inside(conn);

        if (!err)
                err = run_kept(conn, "COMMIT");
        if (err)
                return err;
        conn->in_transaction = false;
        unlock(conn);
        return ERR_OK;
}

static void sqlite_rollback(struct db_conn *conn)
{
        if (!sqlite3_get_autocommit(conn->handle) && run_kept(conn, "ROLLBACK"))
                conn->broken = true;
        conn->in_transaction = false;
        unlock(conn);
}

/* The first level is one of each unit in a group: kept prepared. */
static enum err at_savepoint(struct db_conn *conn, const char *verb, int level, const char *first)
{
        char sql[48];
        enum err err = still_inside(conn);

        if (err)
                return err;
        if (level == 1)
                return run_kept(conn, first);
        (void)snprintf(sql, sizeof(sql), "%s vr_%d", verb, level);
        return run(conn, sql);
}

static enum err sqlite_savepoint(struct db_conn *conn, int level)
{
        return at_savepoint(conn, "SAVEPOINT", level, "SAVEPOINT vr_1");
}

static enum err sqlite_release(struct db_conn *conn, int level)
{
        return at_savepoint(conn, "RELEASE", level, "RELEASE vr_1");
}

static void sqlite_rollback_to(struct db_conn *conn, int level)
{
        enum err err = at_savepoint(conn, "ROLLBACK TO", level, "ROLLBACK TO vr_1");

        /* the transaction is gone or must go: `release` then fails */
        if (err && !sqlite3_get_autocommit(conn->handle))
                conn->in_transaction = false;
}

/* The lock between processes is held since `begin`. */
static enum err sqlite_migration_lock(struct db_conn *conn)
{
        return still_inside(conn);
}

/* ---- connections ---- */

static bool sqlite_alive(struct db_conn *conn)
{
        return !conn->broken;
}

static void sqlite_close(struct db_conn *conn)
{
        /* the last connection to close moves the log into the file: under the lock, or not at all */
        if (conn->handle && (conn->lock_fd < 0 || conn->broken || lock(conn)))
                (void)sqlite3_db_config(conn->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        for (size_t i = 0; i < conn->statement_count; i++)
                sqlite3_finalize(conn->statements[i].handle);
        (void)sqlite3_close_v2(conn->handle);
        if (conn->lock_fd >= 0) {
                unlock(conn);
                close(conn->lock_fd);
        }
        free(conn);
}

static enum err path_of(const char *url, char path[PATH_MAX])
{
        const char *text = url + strlen("sqlite:");

        if (str_starts_with(text, "//"))
                text += 2;
        if (text[0] == '\0' || strlen(text) > PATH_MAX - sizeof(".lock"))
                return ERR_INVALID;
        (void)snprintf(path, PATH_MAX, "%s", text);
        return ERR_OK;
}

static enum err make_folders(const char *path)
{
        char folder[PATH_MAX];

        (void)snprintf(folder, sizeof(folder), "%s", path);
        for (char *at = strchr(folder + 1, '/'); at; at = strchr(at + 1, '/')) {
                *at = '\0';
                if (mkdir(folder, 0700) && errno != EEXIST)
                        return ERR_UNAVAILABLE;
                *at = '/';
        }
        return ERR_OK;
}

/* SQLite gives its other files the mode of this one. */
static enum err make_file(const char *path, const char *lock_path)
{
        int fd;

        if (access(path, F_OK) == 0)
                return ERR_OK;
        if (access(lock_path, F_OK) == 0) {
                log_debug(NULL, "db.missing", "the lock file is there, but not the database it belongs to",
                          LOG_STR("file.path", path));
                return ERR_CORRUPT; /* it was there once: an empty one in its place would hide a loss */
        }
        if (make_folders(path))
                return ERR_UNAVAILABLE;
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return errno == ENOSPC ? ERR_FULL : ERR_UNAVAILABLE;
        close(fd);
        return ERR_OK;
}

static enum err open_lock(struct db_conn *conn, bool create)
{
        char lock_path[PATH_MAX + 8];
        enum err err;

        (void)snprintf(lock_path, sizeof(lock_path), "%s.lock", conn->path);
        err = create ? make_file(conn->path, lock_path) : ERR_OK;
        if (err)
                return err;
        conn->lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (conn->lock_fd < 0)
                return errno == ENOSPC ? ERR_FULL : ERR_UNAVAILABLE;
        return lock(conn);
}

/* Nobody reads SQLite's own count of its memory, and keeping it takes a lock of the whole process per allocation. */
static void set_up_library(void)
{
        (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* refused once the library runs: then it only is slower */
}

static enum err open_handle(struct db_conn *conn, bool writer)
{
        int code = sqlite3_open_v2(conn->path, &conn->handle,
                                   (writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX |
                                           SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE,
                                   NULL);
        struct stat now;
        enum err err = ERR_OK;

        if (code != SQLITE_OK)
                return failed(conn, code);
        if (stat(conn->path, &now))
                return ERR_UNAVAILABLE;
        conn->device = now.st_dev;
        conn->inode = now.st_ino;
        (void)sqlite3_busy_timeout(conn->handle, conn->timeout_ms);
        (void)sqlite3_db_config(conn->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        sqlite3_progress_handler(conn->handle, STEPS_BETWEEN_LOOKS, past_deadline, conn);
        if (writer)
                err = run(conn, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                                "PRAGMA wal_autocheckpoint=" CHECKPOINT_PAGES
                                "; PRAGMA journal_size_limit=" WAL_KEPT_BYTES "; PRAGMA cache_size=" WRITER_CACHE
                                /* reads, so that the log is open, and the file known to be a database */
                                "; SELECT COUNT(*) FROM sqlite_schema");
        return err ? err : run(conn, "PRAGMA mmap_size=0; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY");
}

static enum err sqlite_open(const char *url, enum db_open_mode mode, int timeout_ms, struct db_conn **ret_conn)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        struct db_conn *conn = calloc(1, sizeof(*conn));
        enum err err;

        if (!conn)
                return ERR_NO_MEMORY;
        pthread_once(&once, set_up_library);
        conn->lock_fd = -1;
        conn->timeout_ms = timeout_ms;
        err = path_of(url, conn->path);
        if (!err && mode != DB_OPEN_READER)
                err = open_lock(conn, mode == DB_OPEN_CREATE);
        if (!err)
                err = open_handle(conn, mode != DB_OPEN_READER);
        unlock(conn);
        if (err) {
                conn->broken = true;
                sqlite_close(conn);
                return err;
        }
        *ret_conn = conn;
        return ERR_OK;
}

const struct db_driver db_driver_sqlite = {
        .scheme = "sqlite",
        .writers = 1,
        .open = sqlite_open,
        .close = sqlite_close,
        .alive = sqlite_alive,
        .begin = sqlite_begin,
        .commit = sqlite_commit,
        .rollback = sqlite_rollback,
        .savepoint = sqlite_savepoint,
        .release = sqlite_release,
        .rollback_to = sqlite_rollback_to,
        .exec = sqlite_exec,
        .script = sqlite_script,
        .select = sqlite_select,
        .next = sqlite_next,
        .finish = sqlite_finish,
        .column = sqlite_column,
        .migration_lock = sqlite_migration_lock,
};
