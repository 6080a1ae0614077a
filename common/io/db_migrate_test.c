#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/db.h"
#include "tests/support/unit.h"

#define FILE_OF(name, text)                  \
        {                                    \
                name, text, sizeof(text) - 1 \
        }

static const struct file first[] = {FILE_OF("0001_notes.sql", "CREATE TABLE note (id TEXT PRIMARY KEY);\n"
                                                              "INSERT INTO note VALUES ('one'); -- the end\n"),
                                    {0}};
static const struct file second[] = {FILE_OF("0002_more.sql", "INSERT INTO note VALUES ('two');"),
                                     FILE_OF("0001_notes.sql", "CREATE TABLE note (id TEXT PRIMARY KEY);\n"
                                                               "INSERT INTO note VALUES ('one'); -- the end\n"),
                                     {0}};

struct place {
        char folder[64];
        char url[96];
        struct db *db;
};

static void place_make(struct place *place)
{
        *place = (struct place){0};
        (void)snprintf(place->folder, sizeof(place->folder), "/tmp/vr-migrate-test-XXXXXX");
        if (!mkdtemp(place->folder))
                abort();
        (void)snprintf(place->url, sizeof(place->url), "sqlite:%s/x.db", place->folder);
        CHECK_INT(db_open(&(struct db_config){.url = place->url, .timeout_ms = 2000}, &place->db), ERR_OK);
}

static void place_done(struct place *place)
{
        char file[96];

        db_close(place->db);
        (void)snprintf(file, sizeof(file), "%s/x.db", place->folder);
        (void)unlink(file);
        (void)snprintf(file, sizeof(file), "%s/x.db.lock", place->folder);
        (void)unlink(file);
        CHECK_INT(rmdir(place->folder), 0);
}

static enum err count(struct db_tx *tx, void *arg)
{
        static const struct db_query query = {
                "count", "SELECT (SELECT COUNT(*) FROM note) * 100 + (SELECT COUNT(*) FROM schema_migrations)"};
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &query, DB_NO_PARAMS, &rows);

        while (!err && db_next(&rows, &err))
                *(int64_t *)arg = db_int(&rows, 0);
        return err;
}

/* Notes × 100 + migrations; -1 when there is no table. */
static int64_t state(struct place *place)
{
        int64_t found = -1;

        return db_read(place->db, count, &found) ? -1 : found;
}

static void each_is_applied_once_in_order(void)
{
        struct place place;

        place_make(&place);
        CHECK_INT(db_migrate(place.db, first), ERR_OK);
        CHECK_INT(state(&place), 101);
        CHECK_INT(db_migrate(place.db, first), ERR_OK);
        CHECK_INT(state(&place), 101);
        CHECK_INT(db_migrate(place.db, second), ERR_OK);
        CHECK_INT(state(&place), 202);
        place_done(&place);
}

static void an_unknown_or_changed_one_is_refused(void)
{
        static const struct file changed[] = {FILE_OF("0001_notes.sql", "CREATE TABLE note (id TEXT);"), {0}};
        struct place place;

        place_make(&place);
        CHECK_INT(db_migrate(place.db, second), ERR_OK);
        CHECK_INT(db_migrate(place.db, first), ERR_CORRUPT);
        CHECK_INT(db_migrate(place.db, changed), ERR_CORRUPT);
        CHECK_INT(state(&place), 202);
        place_done(&place);
}

static void a_broken_one_leaves_nothing(void)
{
        static const struct file broken[] = {FILE_OF("0001_notes.sql", "CREATE TABLE note (id TEXT PRIMARY KEY);\n"
                                                                       "INSERT INTO note VALUES ('one'); -- the end\n"),
                                             FILE_OF("0002_broken.sql", "INSERT INTO nowhere VALUES (1);"),
                                             {0}};
        static const struct file leaving[] = {FILE_OF("0001_leave.sql", "CREATE TABLE note (id TEXT); COMMIT;"), {0}};
        struct place place;

        place_make(&place);
        CHECK_INT(db_migrate(place.db, broken), ERR_INTERNAL);
        CHECK_INT(state(&place), -1);
        CHECK_INT(db_migrate(place.db, first), ERR_OK);
        CHECK_INT(state(&place), 101);
        place_done(&place);

        place_make(&place);
        CHECK(db_migrate(place.db, leaving) != ERR_OK);
        place_done(&place);
}

static void names_are_checked(void)
{
        static const char *const names[] = {"1_x.sql", "0001.sql", "0001_x.txt", "x.sql", "0000_x.sql", "00001_x.sql"};
        struct place place;

        place_make(&place);
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                const struct file files[] = {{names[i], "SELECT 1;", 9}, {0}};

                CHECK_INT(db_migrate(place.db, files), ERR_INVALID);
        }
        CHECK_INT(db_migrate(place.db, (const struct file[]){{"0001_a.sql", "", 0}, {"0001_b.sql", "", 0}, {0}}),
                  ERR_INVALID);
        CHECK_INT(db_migrate(place.db, (const struct file[]){{0}}), ERR_OK);
        place_done(&place);
}

struct starter {
        const char *url;
        enum err err;
        pthread_t thread;
};

static void *start(void *arg)
{
        struct starter *starter = arg;
        struct db *db = NULL;

        starter->err = db_open(&(struct db_config){.url = starter->url, .timeout_ms = 5000}, &db);
        if (!starter->err)
                starter->err = db_migrate(db, second);
        db_close(db);
        return NULL;
}

static void replicas_may_start_together(void)
{
        struct starter starters[4] = {0};
        struct place place;

        place_make(&place);
        for (size_t i = 0; i < ARRAY_LEN(starters); i++) {
                starters[i].url = place.url;
                CHECK_INT(pthread_create(&starters[i].thread, NULL, start, &starters[i]), 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(starters); i++) {
                CHECK_INT(pthread_join(starters[i].thread, NULL), 0);
                CHECK_INT(starters[i].err, ERR_OK);
        }
        CHECK_INT(state(&place), 202);
        place_done(&place);
}

UNIT_TESTS(UNIT(each_is_applied_once_in_order), UNIT(an_unknown_or_changed_one_is_refused),
           UNIT(a_broken_one_leaves_nothing), UNIT(names_are_checked), UNIT(replicas_may_start_together))
