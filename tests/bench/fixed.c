/*
 * What `make bench` compares with: our HTTP server and router answering a body of 200 bytes, and nothing else.
 *
 *     fixed THREADS LEVEL      logs as a service does; the first line on stdout is its port; ends on SIGTERM
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/app/reply.h"
#include "common/app/router.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/base/str.h"
#include "common/io/http_server.h"

#define BODY_BYTES    200  /* of answer() */
#define KEEP_ALIVE_MS 5000 /* the services' */

static enum err answer(void *arg, struct exchange *x)
{
        static const char text[BODY_BYTES + 1] =
                "{\"text\":\"two hundred bytes of nothing in particular, the same for "
                "everybody who asks, kept ready from the start: to answer with it "
                "takes no thought, no memory and no help, neither of Redis nor mine.\"}";

        (void)arg;
        return reply_static(x, "application/json; charset=utf-8", text, BODY_BYTES);
}

static const struct route routes[] = {{"GET", "/fixed", ROUTE_OPEN, answer}, {0}};

static enum log_level level_of(const char *name)
{
        return str_equal(name, "warn") ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
}

int main(int argc, char **argv)
{
        AUTO(metrics_freep) struct metrics *metrics = metrics_new();
        AUTO(router_freep) struct router *router = NULL;
        struct http_server *server = NULL;
        int64_t threads;
        sigset_t ends;
        int number;

        if (argc != 3 || str_to_i64(argv[1], 1, 2000, &threads))
                return EXIT_FAILURE;
        sigemptyset(&ends);
        sigaddset(&ends, SIGTERM);
        sigaddset(&ends, SIGINT);
        sigprocmask(SIG_BLOCK, &ends, NULL);
        log_init("fixed", "-", level_of(argv[2]), LOG_FORMAT_JSON);
        if (router_new(&(struct router_config){.routes = routes, .metrics = metrics}, &router))
                return EXIT_FAILURE;
        const struct http_server_config config = {
                .address = "127.0.0.1",
                .threads = (int)threads,
                .keep_alive_ms = KEEP_ALIVE_MS,
                .arg = router,
                .handle = router_handle,
                .refuse = router_refuse,
        };
        if (http_server_start(&config, &server))
                return EXIT_FAILURE;
        printf("%d\n", http_server_port(server));
        (void)fflush(stdout);
        sigwait(&ends, &number);
        http_server_stop(server);
        return EXIT_SUCCESS;
}
