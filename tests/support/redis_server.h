/*
 * A Redis of a test's own: an ephemeral loopback port, no files kept, gone with the test. For one thread.
 *
 *         AUTO(redis_server_stop) struct redis_server redis = {0};
 *         if (!redis_server_start(&redis, NULL)) …
 */
#ifndef VR_TESTS_REDIS_SERVER_H
#define VR_TESTS_REDIS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct redis_server {
        pid_t pid; /* 0: not running */
        int port;
        int log_fd;
        char url[48]; /* "redis://127.0.0.1:PORT" */
};

/* Returns when Redis answers. A `port` already set is taken: a restart, empty. `password` may be NULL. */
bool redis_server_start(struct redis_server *server, const char *password);
/* Kills it. Harmless when it is not running. */
void redis_server_stop(struct redis_server *server);

#endif
