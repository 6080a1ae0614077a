#include <string.h>

#include "common/app/fields.h"
#include "common/app/reply.h"
#include "common/base/clock.h"
#include "common/base/id.h"
#include "common/base/json_write.h"
#include "common/base/str.h"
#include "common/io/crypto.h"
#include "common/io/json.h"
#include "services/market/app.h"
#include "services/market/handlers.h"
#include "services/market/http_etag.h"
#include "services/market/market_events.h"
#include "services/market/market_json.h"
#include "services/market/market_store.h"

#define IDEMPOTENCY_KEY_MAX 255

/* ---- POST /api/v1/public_markets ---- */

struct creation_body {
        struct market_request request;
        struct field_texts types;
};
static const struct field creation_fields[] = {
        {"name", FIELD_TEXT, offsetof(struct creation_body, request.name),
         offsetof(struct creation_body, request.name_state)},
        {"lot_name", FIELD_TEXT, offsetof(struct creation_body, request.lot_name),
         offsetof(struct creation_body, request.lot_name_state)},
        {"deadline", FIELD_TEXT, offsetof(struct creation_body, request.deadline),
         offsetof(struct creation_body, request.deadline_state)},
        {"market_type_codes", FIELD_TEXTS, offsetof(struct creation_body, types),
         offsetof(struct creation_body, request.types_state)},
        {NULL},
};

static enum err refuse(struct exchange *x, enum err err, const char *public_detail)
{
        x->public_detail = public_detail;
        return err;
}

static bool is_json(struct exchange *x)
{
        const char *type = http_request_header(x->request, "Content-Type");

        if (!type || http_request_header_count(x->request, "Content-Type") != 1)
                return false;
        return str_equal_nocase(str_trim(x->arena, arena_strndup(x->arena, type, strcspn(type, ";"))),
                                "application/json");
}

static enum err read_creation(struct exchange *x, struct market_request *ret_request)
{
        AUTO(json_freep) struct json *root = NULL;
        struct creation_body body = {0};
        const char *reason = NULL;
        const struct json *members;
        enum err err;

        if (!is_json(x))
                return refuse(x, ERR_MEDIA_TYPE, "Content-Type must be application/json");
        err = json_gate(x->request->body, x->request->body_length, &reason);
        if (err)
                return refuse(x, err, reason);
        err = json_parse(x->request->body, x->request->body_length, &root);
        if (err)
                return err;
        members = json_get(root, "public_market");
        if (!json_is(members, JSON_OBJECT))
                return refuse(x, ERR_BAD_REQUEST, "public_market must be an object");
        fields_read(x->arena, members, creation_fields, &body);
        body.request.type_codes = body.types.texts;
        body.request.type_code_count = body.types.count;
        *ret_request = body.request;
        return ERR_OK;
}

/* NULL without one. */
static enum err read_idempotency_key(struct exchange *x, const char **ret_key)
{
        const char *key = http_request_header(x->request, "Idempotency-Key");
        size_t length = key ? strlen(key) : 0;
        bool fine = length >= 1 && length <= IDEMPOTENCY_KEY_MAX;

        if (!key) {
                *ret_key = NULL;
                return ERR_OK;
        }
        for (size_t i = 0; i < length; i++)
                fine = fine && key[i] >= ' ' && key[i] <= '~';
        if (!fine || http_request_header_count(x->request, "Idempotency-Key") != 1)
                return refuse(x, ERR_BAD_REQUEST, "Idempotency-Key must be 1 to 255 printable ASCII characters");
        *ret_key = key;
        return ERR_OK;
}

static enum err refuse_invalid(struct exchange *x, const char *const *messages)
{
        AUTO(buf_done) struct buf joined = {0};

        for (size_t i = 0; messages[i]; i++) {
                buf_puts(&joined, i > 0 ? "; " : "");
                buf_puts(&joined, messages[i]);
        }
        log_info(&x->log, "market.refused", "market refused", LOG_INT("http.response.status_code", 422),
                 LOG_DETAIL(buf_text(&joined)));
        return reply_validation_errors(x, messages);
}

static struct market new_market(struct exchange *x, const struct market_draft *draft, int64_t now_ms)
{
        char identifier[ID_MARKET_MAX];

        return (struct market){
                .identifier = arena_strdup(x->arena, id_market(clock_paris(now_ms).year, identifier)),
                .editor_id = x->principal.editor_id,
                .name = draft->name,
                .lot_name = draft->lot_name,
                .deadline_ms = draft->deadline_ms,
                .types = draft->types,
                .defense_locked = (draft->types & MARKET_TYPE_DEFENSE) != 0,
                .version = 1,
                .created_ms = now_ms,
        };
}

/* The commit's answer may have been lost: then the row says what happened. */
static enum err store_creation(struct market_app *app, struct exchange *x, const struct market_creation *creation,
                               enum creation_outcome *ret_outcome, struct market *ret_market)
{
        enum err err = market_store_create(app->db, x->arena, creation, ret_outcome, ret_market);

        if (err != ERR_IN_DOUBT)
                return err;
        err = market_store_load(app->db, x->arena, creation->market->identifier, ret_market);
        if (err)
                return ERR_IN_DOUBT;
        *ret_outcome = CREATION_DONE;
        return ERR_OK;
}

static void announce_creation(struct market_app *app, struct exchange *x, const struct market *market)
{
        enum err err;

        outbox_wake(app->outbox);
        err = market_snapshot_put(app->cache, x->arena, market);
        if (err)
                log_warn(&x->log, "market.snapshot", "snapshot not cached", LOG_ERR(err));
        market_count_types(app->metrics.created, market->types);
        log_info(&x->log, "market.created", "market created", LOG_STR("vr.market_name", market->name),
                 LOG_INT("http.response.status_code", 201));
}

static enum err reply_created(struct market_app *app, struct exchange *x, const char *identifier)
{
        AUTO(buf_done) struct buf body = {0};
        struct json_write w = json_write_to(&body);

        json_object(&w, NULL);
        json_string(&w, "identifier", identifier);
        json_string(&w, "configuration_url", market_configuration_url(app, x->arena, identifier));
        json_end(&w);
        return reply_json(x, 201, &body);
}

enum err create_market(void *arg, struct exchange *x)
{
        struct market_app *app = arg;
        struct market_creation creation = {0};
        struct market_request request;
        struct market_draft draft;
        struct event event;
        const char *const *messages = NULL;
        struct market stored = {0};
        char hash[CRYPTO_SHA256_HEX];
        enum creation_outcome outcome;
        int64_t now_ms = clock_wall_ms();
        enum err err = read_creation(x, &request);

        if (!err)
                err = read_idempotency_key(x, &creation.idempotency_key);
        if (err)
                return err;
        err = market_request_validate(x->arena, &request, app->settings->require_future_deadline, now_ms, &messages,
                                      &draft);
        if (err)
                return err == ERR_INVALID ? refuse_invalid(x, messages) : err;
        const struct market market = new_market(x, &draft, now_ms);
        err = market_event_created(x->arena, &market, &event);
        if (err)
                return err;
        event.traceparent = x->traceparent;
        creation.market = &market;
        creation.event = &event;
        creation.body_sha256 = crypto_sha256_hex(x->request->body, x->request->body_length, hash);
        err = store_creation(app, x, &creation, &outcome, &stored);
        if (err)
                return err;
        if (outcome == CREATION_KEY_REUSED)
                return reply_error_text(x, 422, "Idempotency-Key was already used with another request body");
        x->log.market = stored.identifier;
        if (outcome == CREATION_REPLAYED)
                http_response_header(x->request, x->response, "Idempotent-Replayed", "true");
        else
                announce_creation(app, x, &stored);
        return reply_created(app, x, stored.identifier);
}

/* ---- GET /api/v1/public_markets/{identifier} ---- */

enum err exchange_market(struct exchange *x, const char **ret_identifier)
{
        const char *identifier = exchange_param(x, "identifier");

        if (!market_identifier_valid(identifier))
                return ERR_NOT_FOUND;
        x->log.market = identifier;
        *ret_identifier = identifier;
        return ERR_OK;
}

static enum err find_market(struct market_app *app, struct exchange *x, struct market *ret_market)
{
        const char *identifier = NULL;
        enum err err = exchange_market(x, &identifier);

        if (err)
                return err;
        return market_store_load(app->db, x->arena, identifier, ret_market);
}

enum err show_market(void *arg, struct exchange *x)
{
        struct market_app *app = arg;
        AUTO(buf_done) struct buf body = {0};
        struct json_write w = json_write_to(&body);
        struct market market;
        enum err err = find_market(app, x, &market);

        if (err)
                return err;
        if (!str_equal(market.editor_id, x->principal.editor_id))
                return ERR_NOT_FOUND; /* as if it did not exist: who asks learns nothing */
        if (etag_matches(x, arena_printf(x->arena, "\"%lld\"", (long long)market.version)))
                return ERR_OK;
        market_json_write(&w, app, x->arena, &market);
        return reply_json(x, 200, &body);
}

/* ---- GET /internal/markets/{identifier} ---- */

enum err show_snapshot(void *arg, struct exchange *x)
{
        struct market_app *app = arg;
        AUTO(buf_done) struct buf body = {0};
        struct market market;
        enum err err = find_market(app, x, &market);

        if (err)
                return err;
        err = market_snapshot_put(app->cache, x->arena, &market);
        if (err)
                log_warn(&x->log, "market.snapshot", "snapshot not cached", LOG_ERR(err));
        market_snapshot_write(x->arena, &market, &body);
        return reply_json(x, 200, &body);
}
