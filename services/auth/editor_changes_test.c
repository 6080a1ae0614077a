/* What each change leaves: rows, audit log, outbox. On a real database. */
#include "services/auth/editor_changes.h"

#include <string.h>

#include "common/base/str.h"
#include "common/io/json.h"
#include "services/auth/test_database.h"

#define ONE "0197a1b2-0000-7000-8000-000000000001"
#define TWO "0197a1b2-0000-7000-8000-000000000002"

static const struct db_query select_last_event = {
        "t_event", "SELECT payload, aggregatetype, aggregateid, type, source FROM outbox ORDER BY id DESC LIMIT 1"};
static const struct db_query select_last_audit = {
        "t_audit", "SELECT who, action, editor_id, detail FROM audit_log ORDER BY id DESC LIMIT 1"};
static const struct db_query count_traces = {"t_count",
                                             "SELECT (SELECT COUNT(*) FROM outbox), (SELECT COUNT(*) FROM audit_log)"};

struct traces {
        struct arena *arena;
        int64_t events, audits;
        const char *payload, *topic, *key, *type, *source;
        const char *who, *action, *editor_id, *detail;
};

static enum err read_traces(struct db_tx *tx, void *arg)
{
        struct traces *t = arg;
        AUTO(db_rows_done) struct db_rows events = {0};
        AUTO(db_rows_done) struct db_rows audits = {0};
        AUTO(db_rows_done) struct db_rows counts = {0};
        enum err err = db_select(tx, &select_last_event, DB_NO_PARAMS, &events);

        if (!err && db_next(&events, &err)) {
                t->payload = arena_strdup(t->arena, db_text(&events, 0));
                t->topic = arena_strdup(t->arena, db_text(&events, 1));
                t->key = arena_strdup(t->arena, db_text(&events, 2));
                t->type = arena_strdup(t->arena, db_text(&events, 3));
                t->source = arena_strdup(t->arena, db_text(&events, 4));
        }
        if (!err)
                err = db_select(tx, &select_last_audit, DB_NO_PARAMS, &audits);
        if (!err && db_next(&audits, &err)) {
                t->who = arena_strdup(t->arena, db_text(&audits, 0));
                t->action = arena_strdup(t->arena, db_text(&audits, 1));
                t->editor_id = arena_strdup(t->arena, db_text(&audits, 2));
                t->detail = arena_strdup(t->arena, db_text(&audits, 3));
        }
        if (!err)
                err = db_select(tx, &count_traces, DB_NO_PARAMS, &counts);
        if (!err && db_next(&counts, &err)) {
                t->events = db_int(&counts, 0);
                t->audits = db_int(&counts, 1);
        }
        return err;
}

struct place {
        struct test_database database;
        struct arena *arena;
        struct editor_change change;
        struct traces traces;
};

static void look(struct place *place)
{
        place->traces = (struct traces){.arena = place->arena};
        CHECK_INT(db_read(place->database.db, read_traces, &place->traces), ERR_OK);
}

static void place_open(struct place *place)
{
        struct editor editor = test_editor(ONE, "demo", 1000);

        test_database_open(&place->database);
        place->arena = arena_new();
        place->change = (struct editor_change){
                .db = place->database.db, .arena = place->arena, .who = "cli/test", .now_ms = 1000};
        CHECK_INT(editor_create(&place->change, &editor), ERR_OK);
        look(place);
}

static void place_done(struct place *place)
{
        arena_free(place->arena);
        test_database_done(&place->database);
}

static void announces_a_new_editor(void)
{
        AUTO(place_done) struct place place = {0};

        place_open(&place);
        CHECK_TEXT(place.traces.payload,
                   "{\"editor_id\":\"" ONE "\",\"version\":1,\"client_id\":\"demo\",\"name\":\"Éditeur\","
                   "\"active\":true,\"authorized\":true,\"webhook_url\":\"https://editeur.example.fr/webhooks\","
                   "\"webhook_secrets\":[{\"sealed\":\"k1.AAAA\",\"expires_at\":null}],\"retry_schedule\":null,"
                   "\"return_url\":null}");
        CHECK_TEXT(place.traces.topic, "voie-rapide.editor.v1");
        CHECK_TEXT(place.traces.key, ONE);
        CHECK_TEXT(place.traces.type, "editor.updated");
        CHECK_TEXT(place.traces.source, "/voie-rapide/auth");
        CHECK_TEXT(place.traces.who, "cli/test");
        CHECK_TEXT(place.traces.action, "editor.create");
        CHECK_TEXT(place.traces.editor_id, ONE);
        CHECK(strstr(place.traces.detail, "k1.AAAA") == NULL);
}

static void refuses_a_client_id_that_names_another(void)
{
        AUTO(place_done) struct place place = {0};
        struct editor same = test_editor(TWO, "demo", 1000), id = test_editor(TWO, ONE, 1000);

        place_open(&place);
        CHECK_INT(editor_create(&place.change, &same), ERR_CONFLICT);
        CHECK_INT(editor_create(&place.change, &id), ERR_CONFLICT);
        look(&place);
        CHECK_INT(place.traces.events, 1);
        CHECK_INT(place.traces.audits, 1);
}

static void updates_what_is_given_alone(void)
{
        AUTO(place_done) struct place place = {0};
        struct editor editor = {0};
        struct editor_update update = {.name = "Autre", .webhook_url = "", .retry_schedule = "5,30"};

        place_open(&place);
        place.change.now_ms = 2000;
        CHECK_INT(editor_update(&place.change, "demo", &update, &editor), ERR_OK);
        CHECK_TEXT(editor.name, "Autre");
        CHECK(!editor.webhook_url);
        CHECK_TEXT(editor.retry_schedule, "5,30");
        CHECK_INT(editor.version, 2);
        CHECK_INT(editor.updated_ms, 2000);
        CHECK_INT(editor.webhook_secret_count, 1);
        look(&place);
        CHECK_TEXT(place.traces.action, "editor.update");
        CHECK(strstr(place.traces.payload, "\"version\":2") != NULL);
        CHECK(strstr(place.traces.payload, "\"retry_schedule\":[5,30]") != NULL);
        CHECK(strstr(place.traces.payload, "\"webhook_url\":null") != NULL);
        CHECK_INT(editor_update(&place.change, "nobody", &update, &editor), ERR_NOT_FOUND);
}

static void leaves_no_trace_of_what_changes_nothing(void)
{
        AUTO(place_done) struct place place = {0};
        struct editor editor = {0};
        struct editor_update update = {.name = "Éditeur"};

        place_open(&place);
        CHECK_INT(editor_update(&place.change, ONE, &update, &editor), ERR_OK);
        CHECK_INT(editor_set_flag(&place.change, ONE, EDITOR_ACTIVE, true, &editor), ERR_OK);
        CHECK_INT(editor.version, 1);
        look(&place);
        CHECK_INT(place.traces.events, 1);
        CHECK_INT(place.traces.audits, 1);
}

static void switches_each_right(void)
{
        AUTO(place_done) struct place place = {0};
        struct editor editor = {0};

        place_open(&place);
        CHECK_INT(editor_set_flag(&place.change, ONE, EDITOR_ACTIVE, false, &editor), ERR_OK);
        CHECK(!editor.active && editor.authorized);
        look(&place);
        CHECK_TEXT(place.traces.action, "editor.deactivate");
        CHECK_INT(editor_set_flag(&place.change, ONE, EDITOR_AUTHORIZED, false, &editor), ERR_OK);
        look(&place);
        CHECK_TEXT(place.traces.action, "editor.deauthorize");
        CHECK(strstr(place.traces.payload, "\"active\":false,\"authorized\":false") != NULL);
        CHECK_INT(editor_set_flag(&place.change, ONE, EDITOR_ACTIVE, true, &editor), ERR_OK);
        CHECK_INT(editor_set_flag(&place.change, ONE, EDITOR_AUTHORIZED, true, &editor), ERR_OK);
        CHECK(editor.active && editor.authorized);
        CHECK_INT(editor.version, 5);
}

static void rotates_client_secrets(void)
{
        AUTO(place_done) struct place place = {0};
        struct editor editor = {0};
        struct client_secret secret = {.kind = SECRET_SHA256, .hash = {7}, .created_ms = 2000};

        place_open(&place);
        place.change.now_ms = 2000;
        CHECK_INT(editor_rotate_client_secret(&place.change, ONE, &secret, 5000, &editor), ERR_OK);
        CHECK_INT(editor.client_secret_count, 2);
        CHECK_INT(editor.client_secrets[0].hash[0], 7);
        CHECK_INT(editor.client_secrets[1].expires_ms, 7000);
        CHECK_INT(editor_rotate_client_secret(&place.change, ONE, &secret, 0, &editor), ERR_OK);
        CHECK_INT(editor.client_secret_count, 1);
        look(&place);
        CHECK_TEXT(place.traces.action, "editor.rotate_secret");
}

static enum err seal(void *arg, const char *editor_id, const char **ret_sealed)
{
        *ret_sealed = str_equal(editor_id, ONE) ? arg : NULL;
        return ERR_OK;
}

static void tells_both_webhook_secrets_during_an_overlap(void)
{
        AUTO(place_done) struct place place = {0};
        struct editor editor = {0};
        char second[] = "k1.BBBB", third[] = "k1.CCCC";

        place_open(&place);
        place.change.now_ms = 2000;
        CHECK_INT(editor_rotate_webhook_secret(&place.change, "demo", seal, second, 86400000, &editor), ERR_OK);
        look(&place);
        CHECK(strstr(place.traces.payload,
                     "\"webhook_secrets\":[{\"sealed\":\"k1.BBBB\",\"expires_at\":null},"
                     "{\"sealed\":\"k1.AAAA\",\"expires_at\":\"1970-01-02T00:00:02Z\"}]") != NULL);
        CHECK(strstr(place.traces.detail, "k1.") == NULL);
        CHECK_INT(editor_rotate_webhook_secret(&place.change, "demo", seal, third, 0, &editor), ERR_OK);
        look(&place);
        CHECK(strstr(place.traces.payload, "\"webhook_secrets\":[{\"sealed\":\"k1.CCCC\",\"expires_at\":null}]") !=
              NULL);
}

static void writes_a_revocation_down(void)
{
        AUTO(place_done) struct place place = {0};
        struct editor editor = {0};

        place_open(&place);
        CHECK_INT(editor_tokens_revoked(&place.change, "demo", &editor), ERR_OK);
        CHECK_TEXT(editor.id, ONE);
        look(&place);
        CHECK_TEXT(place.traces.action, "editor.revoke_tokens");
        CHECK_INT(place.traces.events, 1);
        CHECK_INT(place.traces.audits, 2);
}

static void announces_that_an_editor_is_gone(void)
{
        AUTO(place_done) struct place place = {0};
        struct editor editor = {0}, gone = {0};

        place_open(&place);
        CHECK_INT(editor_read(place.database.db, place.arena, ONE, &editor), ERR_OK);
        editor.version++;
        CHECK_INT(editor_remove(&place.change, &editor), ERR_CONFLICT); /* somebody changed it */
        look(&place);
        CHECK_INT(place.traces.events, 1);
        editor.version--;
        place.change.now_ms = 1718461845999;
        CHECK_INT(editor_remove(&place.change, &editor), ERR_OK);
        look(&place);
        CHECK_TEXT(place.traces.payload, "{\"editor_id\":\"" ONE "\",\"removed_at\":\"2024-06-15T14:30:45Z\"}");
        CHECK_TEXT(place.traces.type, "editor.removed");
        CHECK_TEXT(place.traces.key, ONE);
        CHECK_TEXT(place.traces.topic, "voie-rapide.editor.v1");
        CHECK_TEXT(place.traces.action, "editor.remove");
        CHECK_TEXT(place.traces.editor_id, ONE);
        CHECK_INT(editor_read(place.database.db, place.arena, ONE, &gone), ERR_NOT_FOUND);
        editor = test_editor(TWO, "demo", 3000); /* its client id is free again, its secrets are not there any more */
        CHECK_INT(editor_create(&place.change, &editor), ERR_OK);
}

UNIT_TESTS(UNIT(announces_that_an_editor_is_gone), UNIT(announces_a_new_editor),
           UNIT(refuses_a_client_id_that_names_another), UNIT(updates_what_is_given_alone),
           UNIT(leaves_no_trace_of_what_changes_nothing), UNIT(switches_each_right), UNIT(rotates_client_secrets),
           UNIT(tells_both_webhook_secrets_during_an_overlap), UNIT(writes_a_revocation_down))
