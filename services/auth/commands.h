/* The command line on the service's own binary: `vr-auth migrate`, `vr-auth editor …`. One JSON object on stdout, or a
 * sentence on stderr. It speaks to the database and to Redis, to nothing else; the running service publishes what it wrote. */
#ifndef VR_AUTH_COMMANDS_H
#define VR_AUTH_COMMANDS_H

#include "services/auth/settings.h"

#define EXIT_USAGE 2

extern const char auth_commands_usage[];

/* `argv`: from the command's name on. Returns the exit status. */
int auth_command(const struct auth_settings *settings, int argc, char **argv);

#endif
