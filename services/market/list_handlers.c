/* GET /api/v1/public_markets: the caller's markets, page by page. */
#include "common/app/reply.h"
#include "common/base/str.h"
#include "services/market/app.h"
#include "services/market/cursor_rules.h"
#include "services/market/handlers.h"
#include "services/market/market_json.h"
#include "services/market/market_store.h"

#define DEFAULT_LIMIT 25

static enum err refuse(struct exchange *x, const char *public_detail)
{
        x->public_detail = public_detail;
        return ERR_BAD_REQUEST;
}

static bool is_status(const char *text)
{
        return str_equal(text, "created") || str_equal(text, "completed");
}

static bool is_sync_status(const char *text)
{
        return sync_status_from_name(text) != SYNC_NONE;
}

static enum err read_filters(struct exchange *x, struct market_list *list)
{
        enum err err = exchange_query(x, "status", &list->status);

        if (!err)
                err = exchange_query(x, "sync_status", &list->sync_status);
        if (err)
                return err;
        if (list->status && !is_status(list->status))
                return refuse(x, "status must be created or completed");
        if (list->sync_status && !is_sync_status(list->sync_status))
                return refuse(x, "sync_status must be sync_pending, sync_processing, sync_completed or sync_failed");
        return ERR_OK;
}

static enum err read_place(struct exchange *x, struct market_list *list)
{
        const char *limit = NULL, *cursor = NULL;
        struct cursor place = {.created_ms = INT64_MAX, .identifier = ""};
        enum err err = exchange_query(x, "limit", &limit);

        if (!err)
                err = exchange_query(x, "cursor", &cursor);
        if (err)
                return err;
        list->limit = DEFAULT_LIMIT;
        if (limit && str_to_i64(limit, 1, LIMIT_LIST_PAGE, &list->limit))
                return refuse(x, "limit must be a number from 1 to 100");
        if (cursor && cursor_parse(x->arena, cursor, &place))
                return refuse(x, "cursor must be a next_cursor of an earlier answer");
        list->before_ms = place.created_ms;
        list->before_identifier = place.identifier;
        return ERR_OK;
}

/* RFC 8288. The filters go with it: the cursor says only where. */
static void link_next(const struct market_app *app, struct exchange *x, const struct market_list *list,
                      const char *cursor)
{
        const char *filters = "";

        if (list->status)
                filters = arena_printf(x->arena, "&status=%s", list->status);
        if (list->sync_status)
                filters = arena_printf(x->arena, "%s&sync_status=%s", filters, list->sync_status);
        http_response_header(x->request, x->response, "Link",
                             arena_printf(x->arena, "<%s/api/v1/public_markets?limit=%lld%s&cursor=%s>; rel=\"next\"",
                                          app->settings->service.public_url, (long long)list->limit, filters, cursor));
}

static enum err reply_list(const struct market_app *app, struct exchange *x, const struct market *markets, size_t count,
                           const char *next_cursor)
{
        AUTO(buf_done) struct buf body = {0};
        struct json_write w = json_write_to(&body);

        json_object(&w, NULL);
        json_array(&w, "public_markets");
        for (size_t i = 0; i < count; i++)
                market_json_write(&w, app, x->arena, &markets[i]);
        json_end(&w);
        json_string(&w, "next_cursor", next_cursor);
        json_end(&w);
        return reply_json(x, 200, &body);
}

enum err list_markets(void *arg, struct exchange *x)
{
        struct market_app *app = arg;
        struct market_list list = {.editor_id = x->principal.editor_id};
        struct market *markets = NULL;
        const char *next_cursor = NULL;
        size_t count = 0;
        enum err err = read_place(x, &list);

        if (!err)
                err = read_filters(x, &list);
        if (err)
                return err;
        if (str_equal(list.status, "created") && list.sync_status)
                return reply_list(app, x, NULL, 0, NULL); /* only completed ones have a sync status */
        struct market_list one_more = list;
        one_more.limit++;
        err = market_store_list(app->db, x->arena, &one_more, &markets, &count);
        if (err)
                return err;
        if (count > (size_t)list.limit) {
                const struct market *last = &markets[--count - 1];

                next_cursor = cursor_text(x->arena, &(struct cursor){last->created_ms, last->identifier});
                link_next(app, x, &list, next_cursor);
        }
        return reply_list(app, x, markets, count, next_cursor);
}
