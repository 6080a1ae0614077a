#include "common/app/service.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/support/raw_http.h"
#include "tests/support/unit.h"

#define CLOSE " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static const struct service_settings settings = {
        .http_address = "127.0.0.1",
        .log_level = "error",
        .log_format = "json",
};
static char answer[RAW_HTTP_MAX];
static atomic_int redis_state, loop_state, redis_checks;

static enum err check_redis(void *arg)
{
        (void)arg;
        atomic_fetch_add(&redis_checks, 1);
        return (enum err)atomic_load(&redis_state);
}

static enum err check_loop(void *arg)
{
        (void)arg;
        return (enum err)atomic_load(&loop_state);
}

static void *run(void *service)
{
        return (void *)(intptr_t)service_run(service, NULL);
}

/* A running service with one check of each kind; the thread takes the signal. */
static void start(struct service *service, const struct service_settings *with, pthread_t *ret_thread)
{
        atomic_store(&redis_state, ERR_OK);
        atomic_store(&loop_state, ERR_OK);
        CHECK_INT(service_open(service, "vr-test", with), ERR_OK);
        service_add_check(service, "redis", check_redis, NULL, false);
        service_add_check(service, "loop", check_loop, NULL, true);
        CHECK_INT(pthread_create(ret_thread, NULL, run, service), 0);
}

static void stop(struct service *service, pthread_t thread)
{
        void *code;
        kill(getpid(), SIGTERM);
        pthread_join(thread, &code);
        CHECK_INT((intptr_t)code, EXIT_SUCCESS);
        service_close(service);
}

static int get(const struct service *service, const char *request)
{
        return raw_http(http_server_port(service->management), request, answer);
}

/* Until it says so: a verdict is kept for 500 ms. */
static bool becomes(const struct service *service, const char *request, int status)
{
        for (int64_t until_ms = clock_mono_ms() + 3000; clock_mono_ms() < until_ms; usleep(20000))
                if (get(service, request) == status)
                        return true;
        return false;
}

static bool answered_with(const char *text)
{
        return strstr(answer, text) != NULL;
}

static void is_not_ready_before_it_runs(void)
{
        struct service service;
        CHECK_INT(service_open(&service, "vr-test", &settings), ERR_OK);
        CHECK_INT(get(&service, "GET /readyz" CLOSE), 503);
        CHECK(answered_with("{\"status\":\"not ready\",\"failed\":[\"starting\"]}"));
        CHECK_INT(get(&service, "GET /livez" CLOSE), 200);
        service_close(&service);
}

static void readiness_follows_its_checks(void)
{
        struct service service;
        pthread_t thread;
        start(&service, &settings, &thread);
        CHECK(becomes(&service, "GET /readyz" CLOSE, 200));
        CHECK(answered_with("{\"status\":\"ready\"}"));
        atomic_store(&redis_state, ERR_UNAVAILABLE);
        CHECK(becomes(&service, "GET /readyz" CLOSE, 503));
        CHECK(answered_with("{\"status\":\"not ready\",\"failed\":[\"redis\"]}"));
        CHECK_INT(get(&service, "GET /livez" CLOSE), 200); /* a dependency never restarts us */
        atomic_store(&redis_state, ERR_OK);
        CHECK(becomes(&service, "GET /readyz" CLOSE, 200));
        stop(&service, thread);
}

static void liveness_follows_its_own(void)
{
        struct service service;
        pthread_t thread;
        start(&service, &settings, &thread);
        CHECK(becomes(&service, "GET /readyz" CLOSE, 200));
        atomic_store(&loop_state, ERR_TIMEOUT);
        CHECK(becomes(&service, "GET /livez" CLOSE, 503));
        CHECK(answered_with("{\"status\":\"not alive\",\"failed\":[\"loop\"]}"));
        CHECK_INT(get(&service, "GET /readyz" CLOSE), 200);
        stop(&service, thread);
}

static void checks_are_not_asked_at_each_probe(void)
{
        struct service service;
        pthread_t thread;
        start(&service, &settings, &thread);
        CHECK(becomes(&service, "GET /readyz" CLOSE, 200));
        int64_t from_ms = clock_mono_ms();
        int before = atomic_load(&redis_checks);
        for (int i = 0; i < 20; i++)
                (void)get(&service, "GET /readyz" CLOSE);
        int64_t windows = (clock_mono_ms() - from_ms) / 500 + 1;
        CHECK(atomic_load(&redis_checks) - before <= windows);
        stop(&service, thread);
}

static void exposes_metrics(void)
{
        struct service service;
        CHECK_INT(service_open(&service, "vr-test", &settings), ERR_OK);
        CHECK_INT(get(&service, "GET /metrics" CLOSE), 200);
        CHECK(answered_with("Content-Type: text/plain; version=0.0.4"));
        CHECK(answered_with("\nprocess_resident_memory_bytes "));
        CHECK(answered_with("\nvr_build_info{"));
        CHECK_INT(get(&service, "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
                  405);
        CHECK_INT(get(&service, "GET /" CLOSE), 404);
        service_close(&service);
}

static void leaves_readiness_before_it_ends(void)
{
        struct service_settings slow = settings;
        slow.drain_ms = 1500;
        struct service service;
        pthread_t thread;
        start(&service, &slow, &thread);
        CHECK(becomes(&service, "GET /readyz" CLOSE, 200));
        int64_t from_ms = clock_mono_ms();
        kill(getpid(), SIGINT);
        CHECK(becomes(&service, "GET /readyz" CLOSE, 503));
        CHECK(answered_with("\"failed\":[\"stopping\"]"));
        CHECK_INT(get(&service, "GET /livez" CLOSE), 200);
        pthread_join(thread, NULL);
        int64_t took_ms = clock_mono_ms() - from_ms;
        CHECK(took_ms >= 1400 && took_ms < 3000);
        service_close(&service);
}

static void a_second_signal_ends_the_wait(void)
{
        struct service_settings slow = settings;
        slow.drain_ms = 20000;
        struct service service;
        pthread_t thread;
        start(&service, &slow, &thread);
        CHECK(becomes(&service, "GET /readyz" CLOSE, 200));
        int64_t from_ms = clock_mono_ms();
        kill(getpid(), SIGTERM);
        CHECK(becomes(&service, "GET /readyz" CLOSE, 503));
        stop(&service, thread);
        CHECK(clock_mono_ms() - from_ms < 5000);
}

static void a_taken_port_is_an_error(void)
{
        struct service first, second;
        CHECK_INT(service_open(&first, "vr-test", &settings), ERR_OK);
        struct service_settings same = settings;
        same.management_port = http_server_port(first.management);
        CHECK_INT(service_open(&second, "vr-test", &same), ERR_UNAVAILABLE);
        service_close(&second); /* closing what did not open is harmless */
        service_close(&first);
}

UNIT_TESTS(UNIT(is_not_ready_before_it_runs), UNIT(readiness_follows_its_checks), UNIT(liveness_follows_its_own),
           UNIT(checks_are_not_asked_at_each_probe), UNIT(exposes_metrics), UNIT(leaves_readiness_before_it_ends),
           UNIT(a_second_signal_ends_the_wait), UNIT(a_taken_port_is_an_error))
