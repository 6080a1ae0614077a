#include "deploy/demo/platform_client.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/str.h"
#include "common/io/crypto.h"
#include "common/io/json.h"

#define TIMEOUT_MS  10000
#define EARLY_MS    60000 /* a token this close to its end is asked for anew */
#define TOKEN_CHARS 128

struct platform_client {
        struct platform_config config;
        struct http_client *http;
        pthread_mutex_t lock;
        char token[TOKEN_CHARS];
        int64_t token_until_ms; /* monotonic */
};

enum err platform_client_new(const struct platform_config *config, struct platform_client **ret_client)
{
        struct platform_client *client = calloc(1, sizeof(*client));
        enum err err;

        if (!client)
                return ERR_NO_MEMORY;
        client->config = *config;
        err = http_client_new(TIMEOUT_MS, &client->http);
        if (err) {
                free(client);
                return err;
        }
        pthread_mutex_init(&client->lock, NULL);
        *ret_client = client;
        return ERR_OK;
}

void platform_client_free(struct platform_client *client)
{
        if (!client)
                return;
        http_client_free(client->http);
        pthread_mutex_destroy(&client->lock);
        crypto_wipe(client->token, sizeof(client->token));
        free(client);
}

/* The API's refusal, whichever of its forms it takes. */
static enum err read_refusal(struct arena *arena, const struct json *root, struct platform_answer *answer)
{
        const char *text = json_get_text(root, "error_description");
        const char **one;

        if (json_is(json_get(root, "errors"), JSON_ARRAY))
                return json_to_texts(arena, json_get(root, "errors"), &answer->errors, &answer->error_count);
        text = text ? text : json_get_text(root, "error");
        one = ARENA_ARRAY(arena, const char *, 2);
        one[0] = arena_strdup(arena, text ? text : "?");
        answer->errors = one;
        answer->error_count = 1;
        return ERR_OK;
}

static enum err request_token(struct platform_client *client, struct arena *arena, struct platform_answer *answer)
{
        const struct platform_config *config = &client->config;
        const char *user = str_url_encode(arena, config->client_id),
                   *secret = str_url_encode(arena, config->client_secret);
        const char *pair = arena_printf(arena, "%s:%s", user, secret);
        const struct http_header headers[] = {
                {"Authorization", arena_printf(arena, "Basic %s", str_base64(arena, pair, strlen(pair)))},
                {"Content-Type", "application/x-www-form-urlencoded"},
        };
        const char body[] = "grant_type=client_credentials&scope=api_access";
        const struct http_client_request request = {
                .method = "POST",
                .url = arena_printf(arena, "%s/oauth/token", config->base_url),
                .headers = headers,
                .header_count = ARRAY_LEN(headers),
                .body = body,
                .body_length = sizeof(body) - 1,
        };
        struct http_client_response response = {0};
        AUTO(json_freep) struct json *root = NULL;
        const char *token;
        enum err err = http_client_send(client->http, arena, &request, &response);

        if (err)
                return err;
        answer->status = response.status;
        if (json_parse(response.body, response.body_length, &root))
                return ERR_UNAVAILABLE;
        if (response.status != 200)
                return read_refusal(arena, root, answer);
        token = json_get_text(root, "access_token");
        if (!token || strlen(token) >= TOKEN_CHARS)
                return ERR_CORRUPT;
        memcpy(client->token, token, strlen(token) + 1);
        client->token_until_ms = clock_mono_ms() + json_get_int(root, "expires_in", 0) * 1000 - EARLY_MS;
        return ERR_OK;
}

/* NULL when it was refused: `answer` says why. */
static enum err take_token(struct platform_client *client, struct arena *arena, bool fresh,
                           struct platform_answer *answer, const char **ret_token)
{
        enum err err = ERR_OK;

        *ret_token = NULL;
        pthread_mutex_lock(&client->lock);
        if (fresh || client->token_until_ms <= clock_mono_ms()) {
                client->token[0] = '\0';
                err = request_token(client, arena, answer);
        }
        if (!err && client->token[0])
                *ret_token = arena_strdup(arena, client->token);
        pthread_mutex_unlock(&client->lock);
        return err;
}

static const char *market_json(struct arena *arena, const struct platform_market *market)
{
        AUTO(buf_done) struct buf out = {0};
        struct json_write w = json_write_to(&out);

        json_object(&w, NULL);
        json_object(&w, "public_market");
        json_string(&w, "name", market->name);
        json_string(&w, "lot_name", market->lot_name);
        json_string(&w, "deadline", market->deadline);
        json_strings(&w, "market_type_codes", market->type_codes, market->type_code_count);
        json_end(&w);
        json_end(&w);
        return arena_strdup(arena, buf_text(&out));
}

static enum err post_market(struct platform_client *client, struct arena *arena, const char *token, const char *body,
                            struct platform_answer *answer)
{
        const struct http_header headers[] = {
                {"Authorization", arena_printf(arena, "Bearer %s", token)},
                {"Content-Type", "application/json"},
        };
        const struct http_client_request request = {
                .method = "POST",
                .url = arena_printf(arena, "%s/api/v1/public_markets", client->config.base_url),
                .headers = headers,
                .header_count = ARRAY_LEN(headers),
                .body = body,
                .body_length = strlen(body),
        };
        struct http_client_response response = {0};
        AUTO(json_freep) struct json *root = NULL;
        enum err err = http_client_send(client->http, arena, &request, &response);

        if (err)
                return err;
        answer->status = response.status;
        if (json_parse(response.body, response.body_length, &root))
                return ERR_UNAVAILABLE;
        if (response.status != 201)
                return read_refusal(arena, root, answer);
        answer->identifier = arena_strdup(arena, json_get_text(root, "identifier"));
        answer->configuration_url = arena_strdup(arena, json_get_text(root, "configuration_url"));
        return answer->identifier && answer->configuration_url ? ERR_OK : ERR_CORRUPT;
}

enum err platform_create_market(struct platform_client *client, struct arena *arena,
                                const struct platform_market *market, struct platform_answer *ret_answer)
{
        const char *body = market_json(arena, market), *token = NULL;
        enum err err = take_token(client, arena, false, ret_answer, &token);

        if (err || !token)
                return err;
        err = post_market(client, arena, token, body, ret_answer);
        if (err || ret_answer->status != 401)
                return err;
        /* The token was revoked or Redis came back empty: once more with a new one. */
        *ret_answer = (struct platform_answer){0};
        err = take_token(client, arena, true, ret_answer, &token);
        if (err || !token)
                return err;
        return post_market(client, arena, token, body, ret_answer);
}
