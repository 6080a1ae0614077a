#include <stdio.h>
#include <stdlib.h>

#include "common/base/str.h"
#include "services/market/app.h"
#include "services/market/market_store.h"
#include "services/market/settings.h"

static int run_command(const struct market_settings *settings, const char *command)
{
        if (!str_equal(command, "migrate")) {
                fprintf(stderr, "vr-market: unknown command \"%s\"; see --help\n", command);
                return EXIT_FAILURE;
        }
        return part_migrate("vr-market", settings->database_url, market_migrations);
}

int main(int argc, char **argv)
{
        struct market_settings settings = {0};
        AUTO(market_app_close) struct market_app app = {0};
        int rest = argc;

        if (settings_load(&market_settings_spec, &settings, argc, argv, &rest))
                return EXIT_FAILURE;
        if (rest < argc)
                return run_command(&settings, argv[rest]);
        if (market_app_open(&app, &settings))
                return EXIT_FAILURE;
        return service_run(&app.service, app.http);
}
