/* On real SQLite files in a temporary folder. */
#include "common/io/db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "tests/support/unit.h"

#define FOLDER_MAX 64
#define ID(text)   ((char[]){text})

struct place {
        char folder[FOLDER_MAX];
        char path[FOLDER_MAX + 32];
        char url[FOLDER_MAX + 48];
        struct db *db;
};

static const struct db_query create_note = {
        "create_note", "CREATE TABLE note (id TEXT PRIMARY KEY, body BYTEA, size BIGINT NOT NULL DEFAULT 0)"};
static const struct db_query insert_note = {"insert_note", "INSERT INTO note (id, body, size) VALUES ($1, $2, $3)"};
static const struct db_query select_note = {"select_note", "SELECT id, body, size FROM note WHERE id = $1"};
static const struct db_query count_notes = {"count_notes", "SELECT COUNT(*) FROM note"};

/* The next fdatasync fails; SQLite calls ours, for the executable's symbols come first. */
static atomic_bool disk_broken;

int fdatasync(int fd)
{
        if (atomic_load(&disk_broken)) {
                errno = EIO;
                return -1;
        }
        return fsync(fd);
}

static void place_make(struct place *place)
{
        *place = (struct place){0};
        (void)snprintf(place->folder, sizeof(place->folder), "/tmp/vr-db-test-XXXXXX");
        if (!mkdtemp(place->folder))
                abort();
        (void)snprintf(place->path, sizeof(place->path), "%s/data/x.db", place->folder);
        (void)snprintf(place->url, sizeof(place->url), "sqlite:%s", place->path);
}

static enum err place_open(struct place *place)
{
        return db_open(&(struct db_config){.url = place->url, .readers = 2, .timeout_ms = 300}, &place->db);
}

static void place_done(struct place *place)
{
        static const char *const names[] = {"", "-wal", "-shm", ".lock", ".away"};
        char file[FOLDER_MAX + 48];

        db_close(place->db);
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                (void)snprintf(file, sizeof(file), "%s%s", place->path, names[i]);
                (void)unlink(file);
        }
        (void)snprintf(file, sizeof(file), "%s/data", place->folder);
        (void)rmdir(file);
        CHECK_INT(rmdir(place->folder), 0);
}

static enum err make_table(struct db_tx *tx, void *arg)
{
        (void)arg;
        return db_exec(tx, &create_note, DB_NO_PARAMS, NULL);
}

static void place_with_notes(struct place *place)
{
        place_make(place);
        CHECK_INT(place_open(place), ERR_OK);
        CHECK_INT(db_write(place->db, make_table, NULL), ERR_OK);
}

static enum err add_note(struct db_tx *tx, void *id)
{
        return db_exec(tx, &insert_note, DB_PARAMS(DB_TEXT(id), DB_NULL, DB_INT(1)), NULL);
}

static enum err count(struct db_tx *tx, void *arg)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &count_notes, DB_NO_PARAMS, &rows);

        while (!err && db_next(&rows, &err))
                *(int64_t *)arg = db_int(&rows, 0);
        return err;
}

static int64_t notes(struct db *db)
{
        int64_t found = -1;

        CHECK_INT(db_read(db, count, &found), ERR_OK);
        return found;
}

/* ---- values ---- */

static enum err add_full_note(struct db_tx *tx, void *arg)
{
        int64_t changes = 0;
        enum err err = db_exec(tx, &insert_note, DB_PARAMS(DB_TEXT("é"), DB_BLOB("a\0b", 3), DB_INT(-9007199254740993)),
                               &changes);

        (void)arg;
        CHECK_INT(changes, 1);
        if (!err)
                err = db_exec(tx, &insert_note, DB_PARAMS(DB_TEXT("empty"), DB_BLOB(NULL, 0), DB_INT(0)), NULL);
        return err;
}

static enum err look_at_notes(struct db_tx *tx, void *arg)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        AUTO(db_rows_done) struct db_rows empty = {0};
        enum err err = db_select(tx, &select_note, DB_PARAMS(DB_TEXT("é")), &rows);
        size_t length = 0;

        (void)arg;
        CHECK(!err && db_next(&rows, &err));
        CHECK_TEXT(db_text(&rows, 0), "é");
        CHECK(memcmp(db_blob(&rows, 1, &length), "a\0b", 3) == 0);
        CHECK_INT(length, 3);
        CHECK_INT(db_int(&rows, 2), -9007199254740993);

        /* the same statement, while the first is open */
        err = db_select(tx, &select_note, DB_PARAMS(DB_TEXT("empty")), &empty);
        CHECK(!err && db_next(&empty, &err));
        CHECK(!db_is_null(&empty, 1));
        CHECK(!db_next(&empty, &err));
        CHECK_TEXT(db_text(&rows, 0), "é");
        CHECK(!db_next(&rows, &err));
        return err;
}

static void values_come_back_as_they_went(void)
{
        struct place place;

        place_with_notes(&place);
        CHECK_INT(db_write(place.db, add_full_note, NULL), ERR_OK);
        CHECK_INT(db_read(place.db, look_at_notes, NULL), ERR_OK);
        place_done(&place);
}

static enum err too_few_params(struct db_tx *tx, void *arg)
{
        (void)arg;
        return db_exec(tx, &insert_note, DB_PARAMS(DB_TEXT("x")), NULL);
}

static enum err params_out_of_order(struct db_tx *tx, void *arg)
{
        static const struct db_query query = {"x", "INSERT INTO note (size, id) VALUES ($2, $1)"};

        (void)arg;
        return db_exec(tx, &query, DB_PARAMS(DB_TEXT("named"), DB_INT(7)), NULL);
}

static enum err write_as_reader(struct db_tx *tx, void *arg)
{
        return add_note(tx, arg);
}

static void statements_are_checked(void)
{
        struct place place;

        place_with_notes(&place);
        CHECK_INT(db_write(place.db, too_few_params, NULL), ERR_INTERNAL);
        CHECK_INT(db_write(place.db, params_out_of_order, NULL), ERR_OK);
        CHECK_INT(db_write(place.db, add_note, ID("named")), ERR_CONFLICT);
        CHECK_INT(db_read(place.db, write_as_reader, ID("r")), ERR_UNAVAILABLE);
        CHECK_INT(notes(place.db), 1);
        CHECK_INT(db_ping(place.db), ERR_OK);
        place_done(&place);
}

static enum err endless(struct db_tx *tx, void *arg)
{
        static const struct db_query query = {
                "endless", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n"};
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &query, DB_NO_PARAMS, &rows);

        (void)arg;
        while (!err && db_next(&rows, &err))
                ;
        return err;
}

static void a_statement_has_a_time_limit(void)
{
        struct place place;

        place_with_notes(&place);
        CHECK_INT(db_read(place.db, endless, NULL), ERR_TIMEOUT);
        CHECK_INT(notes(place.db), 0);
        CHECK_INT(db_write(place.db, endless, NULL), ERR_TIMEOUT);
        CHECK_INT(db_write(place.db, add_note, ID("after")), ERR_OK);
        place_done(&place);
}

/* ---- transactions ---- */

static enum err add_then_fail(struct db_tx *tx, void *id)
{
        enum err err = add_note(tx, id);

        return err ? err : ERR_INVALID;
}

static enum err nested(struct db_tx *tx, void *arg)
{
        (void)arg;
        CHECK_INT(db_nested(tx, add_note, ID("kept")), ERR_OK);
        CHECK_INT(db_nested(tx, add_note, ID("kept")), ERR_CONFLICT);
        CHECK_INT(db_nested(tx, add_then_fail, ID("undone")), ERR_INVALID);
        return add_note(tx, ID("kept too"));
}

static void a_failing_part_is_undone_alone(void)
{
        struct place place;

        place_with_notes(&place);
        CHECK_INT(db_write(place.db, add_then_fail, ID("alone")), ERR_INVALID);
        CHECK_INT(notes(place.db), 0);
        CHECK_INT(db_write(place.db, nested, NULL), ERR_OK);
        CHECK_INT(notes(place.db), 2);
        place_done(&place);
}

struct crowd {
        struct place place;
        atomic_int ready; /* the gate is shut until the first unit has been seen running */
        atomic_int groups;
        pthread_mutex_t gate;
};

struct member {
        struct crowd *crowd;
        char id[16];
        bool fails;
        enum err err;
        pthread_t thread;
};

static enum err wait_at_gate(struct db_tx *tx, void *arg)
{
        struct crowd *crowd = arg;

        (void)tx;
        atomic_store(&crowd->ready, 1);
        pthread_mutex_lock(&crowd->gate);
        pthread_mutex_unlock(&crowd->gate);
        return ERR_OK;
}

static void *hold_the_writer(void *arg)
{
        struct crowd *crowd = arg;

        CHECK_INT(db_write(crowd->place.db, wait_at_gate, crowd), ERR_OK);
        return NULL;
}

static enum err be_member(struct db_tx *tx, void *arg)
{
        struct member *member = arg;

        return member->fails ? add_then_fail(tx, member->id) : add_note(tx, member->id);
}

static void *join_in(void *arg)
{
        struct member *member = arg;

        atomic_fetch_add(&member->crowd->ready, 1);
        member->err = db_write(member->crowd->place.db, be_member, member);
        return NULL;
}

static void units_that_wait_share_a_commit_not_their_failures(void)
{
        enum { MEMBERS = 40 };
        struct crowd crowd = {.gate = PTHREAD_MUTEX_INITIALIZER};
        struct member members[MEMBERS] = {0};
        pthread_t holder;

        place_with_notes(&crowd.place);
        pthread_mutex_lock(&crowd.gate);
        CHECK_INT(pthread_create(&holder, NULL, hold_the_writer, &crowd), 0);
        while (atomic_load(&crowd.ready) < 1)
                sched_yield();
        for (int i = 0; i < MEMBERS; i++) {
                members[i].crowd = &crowd;
                members[i].fails = i % 4 == 0;
                (void)snprintf(members[i].id, sizeof(members[i].id), "m%d", i);
                CHECK_INT(pthread_create(&members[i].thread, NULL, join_in, &members[i]), 0);
        }
        while (atomic_load(&crowd.ready) < 1 + MEMBERS)
                sched_yield();
        pthread_mutex_unlock(&crowd.gate);
        for (int i = 0; i < MEMBERS; i++) {
                CHECK_INT(pthread_join(members[i].thread, NULL), 0);
                CHECK_INT(members[i].err, members[i].fails ? ERR_INVALID : ERR_OK);
        }
        CHECK_INT(pthread_join(holder, NULL), 0);
        CHECK_INT(notes(crowd.place.db), MEMBERS - MEMBERS / 4);
        place_done(&crowd.place);
}

static enum err cap_pages(struct db_tx *tx, void *arg)
{
        static const struct db_query cap = {"cap", "PRAGMA max_page_count = 8"};

        (void)arg;
        return db_exec(tx, &cap, DB_NO_PARAMS, NULL);
}

/* Fills the disk, and pretends that nothing happened. */
static enum err fill(struct db_tx *tx, void *arg)
{
        static const struct db_query query = {"fill", "INSERT INTO note (id, body) VALUES ('big', zeroblob(1000000))"};
        enum err err = db_exec(tx, &query, DB_NO_PARAMS, NULL);

        CHECK_INT(err, ERR_FULL);
        if (arg)
                return err;
        err = add_note(tx, ID("outside")); /* must not slip in outside a transaction */
        CHECK(err != ERR_OK);
        return ERR_OK;
}

struct filler {
        struct crowd *crowd;
        enum err err;
};

static void *fill_up(void *arg)
{
        struct filler *filler = arg;

        atomic_fetch_add(&filler->crowd->ready, 1);
        filler->err = db_write(filler->crowd->place.db, fill, filler);
        return NULL;
}

static void a_full_disk_is_said_and_undoes_only_its_unit(void)
{
        struct crowd crowd = {.gate = PTHREAD_MUTEX_INITIALIZER};
        struct member members[3] = {{.id = "a"}, {.id = "b"}, {.id = "c"}};
        struct filler filler = {.crowd = &crowd};
        pthread_t holder, filling;

        place_with_notes(&crowd.place);
        CHECK_INT(db_write(crowd.place.db, cap_pages, NULL), ERR_OK);
        CHECK_INT(db_write(crowd.place.db, fill, &crowd), ERR_FULL);
        CHECK(db_write(crowd.place.db, fill, NULL) != ERR_OK);
        CHECK_INT(notes(crowd.place.db), 0);

        pthread_mutex_lock(&crowd.gate);
        CHECK_INT(pthread_create(&holder, NULL, hold_the_writer, &crowd), 0);
        while (atomic_load(&crowd.ready) < 1)
                sched_yield();
        CHECK_INT(pthread_create(&filling, NULL, fill_up, &filler), 0);
        for (size_t i = 0; i < ARRAY_LEN(members); i++) {
                members[i].crowd = &crowd;
                CHECK_INT(pthread_create(&members[i].thread, NULL, join_in, &members[i]), 0);
        }
        while (atomic_load(&crowd.ready) < 5)
                sched_yield();
        pthread_mutex_unlock(&crowd.gate);
        for (size_t i = 0; i < ARRAY_LEN(members); i++) {
                CHECK_INT(pthread_join(members[i].thread, NULL), 0);
                CHECK_INT(members[i].err, ERR_OK);
        }
        CHECK_INT(pthread_join(filling, NULL), 0);
        CHECK_INT(filler.err, ERR_FULL);
        CHECK_INT(pthread_join(holder, NULL), 0);
        CHECK_INT(notes(crowd.place.db), 3);
        place_done(&crowd.place);
}

/* ---- files, processes ---- */

static int mode_of(const char *path, const char *suffix)
{
        char file[FOLDER_MAX + 48];
        struct stat found;

        (void)snprintf(file, sizeof(file), "%s%s", path, suffix);
        return stat(file, &found) ? -1 : (int)(found.st_mode & 0777);
}

static void files_are_private(void)
{
        struct place place;
        char folder[FOLDER_MAX + 8];

        place_with_notes(&place);
        (void)snprintf(folder, sizeof(folder), "%s/data", place.folder);
        CHECK_INT(mode_of(folder, ""), 0700);
        CHECK_INT(mode_of(place.path, ""), 0600);
        CHECK_INT(mode_of(place.path, "-wal"), 0600);
        CHECK_INT(mode_of(place.path, ".lock"), 0600);
        place_done(&place);
}

static void closing_empties_the_log(void)
{
        struct place place;

        place_with_notes(&place);
        CHECK_INT(db_write(place.db, add_note, ID("x")), ERR_OK);
        CHECK_INT(notes(place.db), 1);
        db_close(TAKE(place.db));
        CHECK_INT(mode_of(place.path, "-wal"), -1);
        CHECK_INT(place_open(&place), ERR_OK);
        CHECK_INT(notes(place.db), 1);
        place_done(&place);
}

static void two_processes_take_turns(void)
{
        struct place place;
        int status = -1;
        pid_t child;

        place_with_notes(&place);
        db_close(TAKE(place.db));
        child = fork();
        if (child == 0) {
                bool fine = place_open(&place) == ERR_OK;
                char id[16];

                for (int i = 0; fine && i < 300; i++) {
                        (void)snprintf(id, sizeof(id), "child%d", i);
                        fine = db_write(place.db, add_note, id) == ERR_OK;
                }
                db_close(place.db);
                _exit(fine ? 0 : 1);
        }
        CHECK_INT(place_open(&place), ERR_OK);
        for (int i = 0; i < 300; i++) {
                char id[16];

                (void)snprintf(id, sizeof(id), "mine%d", i);
                CHECK_INT(db_write(place.db, add_note, id), ERR_OK);
        }
        CHECK_INT(waitpid(child, &status, 0), child);
        CHECK_INT(status, 0);
        CHECK_INT(notes(place.db), 600);
        place_done(&place);
}

static void a_held_lock_is_waited_for_but_not_for_ever(void)
{
        struct place place;
        char lock_path[FOLDER_MAX + 48];
        int fd;

        place_with_notes(&place);
        (void)snprintf(lock_path, sizeof(lock_path), "%s.lock", place.path);
        fd = open(lock_path, O_RDWR | O_CLOEXEC);
        CHECK_INT(flock(fd, LOCK_EX), 0);
        CHECK_INT(db_write(place.db, add_note, ID("x")), ERR_UNAVAILABLE);
        CHECK_INT(notes(place.db), 0);
        close(fd);
        CHECK_INT(db_write(place.db, add_note, ID("x")), ERR_OK);
        place_done(&place);
}

/* Readers look now and then whether their file is still there. */
static bool ping_fails_within(struct db *db, int64_t ms)
{
        int64_t until_ms = clock_mono_ms() + ms;

        while (db_ping(db) == ERR_OK)
                if (clock_mono_ms() >= until_ms)
                        return false;
        return true;
}

static void a_vanished_database_is_not_made_again(void)
{
        struct place place;
        char away[FOLDER_MAX + 48];

        place_with_notes(&place);
        (void)snprintf(away, sizeof(away), "%s.away", place.path);
        CHECK_INT(rename(place.path, away), 0);
        CHECK(db_write(place.db, add_note, ID("x")) != ERR_OK);
        CHECK(db_write(place.db, add_note, ID("y")) != ERR_OK);
        CHECK(ping_fails_within(place.db, 2000));
        CHECK_INT(mode_of(place.path, ""), -1);
        db_close(TAKE(place.db));
        CHECK_INT(place_open(&place), ERR_CORRUPT);
        CHECK_INT(rename(away, place.path), 0);
        CHECK_INT(place_open(&place), ERR_OK);
        CHECK_INT(notes(place.db), 0);
        place_done(&place);
}

static void a_failed_fsync_ends_the_process(void)
{
        struct place place;
        int status = 0;
        pid_t child;

        place_with_notes(&place);
        db_close(TAKE(place.db));
        child = fork();
        if (child == 0) {
                enum err err = place_open(&place);

                close(STDOUT_FILENO);
                if (err)
                        _exit(7);
                atomic_store(&disk_broken, true);
                err = db_write(place.db, add_note, ID("x"));
                _exit(err ? 8 : 9);
        }
        CHECK_INT(waitpid(child, &status, 0), child);
        CHECK(WIFEXITED(status));
        CHECK_INT(WEXITSTATUS(status), EXIT_FAILURE);
        CHECK_INT(place_open(&place), ERR_OK);
        CHECK(notes(place.db) <= 1);
        place_done(&place);
}

static enum err find_note(struct db_tx *tx, void *id)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &select_note, DB_PARAMS(DB_TEXT(id)), &rows);

        if (!err && !db_next(&rows, &err) && !err)
                return ERR_NOT_FOUND;
        return err;
}

/* Writes for ever; tells the pipe of each note that was acknowledged. */
static _Noreturn void write_until_killed(struct place *place, int pipe_end)
{
        if (place_open(place))
                _exit(7);
        for (int32_t i = 0;; i++) {
                char id[16];

                (void)snprintf(id, sizeof(id), "n%d", (int)i);
                if (db_write(place->db, add_note, id) || write(pipe_end, &i, sizeof(i)) != sizeof(i))
                        _exit(8);
        }
}

static void a_killed_process_loses_nothing_it_acknowledged(void)
{
        struct place place;
        int ends[2], status = 0;
        int32_t number = -1, last = -1;
        pid_t child;

        place_with_notes(&place);
        db_close(TAKE(place.db));
        CHECK_INT(pipe(ends), 0);
        child = fork();
        if (child == 0) {
                close(ends[0]);
                write_until_killed(&place, ends[1]);
        }
        close(ends[1]);
        while (last < 200 && read(ends[0], &number, sizeof(number)) == sizeof(number))
                last = number;
        CHECK_INT(kill(child, SIGKILL), 0);
        CHECK_INT(waitpid(child, &status, 0), child);
        while (read(ends[0], &number, sizeof(number)) == sizeof(number))
                last = number;
        close(ends[0]);
        CHECK(last >= 200);
        CHECK_INT(place_open(&place), ERR_OK);
        for (int32_t i = 0; i <= last; i++) {
                char id[16];

                (void)snprintf(id, sizeof(id), "n%d", (int)i);
                CHECK_INT(db_read(place.db, find_note, id), ERR_OK);
        }
        CHECK(notes(place.db) <= last + 2); /* one may have been written, and not been told of */
        place_done(&place);
}

static void urls_are_checked(void)
{
        struct db *db = NULL;

        CHECK_INT(db_open(&(struct db_config){.url = "mysql:/x"}, &db), ERR_INVALID);
        CHECK_INT(db_open(&(struct db_config){.url = "sqlite:"}, &db), ERR_INVALID);
        CHECK_INT(db_open(&(struct db_config){.url = ""}, &db), ERR_INVALID);
        CHECK(db_open(&(struct db_config){.url = "sqlite:/proc/none/x.db"}, &db) != ERR_OK);
        CHECK(db == NULL);
}

/* ---- the pool ---- */

static enum err read_at_gate(struct db_tx *tx, void *arg)
{
        enum err err = count(tx, &(int64_t){0});
        struct crowd *crowd = arg;

        atomic_fetch_add(&crowd->ready, 1);
        pthread_mutex_lock(&crowd->gate);
        pthread_mutex_unlock(&crowd->gate);
        return err;
}

static void *hold_a_reader(void *arg)
{
        struct crowd *crowd = arg;

        CHECK_INT(db_read(crowd->place.db, read_at_gate, crowd), ERR_OK);
        return NULL;
}

static void the_pool_is_bounded_and_a_full_one_is_said(void)
{
        struct crowd crowd = {.gate = PTHREAD_MUTEX_INITIALIZER};
        AUTO(metrics_freep) struct metrics *metrics = metrics_new();
        AUTO(buf_done) struct buf text = {0};
        pthread_t readers[2];
        int64_t found = 0;

        place_with_notes(&crowd.place);
        db_close(TAKE(crowd.place.db));
        CHECK_INT(db_open(
                          &(struct db_config){
                                  .url = crowd.place.url, .readers = 2, .timeout_ms = 300, .metrics = metrics},
                          &crowd.place.db),
                  ERR_OK);
        pthread_mutex_lock(&crowd.gate);
        for (int i = 0; i < 2; i++)
                CHECK_INT(pthread_create(&readers[i], NULL, hold_a_reader, &crowd), 0);
        while (atomic_load(&crowd.ready) < 2)
                sched_yield();
        CHECK_INT(db_read(crowd.place.db, count, &found), ERR_UNAVAILABLE);
        metrics_write(metrics, &text);
        CHECK(strstr(buf_text(&text), "vr_db_pool_connections{state=\"busy\"} 2"));
        CHECK_INT(db_write(crowd.place.db, add_note, ID("x")), ERR_OK); /* readers don't stop writers */
        pthread_mutex_unlock(&crowd.gate);
        for (int i = 0; i < 2; i++)
                CHECK_INT(pthread_join(readers[i], NULL), 0);
        CHECK_INT(notes(crowd.place.db), 1);
        buf_reset(&text);
        metrics_write(metrics, &text);
        CHECK(strstr(buf_text(&text), "vr_db_pool_connections{state=\"busy\"} 0"));
        CHECK(strstr(buf_text(&text), "vr_db_query_duration_seconds_count{query=\"insert_note\"} 1"));
        place_done(&crowd.place);
}

UNIT_TESTS(UNIT(values_come_back_as_they_went), UNIT(statements_are_checked), UNIT(a_statement_has_a_time_limit),
           UNIT(a_failing_part_is_undone_alone), UNIT(units_that_wait_share_a_commit_not_their_failures),
           UNIT(a_full_disk_is_said_and_undoes_only_its_unit), UNIT(files_are_private), UNIT(closing_empties_the_log),
           UNIT(two_processes_take_turns), UNIT(a_held_lock_is_waited_for_but_not_for_ever),
           UNIT(a_vanished_database_is_not_made_again), UNIT(a_failed_fsync_ends_the_process),
           UNIT(a_killed_process_loses_nothing_it_acknowledged), UNIT(urls_are_checked),
           UNIT(the_pool_is_bounded_and_a_full_one_is_said))
