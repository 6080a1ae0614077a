/* The operator's words: `vr-webhook migrate`, `endpoints list|enable EDITOR`, `deliveries list [MARKET]`. JSON on stdout. */
#ifndef VR_WEBHOOK_COMMANDS_H
#define VR_WEBHOOK_COMMANDS_H

#include "services/webhook/settings.h"

/* EXIT_SUCCESS, EXIT_FAILURE, or 2 for a command it does not know; says on stderr what is wrong. */
int webhook_command(const struct webhook_settings *settings, int argc, char **argv);

#endif
