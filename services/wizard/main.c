#include <stdio.h>
#include <stdlib.h>

#include "services/wizard/app.h"

int main(int argc, char **argv)
{
        struct wizard_settings settings = {0};
        AUTO(wizard_app_close) struct wizard_app app = {0};
        int rest = argc;

        if (settings_load(&wizard_settings_spec, &settings, argc, argv, &rest))
                return EXIT_FAILURE;
        if (rest < argc) {
                fprintf(stderr, "vr-wizard: unknown command \"%s\"; see --help\n", argv[rest]);
                return EXIT_FAILURE;
        }
        if (wizard_app_open(&app, &settings))
                return EXIT_FAILURE;
        return service_run(&app.service, app.http);
}
