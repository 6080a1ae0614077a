#include <stdlib.h>

#include "services/webhook/app.h"
#include "services/webhook/commands.h"
#include "services/webhook/settings.h"

int main(int argc, char **argv)
{
        struct webhook_settings settings = {0};
        AUTO(webhook_app_close) struct webhook_app app = {0};
        int rest = argc;

        if (settings_load(&webhook_settings_spec, &settings, argc, argv, &rest))
                return EXIT_FAILURE;
        if (rest < argc)
                return webhook_command(&settings, argc - rest, argv + rest);
        if (webhook_app_open(&app, &settings))
                return EXIT_FAILURE;
        return service_run(&app.service, NULL);
}
