/* The service's handlers behind their router, on a real database and a real Redis, with one editor. For tests. */
#ifndef VR_AUTH_TEST_SERVICE_H
#define VR_AUTH_TEST_SERVICE_H

#include <string.h>

#include "common/base/clock.h"
#include "common/base/str.h"
#include "common/io/json.h"
#include "services/auth/app.h"
#include "services/auth/client_secret.h"
#include "services/auth/handlers.h"
#include "services/auth/test_database.h"
#include "tests/support/redis_server.h"

#define FORM "application/x-www-form-urlencoded"
#define BODY "grant_type=client_credentials"

struct place {
        struct test_database database;
        struct redis_server redis;
        struct auth_settings settings;
        struct auth_app app;
        struct arena *arena;
        struct editor editor; /* client id "demo" */
        const char *secret;
};

static inline enum err test_insert_editor(struct db_tx *tx, void *arg)
{
        const struct editor *editor = arg;
        enum err err = auth_store_insert(tx, editor);

        return err ? err : auth_store_add_client_secret(tx, editor->id, &editor->client_secrets[0]);
}

static inline enum err test_update_editor(struct db_tx *tx, void *arg)
{
        return auth_store_update(tx, arg);
}

static inline void place_open(struct place *place)
{
        struct auth_app *app = &place->app;

        test_database_open(&place->database);
        log_init("vr-auth", "", LOG_LEVEL_ERROR, LOG_FORMAT_JSON);
        place->arena = arena_new();
        CHECK(redis_server_start(&place->redis, NULL));
        place->settings.token_ttl_s = 86400;
        place->settings.service.public_url = "https://voie-rapide.example";
        app->settings = &place->settings;
        app->service.metrics = metrics_new();
        app->issued = metrics_counter(app->service.metrics, "vr_tokens_issued_total", "result", "");
        app->db = place->database.db;
        app->checker.db = app->db;
        CHECK_INT(
                cache_open(&(struct cache_config){.url = place->redis.url, .pool = 16, .timeout_ms = 500}, &app->cache),
                ERR_OK);
        CHECK_INT(audit_tally_new(&app->tally), ERR_OK);
        app->token_limiter =
                (struct rate_limiter){.cache = app->cache, .name = "token", .window_ms = RATE_LIMIT_HOUR_MS};
        CHECK_INT(router_new(&(struct router_config){.routes = auth_routes,
                                                     .app = app,
                                                     .metrics = app->service.metrics,
                                                     .render_error = auth_render_error,
                                                     .finish = auth_finish},
                             &app->router),
                  ERR_OK);
        place->editor = test_editor("0197a1b2-0000-7000-8000-000000000001", "demo", 1000);
        client_secret_new(place->arena, 1000, &place->editor.client_secrets[0], &place->secret);
        CHECK_INT(db_write(app->db, test_insert_editor, &place->editor), ERR_OK);
}

static inline void place_done(struct place *place)
{
        router_free(place->app.router);
        audit_tally_free(place->app.tally);
        cache_close(place->app.cache);
        metrics_free(place->app.service.metrics);
        redis_server_stop(&place->redis);
        arena_free(place->arena);
        test_database_done(&place->database);
}

/* ---- asking ---- */

struct ask {
        const char *method, *path, *query, *type, *authorization, *body;
};

struct answer {
        int status;
        const char *body, *cache_control, *pragma, *challenge, *retry_after, *allow;
        const char *rate_limit, *rate_remaining, *rate_reset;
};

static inline const char *copy(struct arena *arena, const struct http_response *response, const char *name)
{
        for (size_t i = 0; i < response->header_count; i++)
                if (str_equal_nocase(response->headers[i].name, name))
                        return arena_strdup(arena, response->headers[i].value);
        return NULL;
}

static inline struct answer ask(struct place *place, struct arena *result_arena, struct ask ask)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct http_header headers[2];
        struct http_request request = {
                .arena = arena,
                .method = ask.method ? ask.method : "POST",
                .path = ask.path ? ask.path : "/oauth/token",
                .query = ask.query ? ask.query : "",
                .headers = headers,
                .body = ask.body ? ask.body : "",
                .remote = "127.0.0.1",
                .started_ns = clock_mono_ns(),
        };
        struct http_response response = {0};
        struct answer answer;

        (void)place;
        request.body_length = strlen(request.body);
        headers[request.header_count++] = (struct http_header){"Content-Type", ask.type ? ask.type : FORM};
        if (ask.authorization)
                headers[request.header_count++] = (struct http_header){"Authorization", ask.authorization};
        router_handle(place->app.router, &request, &response);
        answer = (struct answer){
                .status = response.status,
                .body = arena_strdup(result_arena, buf_text(&response.body)),
                .cache_control = copy(result_arena, &response, "Cache-Control"),
                .pragma = copy(result_arena, &response, "Pragma"),
                .challenge = copy(result_arena, &response, "WWW-Authenticate"),
                .retry_after = copy(result_arena, &response, "Retry-After"),
                .allow = copy(result_arena, &response, "Allow"),
                .rate_limit = copy(result_arena, &response, "X-RateLimit-Limit"),
                .rate_remaining = copy(result_arena, &response, "X-RateLimit-Remaining"),
                .rate_reset = copy(result_arena, &response, "X-RateLimit-Reset"),
        };
        buf_done(&response.body);
        if (!str_starts_with(request.path, "/.well-known/") || answer.status != 200) {
                CHECK_TEXT(answer.cache_control, "no-store");
                CHECK_TEXT(answer.pragma, "no-cache");
        }
        CHECK((answer.status == 401) == (answer.challenge != NULL));
        CHECK((answer.status == 503 || answer.status == 429) == (answer.retry_after != NULL));
        return answer;
}

static inline const char *with_credentials(struct place *place, const char *more)
{
        return arena_printf(place->arena, BODY "&client_id=demo&client_secret=%s%s", place->secret, more);
}

static inline const char *token_of(struct place *place, const struct answer *answer)
{
        AUTO(json_freep) struct json *json = NULL;

        CHECK_INT(json_parse(answer->body, strlen(answer->body), &json), ERR_OK);
        return arena_strdup(place->arena, json_get_text(json, "access_token"));
}

#define ASK(...) ask(&place, place.arena, (struct ask){__VA_ARGS__})

#endif
