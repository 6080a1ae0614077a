#include "services/auth/audit_tally.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "services/auth/test_database.h"

#define ID      "0197a1b2-0000-7000-8000-000000000001"
#define REFUSED "credentials.refused"
#define MAX     (LIMIT_AUDIT_TALLY + 10)

struct place {
        struct test_database database;
        struct audit_tally *tally;
        struct arena *arena;
        struct audit_entry entries[MAX];
        size_t count;
};

static void place_open(struct place *place)
{
        test_database_open(&place->database);
        place->arena = arena_new();
        CHECK_INT(audit_tally_new(&place->tally), ERR_OK);
}

static void place_done(struct place *place)
{
        audit_tally_free(place->tally);
        arena_free(place->arena);
        test_database_done(&place->database);
}

static enum err read_log(struct db_tx *tx, void *arg)
{
        struct place *place = arg;
        const struct audit_page page = {.after_ms = -1, .after_id = "", .max = MAX};

        return auth_store_list_audit(tx, place->arena, &page, place->entries, &place->count);
}

static void flush(struct place *place, int64_t now_ms)
{
        CHECK_INT(audit_tally_flush(place->tally, place->database.db, now_ms), ERR_OK);
        CHECK_INT(db_read(place->database.db, read_log, place), ERR_OK);
}

static void one_line_a_kind_and_minute(void)
{
        AUTO(place_done) struct place place = {0};

        place_open(&place);
        for (int i = 0; i < 1000; i++)
                audit_tally_count(place.tally, REFUSED, "wrong_secret", ID, 1000 + i);
        audit_tally_count(place.tally, REFUSED, "unknown_client", NULL, 3000);
        flush(&place, 4000);
        CHECK_INT(place.count, 2);
        CHECK_INT(place.entries[0].at_ms, 1000);
        CHECK_TEXT(place.entries[0].who, AUDIT_TALLY_WHO);
        CHECK_TEXT(place.entries[0].action, REFUSED);
        CHECK_TEXT(place.entries[0].editor_id, ID);
        CHECK_TEXT(place.entries[0].detail,
                   "{\"reason\":\"wrong_secret\",\"count\":1000,\"last_at\":\"1970-01-01T00:00:01Z\"}");
        CHECK_TEXT(place.entries[1].editor_id, "");
        CHECK(strstr(place.entries[1].detail, "\"unknown_client\"") != NULL);
}

static void a_line_counts_on_while_its_minute_lasts(void)
{
        AUTO(place_done) struct place place = {0};

        place_open(&place);
        audit_tally_count(place.tally, REFUSED, "wrong_secret", ID, 1000);
        flush(&place, 2000);
        audit_tally_count(place.tally, REFUSED, "wrong_secret", ID, 59000);
        flush(&place, 60000);
        CHECK_INT(place.count, 1);
        CHECK(strstr(place.entries[0].detail, "\"count\":2,") != NULL);
        flush(&place, 61000); /* its minute is over */
        audit_tally_count(place.tally, REFUSED, "wrong_secret", ID, 61500);
        flush(&place, 62000);
        CHECK_INT(place.count, 2);
        CHECK(strstr(place.entries[0].detail, "\"count\":2,") != NULL);
        CHECK(strstr(place.entries[1].detail, "\"count\":1,") != NULL);
}

static void what_finds_no_room_is_counted_together(void)
{
        AUTO(place_done) struct place place = {0};
        char editor[40];

        place_open(&place);
        for (int i = 0; i < LIMIT_AUDIT_TALLY + 100; i++) {
                (void)snprintf(editor, sizeof(editor), "editor-%d", i);
                audit_tally_count(place.tally, REFUSED, "wrong_secret", editor, 1000 + i);
        }
        flush(&place, 4000);
        CHECK_INT(place.count, LIMIT_AUDIT_TALLY + 1);
        CHECK_TEXT(place.entries[LIMIT_AUDIT_TALLY].editor_id, "");
        CHECK(strstr(place.entries[LIMIT_AUDIT_TALLY].detail, "{\"reason\":\"too_many_kinds\",\"count\":100,") != NULL);
}

static enum err drop_table(struct db_tx *tx, void *arg)
{
        static const struct db_query drop = {"drop", "ALTER TABLE audit_log RENAME TO gone"};

        (void)arg;
        return db_exec(tx, &drop, DB_NO_PARAMS, NULL);
}

static enum err bring_back(struct db_tx *tx, void *arg)
{
        static const struct db_query back = {"back", "ALTER TABLE gone RENAME TO audit_log"};

        (void)arg;
        return db_exec(tx, &back, DB_NO_PARAMS, NULL);
}

static void what_cannot_be_written_is_kept(void)
{
        AUTO(place_done) struct place place = {0};

        place_open(&place);
        CHECK_INT(db_write(place.database.db, drop_table, NULL), ERR_OK);
        audit_tally_count(place.tally, REFUSED, "wrong_secret", ID, 1000);
        CHECK(audit_tally_flush(place.tally, place.database.db, 200000) != ERR_OK);
        audit_tally_count(place.tally, REFUSED, "wrong_secret", ID, 200000);
        CHECK_INT(db_write(place.database.db, bring_back, NULL), ERR_OK);
        flush(&place, 300000);
        CHECK_INT(place.count, 1);
        CHECK(strstr(place.entries[0].detail, "\"count\":2,") != NULL);
        CHECK_INT(place.entries[0].at_ms, 1000);
}

static enum err prune(struct db_tx *tx, void *arg)
{
        (void)arg;
        return auth_store_prune_audit(tx, AUDIT_TALLY_WHO, 100000, 10);
}

static enum err add_change(struct db_tx *tx, void *arg)
{
        (void)arg;
        return auth_store_add_audit(
                tx, &(struct audit_entry){.who = "cli/root", .action = "editor.create", .editor_id = ID, .at_ms = 500});
}

static void old_tallies_go_changes_stay(void)
{
        AUTO(place_done) struct place place = {0};

        place_open(&place);
        CHECK_INT(db_write(place.database.db, add_change, NULL), ERR_OK);
        audit_tally_count(place.tally, REFUSED, "wrong_secret", ID, 1000);
        flush(&place, 90000);
        audit_tally_count(place.tally, REFUSED, "wrong_secret", ID, 100000);
        flush(&place, 100000);
        CHECK_INT(place.count, 3);
        CHECK_INT(db_write(place.database.db, prune, NULL), ERR_OK);
        flush(&place, 100000);
        CHECK_INT(place.count, 2);
        CHECK_TEXT(place.entries[0].action, "editor.create");
        CHECK_INT(place.entries[1].at_ms, 100000);
}

UNIT_TESTS(UNIT(one_line_a_kind_and_minute), UNIT(a_line_counts_on_while_its_minute_lasts),
           UNIT(what_finds_no_room_is_counted_together), UNIT(what_cannot_be_written_is_kept),
           UNIT(old_tallies_go_changes_stay))
