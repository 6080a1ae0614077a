#include "common/app/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "tests/support/unit.h"

static const struct file migrations[] = {
        {"0001_things.sql", "CREATE TABLE things (id TEXT PRIMARY KEY);", 42},
        {0},
};
static const struct file broken[] = {
        {"0001_things.sql", "CREATE NONSENSE;", 16},
        {0},
};

static char folder[64], url[128];

static void begin(void)
{
        snprintf(folder, sizeof(folder), "/tmp/vr-parts-XXXXXX");
        CHECK(mkdtemp(folder) != NULL);
        snprintf(url, sizeof(url), "sqlite:%s/parts.db", folder);
        log_init("parts-test", "0", LOG_LEVEL_ERROR, LOG_FORMAT_JSON);
}

static void end(void)
{
        static const char *const names[] = {"parts.db", "parts.db.lock", "parts.db-wal", "parts.db-shm"};
        char path[192];

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
                unlink(path);
        }
        CHECK_INT(rmdir(folder), 0);
}

/* What the parts look at, without a service's ports. */
static struct service service_with(const struct service_settings *settings)
{
        return (struct service){.name = "vr-test", .settings = settings, .metrics = metrics_new()};
}

static void a_database_is_opened_with_its_schema(void)
{
        const struct service_settings settings = {0};
        struct service service = service_with(&settings);
        struct db *db = NULL;

        begin();
        CHECK(part_database(&service, url, migrations, &db) == ERR_OK);
        CHECK(part_check_database(db) == ERR_OK);
        db_close(db);
        db = NULL;
        CHECK(part_database(&service, url, broken, &db) != ERR_OK); /* a schema that this program does not know */
        db_close(db);
        metrics_free(service.metrics);
        end();
}

static void migrating_tells_by_its_exit_status(void)
{
        begin();
        CHECK_INT(part_migrate("vr-test", url, broken), EXIT_FAILURE);
        CHECK_INT(part_migrate("vr-test", url, migrations), EXIT_SUCCESS);
        CHECK_INT(part_migrate("vr-test", url, migrations), EXIT_SUCCESS);
        end();
}

static void redis_need_not_be_there_but_its_url_must_be_one(void)
{
        struct service_settings settings = {.redis_url = "redis://127.0.0.1:1/0"};
        struct service service = service_with(&settings);
        struct cache *cache = NULL;

        CHECK(part_cache(&service, &cache) == ERR_OK);
        CHECK(part_check_cache(cache) == ERR_UNAVAILABLE);
        cache_close(cache);
        settings.redis_url = "http://127.0.0.1/";
        CHECK(part_cache(&service, &cache) == ERR_INVALID);
        metrics_free(service.metrics);
}

static void kafka_is_met_in_the_services_name(void)
{
        const struct service_settings settings = {.kafka_brokers = "127.0.0.1:1"};
        struct service service = service_with(&settings);
        struct part_kafka kafka = {.service = &service};
        struct bus_config bus = part_bus(&service);

        CHECK_TEXT(bus.client_id, "vr-test");
        CHECK_TEXT(bus.group, "vr-test");
        CHECK_TEXT(bus.brokers, "127.0.0.1:1");
        CHECK(part_check_kafka(&kafka) != ERR_OK); /* nobody listens there */
        CHECK(!kafka.topics_ready);
        metrics_free(service.metrics);
}

static enum err hello(void *app, struct exchange *x)
{
        (void)app;
        (void)x;
        return ERR_NOT_FOUND;
}

static void http_listens_where_the_settings_say(void)
{
        static const struct route routes[] = {{"GET", "/hello", ROUTE_OPEN, hello}, {0}};
        struct service_settings settings = {.http_address = "127.0.0.1", .http_port = 0, .http_threads = 2};
        struct service service = service_with(&settings);
        const struct router_config config = {.routes = routes};
        struct router *router = NULL, *second_router = NULL;
        struct http_server *http = NULL, *second = NULL;

        CHECK(part_http(&service, config, &router, &http) == ERR_OK);
        CHECK(http_server_port(http) > 0);
        settings.http_port = http_server_port(http); /* taken */
        CHECK(part_http(&service, config, &second_router, &second) != ERR_OK);
        CHECK(second == NULL);
        http_server_stop(http);
        router_free(router);
        router_free(second_router);
        metrics_free(service.metrics);
}

UNIT_TESTS(UNIT(a_database_is_opened_with_its_schema), UNIT(migrating_tells_by_its_exit_status),
           UNIT(redis_need_not_be_there_but_its_url_must_be_one), UNIT(kafka_is_met_in_the_services_name),
           UNIT(http_listens_where_the_settings_say))
