#include "services/auth/auth_store.h"

#include <string.h>

#include "services/auth/test_database.h"

#define ONE "0197a1b2-0000-7000-8000-000000000001"
#define TWO "0197a1b2-0000-7000-8000-000000000002"

/* A unit of work's arguments and results, whatever it does. */
struct step {
        struct arena *arena;
        const char *ref;
        int64_t at_ms;
        struct editor editor;
        struct editor list[4];
        struct editor_state states[4];
        size_t count;
        bool flag;
};

static enum err insert(struct db_tx *tx, void *arg)
{
        const struct editor *editor = arg;
        enum err err = auth_store_insert(tx, editor);

        if (!err)
                err = auth_store_add_client_secret(tx, editor->id, &editor->client_secrets[0]);
        if (!err)
                err = auth_store_add_webhook_secret(tx, editor->id, &editor->webhook_secrets[0]);
        return err;
}

static enum err find(struct db_tx *tx, void *arg)
{
        struct step *step = arg;

        return auth_store_find(tx, step->arena, step->ref, step->at_ms, &step->editor);
}

static enum err find_client(struct db_tx *tx, void *arg)
{
        struct step *step = arg;

        return auth_store_find_client(tx, step->arena, step->ref, step->at_ms, &step->editor);
}

static enum err update(struct db_tx *tx, void *arg)
{
        return auth_store_update(tx, arg);
}

static void fill(struct test_database *place)
{
        struct editor one = test_editor(ONE, "one", 1000), two = test_editor(TWO, "two", 2000);

        test_database_open(place);
        one.return_url = "https://r.example/{market_identifier}";
        one.retry_schedule = "5,30";
        CHECK_INT(db_write(place->db, insert, &one), ERR_OK);
        CHECK_INT(db_write(place->db, insert, &two), ERR_OK);
}

static void finds_an_editor_by_either_name(void)
{
        AUTO(test_database_done) struct test_database place = {0};
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct step step = {.arena = arena, .ref = "one", .at_ms = 3000};

        fill(&place);
        CHECK_INT(db_read(place.db, find, &step), ERR_OK);
        CHECK_TEXT(step.editor.id, ONE);
        CHECK_TEXT(step.editor.name, "Éditeur");
        CHECK_TEXT(step.editor.webhook_url, "https://editeur.example.fr/webhooks");
        CHECK_TEXT(step.editor.return_url, "https://r.example/{market_identifier}");
        CHECK_TEXT(step.editor.retry_schedule, "5,30");
        CHECK(step.editor.active && step.editor.authorized);
        CHECK_INT(step.editor.version, 1);
        CHECK_INT(step.editor.created_ms, 1000);
        CHECK_INT(step.editor.client_secret_count, 1);
        CHECK_INT(step.editor.client_secrets[0].hash[2], 3);
        CHECK_INT(step.editor.webhook_secret_count, 1);
        CHECK_TEXT(step.editor.webhook_secrets[0].sealed, "k1.AAAA");
        step.ref = TWO;
        CHECK_INT(db_read(place.db, find, &step), ERR_OK);
        CHECK_TEXT(step.editor.client_id, "two");
        CHECK(!step.editor.return_url);
        step.ref = "three";
        CHECK_INT(db_read(place.db, find, &step), ERR_NOT_FOUND);
}

static void authenticates_by_the_client_id_alone(void)
{
        AUTO(test_database_done) struct test_database place = {0};
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct step step = {.arena = arena, .ref = "two", .at_ms = 3000};

        fill(&place);
        CHECK_INT(db_read(place.db, find_client, &step), ERR_OK);
        CHECK_TEXT(step.editor.id, TWO);
        CHECK(step.editor.active && step.editor.authorized);
        CHECK_INT(step.editor.client_secret_count, 1);
        step.ref = TWO;
        CHECK_INT(db_read(place.db, find_client, &step), ERR_NOT_FOUND);
}

static void refuses_a_client_id_twice(void)
{
        AUTO(test_database_done) struct test_database place = {0};
        struct editor again = test_editor("0197a1b2-0000-7000-8000-000000000003", "one", 3000);

        fill(&place);
        CHECK_INT(db_write(place.db, insert, &again), ERR_CONFLICT);
}

static void refuses_a_change_of_something_older(void)
{
        AUTO(test_database_done) struct test_database place = {0};
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct step step = {.arena = arena, .ref = "one", .at_ms = 3000};

        fill(&place);
        CHECK_INT(db_read(place.db, find, &step), ERR_OK);
        step.editor.version = 2;
        step.editor.active = false;
        step.editor.webhook_url = NULL;
        CHECK_INT(db_write(place.db, update, &step.editor), ERR_OK);
        CHECK_INT(db_write(place.db, update, &step.editor), ERR_CONFLICT);
        CHECK_INT(db_read(place.db, find, &step), ERR_OK);
        CHECK_INT(step.editor.version, 2);
        CHECK(!step.editor.active);
        CHECK(step.editor.authorized);
        CHECK(!step.editor.webhook_url);
}

static enum err list_after(struct db_tx *tx, void *arg)
{
        struct step *step = arg;

        return auth_store_list(tx, step->arena, step->at_ms, step->ref, 1, step->list, &step->count);
}

static void lists_page_by_page(void)
{
        AUTO(test_database_done) struct test_database place = {0};
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct step step = {.arena = arena, .ref = "", .at_ms = -1};

        fill(&place);
        CHECK_INT(db_read(place.db, list_after, &step), ERR_OK);
        CHECK_INT(step.count, 1);
        CHECK_TEXT(step.list[0].id, ONE);
        step.at_ms = step.list[0].created_ms;
        step.ref = step.list[0].id;
        CHECK_INT(db_read(place.db, list_after, &step), ERR_OK);
        CHECK_INT(step.count, 1);
        CHECK_TEXT(step.list[0].id, TWO);
        step.at_ms = step.list[0].created_ms;
        step.ref = step.list[0].id;
        CHECK_INT(db_read(place.db, list_after, &step), ERR_OK);
        CHECK_INT(step.count, 0);
}

/* A new secret marked `count`; the one before good until `at_ms`. */
static enum err rotate(struct db_tx *tx, void *arg)
{
        const struct step *step = arg;
        struct client_secret secret = {
                .kind = SECRET_PBKDF2, .hash = {(unsigned char)step->count}, .salt = {9}, .iterations = 100000};
        enum err err = auth_store_end_client_secrets(tx, step->ref, step->at_ms);

        return err ? err : auth_store_add_client_secret(tx, step->ref, &secret);
}

static void keeps_two_secrets_at_most(void)
{
        AUTO(test_database_done) struct test_database place = {0};
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct step step = {.arena = arena, .ref = ONE, .at_ms = 5000, .count = 10};

        fill(&place);
        CHECK_INT(db_write(place.db, rotate, &step), ERR_OK);
        step.at_ms = 6000;
        step.count = 11;
        CHECK_INT(db_write(place.db, rotate, &step), ERR_OK);
        step.at_ms = 4000; /* now */
        CHECK_INT(db_read(place.db, find, &step), ERR_OK);
        CHECK_INT(step.editor.client_secret_count, 2);
        CHECK_INT(step.editor.client_secrets[0].hash[0], 11);
        CHECK_INT(step.editor.client_secrets[0].kind, SECRET_PBKDF2);
        CHECK_INT(step.editor.client_secrets[0].salt[0], 9);
        CHECK_INT(step.editor.client_secrets[0].iterations, 100000);
        CHECK_INT(step.editor.client_secrets[1].hash[0], 10);
        CHECK_INT(step.editor.client_secrets[1].expires_ms, 6000);
        step.at_ms = 6000; /* the overlap has ended */
        CHECK_INT(db_read(place.db, find, &step), ERR_OK);
        CHECK_INT(step.editor.client_secret_count, 1);
        step.at_ms = 0; /* no overlap */
        step.count = 12;
        CHECK_INT(db_write(place.db, rotate, &step), ERR_OK);
        step.at_ms = 4000;
        CHECK_INT(db_read(place.db, find, &step), ERR_OK);
        CHECK_INT(step.editor.client_secret_count, 1);
        CHECK_INT(step.editor.client_secrets[0].hash[0], 12);
}

static enum err has_imported(struct db_tx *tx, void *arg)
{
        return auth_store_has_imported(tx, &((struct step *)arg)->flag);
}

static void knows_whether_any_secret_was_imported(void)
{
        AUTO(test_database_done) struct test_database place = {0};
        struct step step = {.ref = ONE, .flag = true};

        fill(&place);
        CHECK_INT(db_read(place.db, has_imported, &step), ERR_OK);
        CHECK(!step.flag);
        CHECK_INT(db_write(place.db, rotate, &step), ERR_OK);
        CHECK_INT(db_read(place.db, has_imported, &step), ERR_OK);
        CHECK(step.flag);
}

static enum err to_assert(struct db_tx *tx, void *arg)
{
        struct step *step = arg;

        return auth_store_to_assert(tx, step->arena, step->at_ms, ARRAY_LEN(step->states), step->states, &step->count);
}

static enum err mark_first(struct db_tx *tx, void *arg)
{
        return auth_store_mark_asserted(tx, &((struct step *)arg)->states[0]);
}

static void remembers_whose_state_was_told(void)
{
        AUTO(test_database_done) struct test_database place = {0};
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct step step = {.arena = arena, .at_ms = INT64_MAX};
        struct editor one = test_editor(ONE, "one", 1000);

        fill(&place);
        CHECK_INT(db_read(place.db, to_assert, &step), ERR_OK);
        CHECK_INT(step.count, 2);
        CHECK_TEXT(step.states[0].id, ONE);
        CHECK(step.states[0].usable);
        CHECK_INT(db_write(place.db, mark_first, &step), ERR_OK);
        CHECK_INT(db_read(place.db, to_assert, &step), ERR_OK);
        CHECK_INT(step.count, 1);
        CHECK_TEXT(step.states[0].id, TWO);
        one.version = 2;
        one.authorized = false;
        CHECK_INT(db_write(place.db, update, &one), ERR_OK);
        CHECK_INT(db_read(place.db, to_assert, &step), ERR_OK);
        CHECK_INT(step.count, 2);
        CHECK(!step.states[0].usable);
        CHECK_INT(step.states[0].version, 2);
        step.at_ms = 1500; /* told already, but changed since */
        CHECK_INT(db_write(place.db, mark_first, &step), ERR_OK);
        CHECK_INT(db_read(place.db, to_assert, &step), ERR_OK);
        CHECK_INT(step.count, 1);
}

UNIT_TESTS(UNIT(finds_an_editor_by_either_name), UNIT(authenticates_by_the_client_id_alone),
           UNIT(refuses_a_client_id_twice), UNIT(refuses_a_change_of_something_older), UNIT(lists_page_by_page),
           UNIT(keeps_two_secrets_at_most), UNIT(knows_whether_any_secret_was_imported),
           UNIT(remembers_whose_state_was_told))
