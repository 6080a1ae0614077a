#include "tests/support/unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures; /* of the running test */

void unit_fail(const char *file, int line, const char *format, ...)
{
        va_list arguments;

        failures++;
        printf("# %s:%d: ", file, line);
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        printf("\n");
}

bool unit_same_text(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

int unit_run(const struct unit *tests, size_t count, int argc, char **argv)
{
        const char *wanted = argc > 1 ? argv[1] : "";
        int failed = 0, number = 0;

        for (size_t i = 0; i < count; i++) {
                if (!strstr(tests[i].name, wanted))
                        continue;
                failures = 0;
                tests[i].run();
                printf("%s %d - %s\n", failures ? "not ok" : "ok", ++number, tests[i].name);
                fflush(stdout);
                failed += failures > 0;
        }
        printf("1..%d\n", number);
        return failed || number == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
