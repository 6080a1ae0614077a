#include "common/io/http_hooks.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/support/unit.h"

#define REQUEST_MS 150
#define IDLE_MS    60

static struct http_hooks hooks;
static struct http_worker worker;
static int pair[2];

static void begin(void)
{
        memset(&hooks, 0, sizeof(hooks));
        memset(&worker, 0, sizeof(worker));
        hooks.request_ms = REQUEST_MS;
        hooks.keep_alive_ms = IDLE_MS;
        hooks.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        worker.hooks = &hooks;
        CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        http_worker_reset(&worker);
        http_hooks_adopt(&worker);
}

static void end(void)
{
        http_hooks_adopt(NULL);
        close(pair[0]);
        close(pair[1]);
        close(hooks.wake_fd);
}

/* What poll answered, and how long that took. */
static int timed_poll(int timeout_ms, int64_t *ret_ms)
{
        struct pollfd fd = {.fd = pair[0], .events = POLLIN};
        int64_t start_ms = clock_mono_ms();
        int ready = poll(&fd, 1, timeout_ms);
        *ret_ms = clock_mono_ms() - start_ms;
        return ready;
}

static void other_threads_go_straight_through(void)
{
        int64_t took_ms;
        begin();
        http_hooks_adopt(NULL);
        CHECK_INT(timed_poll(2 * REQUEST_MS, &took_ms), 0);
        CHECK(took_ms >= 2 * REQUEST_MS - 20);
        CHECK_INT(worker.fd, -1);
        end();
}

static void so_does_a_worker_inside_a_handler(void)
{
        int64_t took_ms;
        begin();
        http_worker_enter(&worker, HTTP_PHASE_OUTSIDE);
        CHECK_INT(timed_poll(2 * REQUEST_MS, &took_ms), 0);
        CHECK(took_ms >= 2 * REQUEST_MS - 20);
        end();
}

static void a_wait_is_cut_at_the_deadline(void)
{
        int64_t took_ms;
        begin();
        http_worker_enter(&worker, HTTP_PHASE_HEAD);
        CHECK(!http_worker_expired(&worker));
        CHECK_INT(timed_poll(5000, &took_ms), 0);
        CHECK(took_ms >= REQUEST_MS - 20 && took_ms < 5 * REQUEST_MS);
        CHECK(http_worker_expired(&worker));
        CHECK_INT(timed_poll(5000, &took_ms), -1);
        CHECK(took_ms < REQUEST_MS);
        end();
}

static void the_deadline_does_not_restart_with_each_byte(void)
{
        char byte;
        begin();
        for (int i = 0; i < 4; i++) {
                CHECK_INT(write(pair[1], "a", 1), 1);
                CHECK_INT(recv(pair[0], &byte, 1, 0), 1);
                CHECK_INT(worker.phase, HTTP_PHASE_HEAD);
                if (i == 0)
                        CHECK(!http_worker_expired(&worker));
                usleep(REQUEST_MS * 1000 / 3);
        }
        CHECK(http_worker_expired(&worker));
        end();
}

static void a_drain_wakes_an_idle_worker_but_no_other(void)
{
        int64_t took_ms;
        begin();
        CHECK_INT(eventfd_write(hooks.wake_fd, 1), 0);
        CHECK_INT(timed_poll(5000, &took_ms), -1);
        CHECK(took_ms < REQUEST_MS);
        http_worker_enter(&worker, HTTP_PHASE_BODY);
        CHECK_INT(timed_poll(REQUEST_MS / 3, &took_ms), 0);
        CHECK(took_ms >= REQUEST_MS / 3 - 20);
        end();
}

static void bytes_that_have_come_are_served_all_the_same(void)
{
        int64_t took_ms;
        begin();
        CHECK_INT(eventfd_write(hooks.wake_fd, 1), 0);
        CHECK_INT(write(pair[1], "a", 1), 1);
        CHECK_INT(timed_poll(5000, &took_ms), 1);
        end();
}

static void further_requests_have_the_idle_time_to_begin(void)
{
        int64_t took_ms;
        begin();
        http_worker_enter(&worker, HTTP_PHASE_HEAD);
        http_worker_enter(&worker, HTTP_PHASE_IDLE);
        CHECK_INT(timed_poll(5000, &took_ms), 0);
        CHECK(took_ms >= IDLE_MS - 20 && took_ms < REQUEST_MS);
        end();
}

static void knows_where_the_head_lies(void)
{
        char buffer[16];
        begin();
        CHECK_INT(write(pair[1], "abcdef", 6), 6);
        CHECK_INT(recv(pair[0], buffer, 4, 0), 4);
        CHECK_INT(recv(pair[0], buffer + 4, 12, 0), 2);
        CHECK(worker.buffer == buffer);
        CHECK(worker.read_end == buffer + 6);
        end();
}

static void stacks_are_at_least_1_mib(void)
{
        pthread_attr_t attributes;
        size_t bytes = 0;
        pthread_attr_init(&attributes);
        CHECK_INT(pthread_attr_setstacksize(&attributes, 100 * 1024), 0);
        CHECK_INT(pthread_attr_getstacksize(&attributes, &bytes), 0);
        CHECK(bytes >= 1024 * 1024);
        CHECK_INT(pthread_attr_setstacksize(&attributes, 16 * 1024 * 1024), 0);
        CHECK_INT(pthread_attr_getstacksize(&attributes, &bytes), 0);
        CHECK_INT(bytes, 16 * 1024 * 1024);
        pthread_attr_destroy(&attributes);
}

UNIT_TESTS(UNIT(other_threads_go_straight_through), UNIT(so_does_a_worker_inside_a_handler),
           UNIT(a_wait_is_cut_at_the_deadline), UNIT(the_deadline_does_not_restart_with_each_byte),
           UNIT(a_drain_wakes_an_idle_worker_but_no_other), UNIT(bytes_that_have_come_are_served_all_the_same),
           UNIT(further_requests_have_the_idle_time_to_begin), UNIT(knows_where_the_head_lies),
           UNIT(stacks_are_at_least_1_mib))
