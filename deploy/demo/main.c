#include <signal.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/str.h"
#include "deploy/demo/demo_app.h"
#include "version.h"

static enum log_level level_of(const char *name)
{
        static const char *const names[] = {"debug", "info", "warn", "error"};

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (str_equal(name, names[i]))
                        return (enum log_level)i;
        return LOG_LEVEL_INFO;
}

int main(int argc, char **argv)
{
        struct demo_settings settings = {0};
        AUTO(demo_app_close) struct demo_app app = {0};
        int rest = argc, received = 0;
        sigset_t ends;

        if (settings_load(&demo_settings_spec, &settings, argc, argv, &rest))
                return EXIT_FAILURE;
        log_init("vr-demo", VR_VERSION, level_of(settings.log_level),
                 str_equal(settings.log_format, "pretty") ? LOG_FORMAT_PRETTY : LOG_FORMAT_JSON);
        sigemptyset(&ends);
        sigaddset(&ends, SIGTERM);
        sigaddset(&ends, SIGINT);
        sigaddset(&ends, SIGPIPE); /* blocked and never waited for: a write to a dead peer is an error, not an end */
        pthread_sigmask(SIG_BLOCK, &ends, NULL);
        sigdelset(&ends, SIGPIPE);
        if (demo_app_open(&app, &settings))
                return EXIT_FAILURE;
        log_info(NULL, "service.ready", "the demonstration is ready",
                 LOG_INT("server.port", http_server_port(app.http)));
        sigwait(&ends, &received);
        return EXIT_SUCCESS;
}
