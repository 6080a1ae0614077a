#include "services/webhook/sender.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/app/webhook_signature.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/io/http_client.h"
#include "services/webhook/receiver.h"
#include "services/webhook/webhook_store.h"
#include "tests/support/unit.h"

#define KEYS        "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
#define SECRET      "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkw"
#define OLD_SECRET  "the-old-one"
#define BODY        "{\"event\":\"market.completed\",\"x\":\"é\"}"
#define MARKET      "VR-2024-A1B2C3D4E5F6"
#define PATIENCE_MS 15000

/* A database, a receiver per editor, a sender: everything real, in one process. */
struct world {
        char folder[64];
        struct arena *arena;
        struct db *db;
        struct metrics *metrics;
        struct keyring *keyring;
        struct egress *egress;
        struct due_clock clock;
        struct sender_config config;
        struct sender *sender;
        int64_t delays_ms[2];
};

static struct world *world_open(void)
{
        struct world *w = calloc(1, sizeof(*w));
        char url[128];
        const char *detail = NULL;

        log_init("test", "0", LOG_LEVEL_ERROR, LOG_FORMAT_JSON);
        (void)snprintf(w->folder, sizeof(w->folder), "/tmp/vr-webhook-sender-XXXXXX");
        CHECK(mkdtemp(w->folder) != NULL);
        snprintf(url, sizeof(url), "sqlite:%s/webhook.db", w->folder);
        w->arena = arena_new();
        w->metrics = metrics_new();
        w->clock = due_clock_start();
        CHECK_INT(http_client_global_init(), ERR_OK);
        CHECK_INT(keyring_new(KEYS, &w->keyring, &detail), ERR_OK);
        CHECK_INT(egress_new("127.0.0.0/8", true, "", &w->egress, &detail), ERR_OK);
        CHECK_INT(db_open(&(struct db_config){.url = url, .readers = 2, .timeout_ms = 2000}, &w->db), ERR_OK);
        CHECK_INT(db_migrate(w->db, webhook_migrations), ERR_OK);
        w->delays_ms[0] = 50;
        w->delays_ms[1] = 100;
        w->config = (struct sender_config){.db = w->db,
                                           .metrics = w->metrics,
                                           .keyring = w->keyring,
                                           .egress = w->egress,
                                           .clock = &w->clock,
                                           .retry = {w->delays_ms, 2, 0},
                                           .breaker = {10, 60000},
                                           .max_inflight = 100,
                                           .endpoint_inflight = 16,
                                           .timeout_ms = 5000,
                                           .connect_timeout_ms = 2000,
                                           .lease_ms = 60000,
                                           .ca_file = ""};
        return w;
}

static void world_start(struct world *w)
{
        CHECK_INT(sender_start(&w->config, &w->sender), ERR_OK);
}

static void world_close(struct world *w)
{
        static const char *const files[] = {"webhook.db", "webhook.db-wal", "webhook.db-shm", "webhook.db.lock"};
        char path[160];

        sender_stop(w->sender, 100);
        db_close(w->db);
        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                snprintf(path, sizeof(path), "%s/%s", w->folder, files[i]);
                (void)unlink(path);
        }
        (void)rmdir(w->folder);
        http_client_global_done();
        egress_free(w->egress);
        keyring_free(w->keyring);
        metrics_free(w->metrics);
        arena_free(w->arena);
        free(w);
}

/* ---- what is in the database ---- */

struct row {
        struct world *world;
        const char *editor_id;
        struct endpoint endpoint;
        struct delivery delivery;
        struct attempt last;
        const char *types; /* of the outbox */
        size_t requests;
};

static enum err save_endpoint(struct db_tx *tx, void *arg)
{
        struct row *row = arg;
        enum err err = store_save_endpoint(tx, row->world->arena, &row->endpoint, 1);

        return err ? err : store_wake_postponed(tx, row->endpoint.editor_id, due_clock_ms(&row->world->clock));
}

static struct endpoint endpoint_at(struct world *w, const char *editor_id, struct receiver *receiver)
{
        struct endpoint e = {.known = true, .editor_id = editor_id, .version = 1, .active = true, .authorized = true};

        e.url = arena_printf(w->arena, "http://127.0.0.1:%d/hook", receiver_port(receiver));
        CHECK_INT(sealed_seal(w->keyring, w->arena, editor_id, SECRET, &e.secret), ERR_OK);
        return e;
}

static void put_endpoint(struct world *w, const struct endpoint *endpoint)
{
        struct row row = {.world = w, .endpoint = *endpoint};

        CHECK_INT(db_write(w->db, save_endpoint, &row), ERR_OK);
        sender_wake(w->sender);
}

static void give_endpoint(struct world *w, const char *editor_id, struct receiver *receiver)
{
        struct endpoint endpoint = endpoint_at(w, editor_id, receiver);

        put_endpoint(w, &endpoint);
}

static enum err insert_row(struct db_tx *tx, void *arg)
{
        struct row *row = arg;
        bool inserted = false;

        return store_insert_delivery(tx, &row->delivery, &inserted);
}

static const char *put_delivery(struct world *w, const char *editor_id, struct delivery_progress progress)
{
        char id[ID_UUID_MAX];
        struct row row = {.world = w};

        row.delivery = (struct delivery){.id = arena_strdup(w->arena, id_uuid7(id)),
                                         .market = MARKET,
                                         .editor_id = editor_id,
                                         .body = BODY,
                                         .body_length = strlen(BODY),
                                         .field_count = 2,
                                         .completed_at_ms = clock_wall_ms(),
                                         .created_at_ms = clock_wall_ms(),
                                         .progress = progress};
        row.delivery.event_id = row.delivery.id;
        if (!row.delivery.progress.due_at_ms)
                row.delivery.progress.due_at_ms = due_clock_ms(&w->clock);
        CHECK_INT(db_write(w->db, insert_row, &row), ERR_OK);
        sender_wake(w->sender);
        return row.delivery.id;
}

static const char *give_delivery(struct world *w, const char *editor_id)
{
        return put_delivery(w, editor_id, (struct delivery_progress){0});
}

static enum err read_row(struct db_tx *tx, void *arg)
{
        static const struct db_query select_types = {"select_types", "SELECT type FROM outbox ORDER BY id"};
        struct row *row = arg;
        struct arena *arena = row->world->arena;
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = store_delivery(tx, arena, row->delivery.id, &row->delivery);

        if (!err)
                err = store_endpoint(tx, arena, row->delivery.editor_id, &row->endpoint);
        if (!err && store_last_attempt(tx, arena, row->delivery.id, &row->last))
                row->last = (struct attempt){0};
        if (!err)
                err = db_select(tx, &select_types, DB_NO_PARAMS, &rows);
        row->types = "";
        while (!err && db_next(&rows, &err))
                row->types = arena_printf(arena, "%s%s ", row->types, db_text(&rows, 0) + strlen("delivery."));
        return err;
}

static struct row look(struct world *w, const char *id)
{
        struct row row = {.world = w, .delivery = {.id = id}};

        CHECK_INT(db_read(w->db, read_row, &row), ERR_OK);
        return row;
}

/* Looks until it is so. */
#define AWAIT(condition)                                                             \
        do {                                                                         \
                int64_t until_ = clock_mono_ms() + PATIENCE_MS;                      \
                while (!(condition) && clock_mono_ms() < until_)                     \
                        usleep(3000);                                                \
                if (!(condition))                                                    \
                        unit_fail(__FILE__, __LINE__, "never came: %s", #condition); \
        } while (0)

static bool in_state(struct world *w, const char *id, enum delivery_state state)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct world aside = *w;
        struct row row = {.world = &aside, .delivery = {.id = id}};

        aside.arena = arena;
        return db_read(w->db, read_row, &row) == ERR_OK && row.delivery.progress.state == state;
}

/* ---- the tests ---- */

static void delivers_signed(void)
{
        const struct step ok = {REACT_ANSWER, 200, NULL, 0};
        struct receiver *receiver = receiver_start(&ok, 1);
        struct world *w = world_open();
        const char *id = give_delivery(w, "a");
        struct received got;
        struct row row;

        give_endpoint(w, "a", receiver);
        world_start(w);
        AWAIT(in_state(w, id, DELIVERY_SUCCEEDED));
        CHECK_INT(receiver_count(receiver), 1);
        got = receiver_request(receiver, 0);
        CHECK_TEXT(got.body, BODY);
        CHECK_TEXT(got.id, id);
        CHECK_TEXT(got.content_type, "application/json");
        CHECK(str_starts_with(got.user_agent, "VoieRapide-Webhook/"));
        CHECK_INT(strlen(got.traceparent), 55);
        CHECK(got.body && webhook_verify_seed(w->arena, SECRET, got.body, got.body_length, got.seed_signature));
        CHECK(got.body && webhook_verify_standard(w->arena, SECRET, id, strtoll(got.timestamp, NULL, 10), got.body,
                                                  got.body_length, got.signature));
        CHECK(llabs(strtoll(got.timestamp, NULL, 10) - clock_wall_ms() / 1000) < 60);
        row = look(w, id);
        CHECK_INT(row.delivery.progress.attempts, 1);
        CHECK_INT(row.last.number, 1);
        CHECK_INT(row.last.status_code, 200);
        CHECK_TEXT(row.last.outcome, "success");
        CHECK_TEXT(row.last.error, NULL);
        CHECK_TEXT(row.last.response_excerpt, "hello");
        CHECK_TEXT(row.types, "started succeeded ");
        world_close(w);
        receiver_stop(receiver);
}

static void retries_with_the_same_id_and_bytes(void)
{
        const struct step steps[] = {{REACT_ANSWER, 503, NULL, 0}, {REACT_ANSWER, 200, NULL, 0}};
        struct receiver *receiver = receiver_start(steps, 2);
        struct world *w = world_open();
        const char *id = give_delivery(w, "a");
        struct received first, second;

        give_endpoint(w, "a", receiver);
        world_start(w);
        AWAIT(in_state(w, id, DELIVERY_SUCCEEDED));
        CHECK_INT(receiver_count(receiver), 2);
        first = receiver_request(receiver, 0);
        second = receiver_request(receiver, 1);
        CHECK_TEXT(second.id, first.id);
        CHECK_TEXT(second.body, first.body);
        CHECK_TEXT(second.seed_signature, first.seed_signature);
        CHECK(strcmp(first.traceparent, second.traceparent) != 0);
        CHECK_INT(look(w, id).delivery.progress.attempts, 2);
        CHECK_TEXT(look(w, id).types, "started failed started succeeded ");
        world_close(w);
        receiver_stop(receiver);
}

static void gives_up_when_the_schedule_has_run_out(void)
{
        const struct step no = {REACT_ANSWER, 500, NULL, 0};
        struct receiver *receiver = receiver_start(&no, 1);
        struct world *w = world_open();
        const char *id = give_delivery(w, "a");
        struct row row;

        give_endpoint(w, "a", receiver);
        world_start(w);
        AWAIT(in_state(w, id, DELIVERY_FAILED));
        row = look(w, id);
        CHECK_INT(receiver_count(receiver), 3);
        CHECK_INT(row.delivery.progress.attempts, 3);
        CHECK_TEXT(row.delivery.reason, "schedule_exhausted");
        CHECK_TEXT(row.last.error, "the endpoint answered 500");
        CHECK_TEXT(row.types, "started failed started failed started exhausted ");
        world_close(w);
        receiver_stop(receiver);
}

static void an_editors_own_schedule_goes_first(void)
{
        const struct step no = {REACT_ANSWER, 500, NULL, 0};
        struct receiver *receiver = receiver_start(&no, 1);
        struct world *w = world_open();
        struct endpoint endpoint = endpoint_at(w, "a", receiver);
        const char *id = give_delivery(w, "a");

        endpoint.own_schedule = true; /* empty: no retries */
        put_endpoint(w, &endpoint);
        world_start(w);
        AWAIT(in_state(w, id, DELIVERY_FAILED));
        CHECK_INT(receiver_count(receiver), 1);
        world_close(w);
        receiver_stop(receiver);
}

static void gone_switches_the_endpoint_off(void)
{
        const struct step gone = {REACT_ANSWER, 410, NULL, 0};
        struct receiver *receiver = receiver_start(&gone, 1);
        struct world *w = world_open();
        const char *id = give_delivery(w, "a");
        struct row row;

        give_endpoint(w, "a", receiver);
        world_start(w);
        AWAIT(in_state(w, id, DELIVERY_FAILED));
        row = look(w, id);
        CHECK_TEXT(row.delivery.reason, "final_outcome");
        CHECK(row.endpoint.disabled_at_ms > 0);
        id = give_delivery(w, "a");
        AWAIT(in_state(w, id, DELIVERY_FAILED));
        row = look(w, id);
        CHECK_TEXT(row.delivery.reason, "endpoint_disabled");
        CHECK_INT(row.delivery.progress.attempts, 0);
        CHECK_TEXT(row.types, "started exhausted exhausted ");
        CHECK_INT(receiver_count(receiver), 1);
        world_close(w);
        receiver_stop(receiver);
}

static void redirects_are_not_followed(void)
{
        struct step steps[] = {{REACT_ANSWER, 301, NULL, 0}, {REACT_ANSWER, 200, NULL, 0}};
        struct receiver *receiver = receiver_start(steps, 2);
        struct world *w = world_open();
        const char *id = give_delivery(w, "a");
        struct row row;

        steps[0].header = arena_printf(w->arena, "Location: http://127.0.0.1:%d/elsewhere", receiver_port(receiver));
        w->delays_ms[0] = 600000;
        give_endpoint(w, "a", receiver);
        world_start(w);
        AWAIT(look(w, id).delivery.progress.attempts == 1);
        row = look(w, id);
        CHECK_INT(row.delivery.progress.state, DELIVERY_WAITING);
        CHECK_TEXT(row.last.outcome, "http_3xx");
        CHECK_INT(receiver_count(receiver), 1);
        world_close(w);
        receiver_stop(receiver);
}

static void waits_as_long_as_the_endpoint_asks(void)
{
        const struct step busy = {REACT_ANSWER, 429, "Retry-After: 7", 0};
        struct receiver *receiver = receiver_start(&busy, 1);
        struct world *w = world_open();
        const char *id = give_delivery(w, "a");
        int64_t wait_ms;

        give_endpoint(w, "a", receiver);
        world_start(w);
        AWAIT(look(w, id).delivery.progress.attempts == 1);
        wait_ms = look(w, id).delivery.progress.due_at_ms - due_clock_ms(&w->clock);
        CHECK(wait_ms > 5000 && wait_ms <= 7000);
        world_close(w);
        receiver_stop(receiver);
}

static void outcome_is(const struct step *step, const char *outcome, const char *other)
{
        struct receiver *receiver = receiver_start(step, 1);
        struct world *w = world_open();
        const char *id = give_delivery(w, "a");
        struct row row;

        w->config.timeout_ms = 1000;
        w->delays_ms[0] = 600000;
        give_endpoint(w, "a", receiver);
        world_start(w);
        AWAIT(look(w, id).delivery.progress.attempts == 1);
        row = look(w, id);
        CHECK_INT(row.delivery.progress.state, DELIVERY_WAITING);
        if (!str_equal(row.last.outcome, other))
                CHECK_TEXT(row.last.outcome, outcome);
        CHECK(!str_is_blank(row.last.error));
        CHECK_INT(row.last.status_code, 0);
        world_close(w);
        receiver_stop(receiver);
}

static void a_slow_endpoint_times_out(void)
{
        const struct step slow = {REACT_ANSWER, 200, NULL, 4000};

        outcome_is(&slow, "timeout", NULL);
}

static void a_reset_is_retried(void)
{
        const struct step reset = {REACT_RESET, 0, NULL, 0};

        outcome_is(&reset, "connect", "protocol");
}

static void garbage_is_retried(void)
{
        const struct step garbage = {REACT_GARBAGE, 0, NULL, 0};

        outcome_is(&garbage, "protocol", NULL);
}

static void a_forbidden_address_is_final(void)
{
        const struct step ok = {REACT_ANSWER, 200, NULL, 0};
        struct receiver *receiver = receiver_start(&ok, 1);
        struct world *w = world_open();
        const char *id = give_delivery(w, "a"), *detail = NULL;
        struct egress *strict = NULL;
        struct row row;

        CHECK_INT(egress_new("", true, "", &strict, &detail), ERR_OK);
        w->config.egress = strict;
        give_endpoint(w, "a", receiver);
        world_start(w);
        AWAIT(in_state(w, id, DELIVERY_FAILED));
        row = look(w, id);
        CHECK_TEXT(row.last.outcome, "blocked");
        CHECK_TEXT(row.delivery.reason, "final_outcome");
        CHECK_INT(receiver_count(receiver), 0);
        world_close(w);
        egress_free(strict);
        receiver_stop(receiver);
}

/* Its sender was killed in mid-attempt: the lease runs out, and another sends the same. */
static void a_lost_lease_is_taken_over(void)
{
        const struct step ok = {REACT_ANSWER, 200, NULL, 0};
        struct receiver *receiver = receiver_start(&ok, 1);
        struct world *w = world_open();
        const struct delivery_progress leased = {
                .state = DELIVERY_LEASED, .fence = 4, .due_at_ms = due_clock_ms(&w->clock) + 300};
        const char *id = put_delivery(w, "a", leased);
        struct row row;

        give_endpoint(w, "a", receiver);
        world_start(w);
        AWAIT(in_state(w, id, DELIVERY_SUCCEEDED));
        row = look(w, id);
        CHECK(row.last.started_at_ms >= leased.due_at_ms - 5);
        CHECK_INT(row.delivery.progress.fence, 5);
        CHECK_INT(row.delivery.progress.attempts, 1);
        CHECK_TEXT(receiver_request(receiver, 0).id, id);
        CHECK_TEXT(receiver_request(receiver, 0).body, BODY);
        world_close(w);
        receiver_stop(receiver);
}

static void what_the_end_cuts_short_is_given_back(void)
{
        const struct step steps[] = {{REACT_ANSWER, 200, NULL, 4000}, {REACT_ANSWER, 200, NULL, 0}};
        struct receiver *receiver = receiver_start(steps, 2);
        struct world *w = world_open();
        const char *id = give_delivery(w, "a");

        give_endpoint(w, "a", receiver);
        world_start(w);
        AWAIT(receiver_count(receiver) == 1);
        sender_stop(TAKE(w->sender), 50);
        CHECK(in_state(w, id, DELIVERY_WAITING));
        CHECK_INT(look(w, id).delivery.progress.attempts, 0);
        world_start(w);
        AWAIT(in_state(w, id, DELIVERY_SUCCEEDED));
        CHECK_TEXT(receiver_request(receiver, 1).id, receiver_request(receiver, 0).id);
        CHECK_TEXT(receiver_request(receiver, 1).body, receiver_request(receiver, 0).body);
        world_close(w);
        receiver_stop(receiver);
}

static void a_slow_attempt_of_our_own_keeps_its_delivery(void)
{
        const struct step slow = {REACT_ANSWER, 200, NULL, 1000};
        struct receiver *receiver = receiver_start(&slow, 1);
        struct world *w = world_open();
        const char *id = give_delivery(w, "a");

        w->config.lease_ms = 100;
        give_endpoint(w, "a", receiver);
        world_start(w);
        AWAIT(in_state(w, id, DELIVERY_SUCCEEDED));
        CHECK_INT(receiver_count(receiver), 1);
        world_close(w);
        receiver_stop(receiver);
}

static void a_dead_editor_delays_no_other(void)
{
        const struct step dead = {REACT_ANSWER, 200, NULL, 10000}, ok = {REACT_ANSWER, 200, NULL, 0};
        struct receiver *hole = receiver_start(&dead, 1), *receiver = receiver_start(&ok, 1);
        struct world *w = world_open();
        const char *ids[20];
        int64_t started_ms;

        w->config.endpoint_inflight = 4;
        w->config.max_inflight = 8;
        give_endpoint(w, "a-dead", hole);
        give_endpoint(w, "b-well", receiver);
        for (int i = 0; i < 100; i++)
                (void)give_delivery(w, "a-dead");
        for (size_t i = 0; i < ARRAY_LEN(ids); i++)
                ids[i] = give_delivery(w, "b-well");
        started_ms = clock_mono_ms();
        world_start(w);
        for (size_t i = 0; i < ARRAY_LEN(ids); i++)
                AWAIT(in_state(w, ids[i], DELIVERY_SUCCEEDED));
        CHECK(clock_mono_ms() - started_ms < 4000);
        CHECK(receiver_most_open(hole) <= 4);
        CHECK(receiver_most_open(receiver) <= 4);
        world_close(w);
        receiver_stop(hole);
        receiver_stop(receiver);
}

/* ---- fairness: three hundred endpoints, three of them ill, and one with a thousand times the load of the others ---- */

#define SMALL_ONES 296
#define BIG_LOAD   1000
#define ILL_LOAD   100
#define BIG_ONES_AHEAD \
        64 /* of the big one's requests before the last of the small ones': one turn each in some rounds */

struct crowd {
        struct world *world;
        const char *big_ids[BIG_LOAD];
        size_t small_count, big_count;
};

static enum err insert_crowd(struct db_tx *tx, void *arg)
{
        static const char *const ill[] = {"a-dead", "b-slow", "z-flapping"};
        struct crowd *crowd = arg;
        struct world *w = crowd->world;
        int64_t now_ms = clock_wall_ms(), due_ms = due_clock_ms(&w->clock);
        enum err err = ERR_OK;

        crowd->big_count = crowd->small_count = 0;
        for (size_t i = 0; !err && i < BIG_LOAD + SMALL_ONES + 3 * ILL_LOAD; i++) {
                struct row row = {.world = w};
                char id[ID_UUID_MAX];
                const char *editor_id = "m-big";

                if (i >= BIG_LOAD && i < BIG_LOAD + SMALL_ONES)
                        editor_id = arena_printf(w->arena, "s-%03zu", crowd->small_count++);
                else if (i >= BIG_LOAD)
                        editor_id = ill[i % ARRAY_LEN(ill)];
                row.delivery = (struct delivery){.id = arena_strdup(w->arena, id_uuid7(id)),
                                                 .market = MARKET,
                                                 .editor_id = editor_id,
                                                 .body = BODY,
                                                 .body_length = strlen(BODY),
                                                 .completed_at_ms = now_ms,
                                                 .created_at_ms = now_ms,
                                                 .progress = {.due_at_ms = due_ms}};
                row.delivery.event_id = row.delivery.id;
                if (i < BIG_LOAD)
                        crowd->big_ids[crowd->big_count++] = row.delivery.id;
                err = insert_row(tx, &row);
        }
        return err;
}

static bool is_big(const struct crowd *crowd, const char *id)
{
        for (size_t i = 0; i < crowd->big_count; i++)
                if (strcmp(crowd->big_ids[i], id) == 0)
                        return true;
        return false;
}

/* How many of the big one's requests had come when the last of the small ones' came. */
static size_t big_ones_ahead(const struct crowd *crowd, struct receiver *receiver)
{
        size_t big = 0, small = 0;

        for (size_t i = 0; i < BIG_LOAD + SMALL_ONES && small < SMALL_ONES; i++) {
                bool of_big = is_big(crowd, receiver_request(receiver, i).id);

                big += of_big;
                small += !of_big;
        }
        CHECK_INT(small, SMALL_ONES);
        return big;
}

static void give_endpoints(struct world *w, struct receiver *well, struct receiver *dead, struct receiver *slow,
                           struct receiver *flapping)
{
        give_endpoint(w, "a-dead", dead);
        give_endpoint(w, "b-slow", slow);
        give_endpoint(w, "z-flapping", flapping);
        give_endpoint(w, "m-big", well);
        for (int i = 0; i < SMALL_ONES; i++)
                give_endpoint(w, arena_printf(w->arena, "s-%03d", i), well);
}

static void ill_and_big_editors_delay_no_other(void)
{
        const struct step never = {REACT_ANSWER, 200, NULL, 60000}, late = {REACT_ANSWER, 200, NULL, 10000};
        const struct step ok = {REACT_ANSWER, 200, NULL, 0};
        struct step flaps[ILL_LOAD * 2];
        struct receiver *well = receiver_start(&ok, 1), *dead = receiver_start(&never, 1);
        struct receiver *slow = receiver_start(&late, 1), *flapping;
        struct world *w = world_open();
        struct crowd crowd = {.world = w};

        for (size_t i = 0; i < ARRAY_LEN(flaps); i++)
                flaps[i] = (struct step){REACT_ANSWER, i % 7 < 3 ? 503 : 200, NULL, 0};
        flapping = receiver_start(flaps, ARRAY_LEN(flaps));
        w->config.max_inflight = 64; /* four endpoints' worth: the ill ones must not hold it all */
        w->config.timeout_ms = 20000;
        give_endpoints(w, well, dead, slow, flapping);
        CHECK_INT(db_write(w->db, insert_crowd, &crowd), ERR_OK);
        world_start(w);

        AWAIT(receiver_count(well) >= BIG_LOAD + SMALL_ONES);
        /* All of them, once each, before the slow one has answered anything, and the small ones ahead of the big one. */
        CHECK_INT(receiver_count(well), BIG_LOAD + SMALL_ONES);
        CHECK(big_ones_ahead(&crowd, well) <= BIG_ONES_AHEAD);
        CHECK_INT(receiver_count(slow), 16);
        CHECK_INT(receiver_count(dead), 16);
        CHECK(receiver_most_open(well) <= 64);
        AWAIT(receiver_count(flapping) > ILL_LOAD); /* it is served too, second tries included */
        CHECK_INT(receiver_count(slow), 16);
        world_close(w);
        receiver_stop(well);
        receiver_stop(dead);
        receiver_stop(slow);
        receiver_stop(flapping);
}

static void an_open_circuit_holds_back_until_somebody_asks(void)
{
        const struct step steps[] = {
                {REACT_ANSWER, 503, NULL, 0}, {REACT_ANSWER, 503, NULL, 0}, {REACT_ANSWER, 200, NULL, 0}};
        struct receiver *receiver = receiver_start(steps, 3);
        struct world *w = world_open();
        const char *id = give_delivery(w, "a"), *next;

        w->config.breaker = (struct breaker_policy){2, 60000};
        w->delays_ms[1] = 1;
        give_endpoint(w, "a", receiver);
        world_start(w);
        AWAIT(look(w, id).delivery.progress.attempts == 2);
        next = give_delivery(w, "a");
        usleep(400000); /* longer than the sender's own look: nothing may come */
        CHECK_INT(receiver_count(receiver), 2);
        sender_probe(w->sender, "a");
        sender_wake(w->sender);
        AWAIT(in_state(w, id, DELIVERY_SUCCEEDED));
        AWAIT(in_state(w, next, DELIVERY_SUCCEEDED));
        world_close(w);
        receiver_stop(receiver);
}

static void waits_for_an_endpoint_it_has_not_heard_of(void)
{
        const struct step ok = {REACT_ANSWER, 200, NULL, 0};
        struct receiver *receiver = receiver_start(&ok, 1);
        struct world *w = world_open();
        const char *id = give_delivery(w, "a");

        world_start(w);
        AWAIT(look(w, id).delivery.progress.postponed == 1);
        CHECK_TEXT(look(w, id).types, "");
        give_endpoint(w, "a", receiver);
        AWAIT(in_state(w, id, DELIVERY_SUCCEEDED));
        CHECK_INT(look(w, id).delivery.progress.attempts, 1);
        world_close(w);
        receiver_stop(receiver);
}

static void without_a_url_it_ends_without_an_attempt(void)
{
        struct world *w = world_open();
        const struct endpoint nowhere = {
                .known = true, .editor_id = "a", .version = 1, .active = true, .authorized = true};
        const char *id = give_delivery(w, "a");
        struct row row;

        put_endpoint(w, &nowhere);
        world_start(w);
        AWAIT(in_state(w, id, DELIVERY_FAILED));
        row = look(w, id);
        CHECK_TEXT(row.delivery.reason, "no_endpoint");
        CHECK_TEXT(row.delivery.error, "no webhook URL is registered");
        CHECK_TEXT(row.types, "exhausted ");
        world_close(w);
}

/* Another process holds the database: nothing can be written. */
static int hold_database(const struct world *w)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        int fd = open(arena_printf(arena, "%s/webhook.db.lock", w->folder), O_RDWR | O_CLOEXEC);

        CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0);
        return fd;
}

static void what_can_not_be_recorded_stops_the_sending(void)
{
        const struct step slow = {REACT_ANSWER, 200, NULL, 300};
        struct receiver *receiver = receiver_start(&slow, 1);
        struct world *w = world_open();
        const char *first = give_delivery(w, "a"), *second = give_delivery(w, "a");
        int held;

        w->config.endpoint_inflight = 1;
        give_endpoint(w, "a", receiver);
        world_start(w);
        AWAIT(receiver_count(receiver) == 1);
        held = hold_database(w);
        usleep(3000000); /* longer than a statement may wait: it has failed at least once */
        CHECK_INT(receiver_count(receiver), 1);
        CHECK(in_state(w, first, DELIVERY_LEASED));
        close(held);
        AWAIT(in_state(w, first, DELIVERY_SUCCEEDED));
        AWAIT(in_state(w, second, DELIVERY_SUCCEEDED));
        CHECK_INT(receiver_count(receiver), 2);
        CHECK_INT(look(w, first).delivery.progress.fence, 1);
        world_close(w);
        receiver_stop(receiver);
}

static enum err take_over_and_succeed(struct db_tx *tx, void *arg)
{
        struct row *row = arg;
        struct delivery_progress before;
        bool saved = false;
        enum err err = store_delivery(tx, row->world->arena, row->delivery.id, &row->delivery);

        if (err)
                return err;
        before = row->delivery.progress;
        CHECK(delivery_step(&row->delivery.progress, DELIVERY_CLAIM, 1, 2));
        CHECK(delivery_step(&row->delivery.progress, DELIVERY_SUCCEED, 2, 0));
        err = store_save_progress(tx, &row->delivery, &before, &saved);
        CHECK(saved);
        return err;
}

/* It was stopped for longer than its lease; another sender has done the work since. */
static void a_late_result_overwrites_nothing(void)
{
        const struct step slow = {REACT_ANSWER, 410, NULL, 500};
        struct receiver *receiver = receiver_start(&slow, 1);
        struct world *w = world_open();
        const char *id = give_delivery(w, "a");
        struct row row = {.world = w, .delivery = {.id = id}};

        give_endpoint(w, "a", receiver);
        world_start(w);
        AWAIT(receiver_count(receiver) == 1);
        CHECK_INT(db_write(w->db, take_over_and_succeed, &row), ERR_OK);
        sender_stop(TAKE(w->sender), 5000); /* waits for the result */
        row = look(w, id);
        CHECK_INT(row.delivery.progress.state, DELIVERY_SUCCEEDED);
        CHECK_INT(row.delivery.progress.attempts, 1);
        CHECK_INT(row.last.number, 0);
        CHECK_INT(row.endpoint.disabled_at_ms, 0);
        CHECK_TEXT(row.types, "started ");
        world_close(w);
        receiver_stop(receiver);
}

static void during_a_rotation_both_secrets_sign(void)
{
        const struct step ok = {REACT_ANSWER, 200, NULL, 0};
        struct receiver *receiver = receiver_start(&ok, 1);
        struct world *w = world_open();
        struct endpoint endpoint = endpoint_at(w, "a", receiver);
        const char *id = give_delivery(w, "a");
        struct received got;
        int64_t at;

        CHECK_INT(sealed_seal(w->keyring, w->arena, "a", OLD_SECRET, &endpoint.old_secret), ERR_OK);
        endpoint.old_secret_expires_ms = clock_wall_ms() + 60000;
        put_endpoint(w, &endpoint);
        world_start(w);
        AWAIT(in_state(w, id, DELIVERY_SUCCEEDED));
        got = receiver_request(receiver, 0);
        at = strtoll(got.timestamp, NULL, 10);
        CHECK(webhook_verify_seed(w->arena, OLD_SECRET, got.body, got.body_length, got.seed_signature));
        CHECK(!webhook_verify_seed(w->arena, SECRET, got.body, got.body_length, got.seed_signature));
        CHECK(webhook_verify_standard(w->arena, SECRET, id, at, got.body, got.body_length, got.signature));
        CHECK(webhook_verify_standard(w->arena, OLD_SECRET, id, at, got.body, got.body_length, got.signature));
        world_close(w);
        receiver_stop(receiver);
}

static void every_metric_is_there_from_the_start(void)
{
        static const char *const lines[] = {"vr_webhook_attempts_total{outcome=\"blocked\"} 0",
                                            "vr_webhook_deliveries_total{result=\"refused\"} 0",
                                            "vr_webhook_queue_depth{state=\"scheduled\"} 0",
                                            "vr_webhook_oldest_due_age_seconds 0",
                                            "vr_webhook_circuits{state=\"half_open\"} 0",
                                            "vr_webhook_delivery_latency_seconds_count 0",
                                            "vr_webhook_attempt_duration_seconds_count{outcome=\"tls\"} 0"};
        AUTO(buf_done) struct buf text = {0};
        struct world *w = world_open();

        world_start(w);
        metrics_write(w->metrics, &text);
        for (size_t i = 0; i < ARRAY_LEN(lines); i++)
                if (!strstr(buf_text(&text), lines[i]))
                        unit_fail(__FILE__, __LINE__, "missing: %s", lines[i]);
        world_close(w);
}

UNIT_TESTS(UNIT(delivers_signed), UNIT(retries_with_the_same_id_and_bytes),
           UNIT(gives_up_when_the_schedule_has_run_out), UNIT(an_editors_own_schedule_goes_first),
           UNIT(gone_switches_the_endpoint_off), UNIT(redirects_are_not_followed),
           UNIT(waits_as_long_as_the_endpoint_asks), UNIT(a_slow_endpoint_times_out), UNIT(a_reset_is_retried),
           UNIT(garbage_is_retried), UNIT(a_forbidden_address_is_final), UNIT(a_lost_lease_is_taken_over),
           UNIT(what_the_end_cuts_short_is_given_back), UNIT(what_can_not_be_recorded_stops_the_sending),
           UNIT(a_late_result_overwrites_nothing), UNIT(a_slow_attempt_of_our_own_keeps_its_delivery),
           UNIT(a_dead_editor_delays_no_other), UNIT(ill_and_big_editors_delay_no_other),
           UNIT(an_open_circuit_holds_back_until_somebody_asks), UNIT(waits_for_an_endpoint_it_has_not_heard_of),
           UNIT(without_a_url_it_ends_without_an_attempt), UNIT(during_a_rotation_both_secrets_sign),
           UNIT(every_metric_is_there_from_the_start))
