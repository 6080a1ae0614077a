/* For the tests of this service: an app on a SQLite file of its own, without Redis (nothing listens), Kafka or HTTP. */
#ifndef VR_MARKET_APP_FOR_TEST_H
#define VR_MARKET_APP_FOR_TEST_H

#include "services/market/app.h"

#define TEST_EDITOR "0197a1b2-0000-7000-8000-000000000001"
#define TEST_OTHER  "0197a1b2-0000-7000-8000-000000000002"

struct test_app {
        char folder[64];
        char url[128];
        struct market_settings settings;
        struct market_app app;
        struct arena *arena;
};

/* Ends the test program when it can't. */
void test_app_open(struct test_app *t);
void test_app_close(struct test_app *t);

/* A request as the router hands it on, of TEST_EDITOR. */
struct test_call {
        struct http_request request;
        struct http_response response;
        struct exchange x;
};
/* Calls the handler; `identifier` (of the path) and `query` may be NULL. The answer is let go with test_call_done. */
enum err test_call(struct test_app *t, struct test_call *call, route_handler handler, const char *identifier,
                   const char *query);
const char *test_call_body(const struct test_call *call);
const char *test_call_header(const struct test_call *call, const char *name); /* NULL: there is none */
void test_call_done(struct test_call *call);

/* A market of TEST_EDITOR in the database. */
void test_app_create(struct test_app *t, const char *identifier, unsigned types);
void test_app_create_at(struct test_app *t, const char *identifier, const char *editor_id, int64_t created_ms);
/* Applies an event as the subscriber would, in a transaction, then what follows the commit. Data is JSON. */
enum err test_app_consume(struct test_app *t, const char *type, const char *id, const char *subject, const char *data);
/* Fails the test when there is no such market. */
struct market test_app_market(struct test_app *t, const char *identifier);
/* How many outbox rows of that type there are, and the last one's payload and id. */
int test_app_outbox(struct test_app *t, const char *type, const char **ret_payload, const char **ret_id);
/* As if the relay had published everything; `prune`: long ago. */
void test_app_relay(struct test_app *t, bool prune);
/* Outbox rows that wait for the relay. */
int test_app_pending(struct test_app *t);

#endif
