#include "common/app/service.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/app/reply.h"
#include "common/app/router.h"
#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/log.h"
#include "version.h"

#define MANAGEMENT_THREADS       8
#define MANAGEMENT_KEEP_ALIVE_MS 1000
#define CHECK_EVERY_MS           500
#define TYPE_METRICS             "text/plain; version=0.0.4; charset=utf-8"

enum phase { PHASE_STARTING, PHASE_READY, PHASE_STOPPING };

/* What the checks said last, one result per check. */
struct verdict {
        pthread_mutex_t lock;
        int64_t at_ms;
        enum err results[SERVICE_CHECKS];
};

struct service_state {
        atomic_int phase;
        sigset_t signals;
        struct router *router;
        struct verdict ready, live;
};

/* --- /livez, /readyz, /metrics ---------------------------------------------------------------------------------- */

/* Asks every check of that kind, unless they were asked a moment ago. */
static void run_checks(const struct service *service, struct verdict *verdict, bool liveness,
                       enum err ret_results[SERVICE_CHECKS])
{
        pthread_mutex_lock(&verdict->lock);
        int64_t now_ms = clock_mono_ms();
        if (verdict->at_ms == 0 || now_ms - verdict->at_ms >= CHECK_EVERY_MS) {
                for (size_t i = 0; i < service->check_count; i++)
                        if (service->checks[i].liveness == liveness)
                                verdict->results[i] = service->checks[i].check(service->checks[i].arg);
                verdict->at_ms = clock_mono_ms();
        }
        memcpy(ret_results, verdict->results, sizeof(verdict->results));
        pthread_mutex_unlock(&verdict->lock);
}

/* `obstacle`: why not, whatever the checks say; NULL for none. */
static enum err reply_health(struct exchange *x, const struct service *service, const enum err results[SERVICE_CHECKS],
                             const char *obstacle, const char *good, const char *bad)
{
        bool healthy = obstacle == NULL;
        for (size_t i = 0; i < service->check_count; i++)
                healthy = healthy && results[i] == ERR_OK;

        AUTO(buf_done) struct buf json = {0};
        struct json_write w = json_write_to(&json);
        json_object(&w, NULL);
        json_string(&w, "status", healthy ? good : bad);
        if (!healthy) {
                json_array(&w, "failed");
                if (obstacle != NULL)
                        json_string(&w, NULL, obstacle);
                for (size_t i = 0; i < service->check_count; i++)
                        if (results[i] != ERR_OK)
                                json_string(&w, NULL, service->checks[i].name);
                json_end(&w);
        }
        json_end(&w);
        return reply_json(x, healthy ? 200 : 503, &json);
}

static enum err get_livez(void *app, struct exchange *x)
{
        struct service *service = app;
        enum err results[SERVICE_CHECKS] = {0};
        if (atomic_load(&service->state->phase) != PHASE_STARTING) /* checks are still being added */
                run_checks(service, &service->state->live, true, results);
        return reply_health(x, service, results, NULL, "alive", "not alive");
}

static enum err get_readyz(void *app, struct exchange *x)
{
        struct service *service = app;
        int phase = atomic_load(&service->state->phase);
        enum err results[SERVICE_CHECKS] = {0};
        if (phase == PHASE_READY)
                run_checks(service, &service->state->ready, false, results);
        const char *obstacle = phase == PHASE_STARTING ? "starting" : phase == PHASE_STOPPING ? "stopping" : NULL;
        return reply_health(x, service, results, obstacle, "ready", "not ready");
}

static enum err get_metrics(void *app, struct exchange *x)
{
        struct service *service = app;
        metrics_write(service->metrics, &x->response->body);
        enum err err = buf_err(&x->response->body);
        if (err)
                return err;
        x->response->status = 200;
        http_response_header(x->request, x->response, "Content-Type", TYPE_METRICS);
        return ERR_OK;
}

static const struct route management_routes[] = {
        {"GET", "/metrics", ROUTE_OPEN, get_metrics},
        {"GET", "/livez", ROUTE_OPEN, get_livez},
        {"GET", "/readyz", ROUTE_OPEN, get_readyz},
        {NULL},
};

static enum err open_management(struct service *service)
{
        const struct router_config routing = {
                .routes = management_routes,
                .app = service,
                .metrics = service->metrics,
                .quiet = true,
        };
        enum err err = router_new(&routing, &service->state->router);
        if (err)
                return err;
        const struct http_server_config serving = {
                .address = service->settings->http_address,
                .port = (int)service->settings->management_port,
                .threads = MANAGEMENT_THREADS,
                .keep_alive_ms = MANAGEMENT_KEEP_ALIVE_MS,
                .arg = service->state->router,
                .handle = router_handle,
                .refuse = router_refuse,
        };
        err = http_server_start(&serving, &service->management);
        if (err)
                log_error(NULL, "service.start_failed", "the management port can't be opened", LOG_ERR(err),
                          LOG_INT("vr.port", service->settings->management_port));
        return err;
}

/* --- the life of a process -------------------------------------------------------------------------------------- */

static enum log_level level_of(const char *name)
{
        static const char *const names[] = {"debug", "info", "warn", "error"};
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (strcmp(name, names[i]) == 0)
                        return (enum log_level)i;
        return LOG_LEVEL_INFO;
}

/* Before any thread starts, so that all inherit it: the signals that end us wait for service_run(). */
static enum err catch_signals(sigset_t *ret_signals)
{
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0)
                return ERR_INTERNAL;
        const struct sigaction ignore = {.sa_handler = SIG_IGN};
        if (sigaction(SIGPIPE, &ignore, NULL) != 0)
                return ERR_INTERNAL;
        *ret_signals = signals;
        return ERR_OK;
}

enum err service_open(struct service *service, const char *name, const struct service_settings *settings)
{
        log_init(name, VR_VERSION, level_of(settings->log_level),
                 strcmp(settings->log_format, "pretty") == 0 ? LOG_FORMAT_PRETTY : LOG_FORMAT_JSON);
        *service = (struct service){.name = name, .settings = settings};
        service->state = calloc(1, sizeof(*service->state));
        service->metrics = metrics_new();
        if (service->state == NULL || service->metrics == NULL) {
                service_close(service);
                return ERR_NO_MEMORY;
        }
        pthread_mutex_init(&service->state->ready.lock, NULL);
        pthread_mutex_init(&service->state->live.lock, NULL);
        metrics_add_process(service->metrics, VR_VERSION, VR_REVISION);
        enum err err = catch_signals(&service->state->signals);
        if (err == ERR_OK)
                err = open_management(service);
        if (err)
                service_close(service);
        return err;
}

/* At start, before service_run(): the management port reads the list without a lock once the process is ready. */
void service_add_check(struct service *service, const char *check_name, service_check check, void *arg, bool liveness)
{
        if (service->check_count == SERVICE_CHECKS)
                abort(); /* a program error, found at the first start */
        service->checks[service->check_count].name = check_name;
        service->checks[service->check_count].check = check;
        service->checks[service->check_count].arg = arg;
        service->checks[service->check_count].liveness = liveness;
        service->check_count++;
}

static int wait_for_signal(const sigset_t *signals)
{
        int number = 0;
        while (sigwait(signals, &number) != 0)
                ;
        return number;
}

/* A second signal ends the wait. */
static void wait_out_of_rotation(const sigset_t *signals, int64_t ms)
{
        const struct timespec span = {ms / 1000, (ms % 1000) * 1000000};
        (void)sigtimedwait(signals, NULL, &span);
}

int service_run(struct service *service, struct http_server *http)
{
        struct service_state *state = service->state;
        atomic_store(&state->phase, PHASE_READY);
        log_info(NULL, "service.ready", "ready", LOG_INT("vr.http_port", http ? http_server_port(http) : 0),
                 LOG_INT("vr.management_port", http_server_port(service->management)));

        int number = wait_for_signal(&state->signals);
        atomic_store(&state->phase, PHASE_STOPPING);
        log_info(NULL, "service.stopping", "stopping", LOG_STR("vr.signal", number == SIGINT ? "SIGINT" : "SIGTERM"),
                 LOG_INT("vr.drain_ms", service->settings->drain_ms));
        if (service->settings->drain_ms > 0)
                wait_out_of_rotation(&state->signals, service->settings->drain_ms);
        if (http != NULL)
                http_server_drain(http);
        return EXIT_SUCCESS;
}

void service_close(struct service *service)
{
        http_server_stop(TAKE(service->management));
        if (service->state != NULL) {
                router_free(service->state->router);
                pthread_mutex_destroy(&service->state->ready.lock);
                pthread_mutex_destroy(&service->state->live.lock);
        }
        free(TAKE(service->state));
        metrics_free(TAKE(service->metrics));
}
