#include <stdlib.h>

#include "services/auth/app.h"
#include "services/auth/commands.h"
#include "services/auth/settings.h"

int main(int argc, char **argv)
{
        struct auth_settings settings = {0};
        AUTO(auth_app_close) struct auth_app app = {0};
        int rest = argc;

        if (settings_load(&auth_settings_spec, &settings, argc, argv, &rest))
                return EXIT_FAILURE;
        if (rest < argc)
                return auth_command(&settings, argc - rest, argv + rest);
        if (auth_app_open(&app, &settings))
                return EXIT_FAILURE;
        return service_run(&app.service, app.http);
}
