/* What the commands share: the line as it was read, and what each leaves. commands.c has their table. */
#ifndef VR_WEBHOOK_COMMAND_H
#define VR_WEBHOOK_COMMAND_H

#include "common/base/buf.h"
#include "services/webhook/settings.h"
#include "services/webhook/webhook_store.h"

#define EXIT_USAGE 2
#define EXIT_BLIND 3 /* doctor: could not look */

/* One run of a command. */
struct run {
        const struct webhook_settings *settings;
        struct db *db; /* NULL for commands without */
        struct arena *arena;
        const char *argument; /* may be NULL */
        /* flags; NULL and false: not given */
        const char *state, *since, *overdue, *schedule, *jitter, *outcome;
        bool failed;
        /* what comes of it */
        struct buf out;
        const char *complaint; /* why not, in words; NULL: the error's name */
        int status;            /* exit status when there was no error */
};

/* Writes one JSON value to `run->out`, or fails. ERR_INVALID: usage. */
typedef enum err (*command_act)(struct run *run);

enum err command_list_endpoints(struct run *run);
enum err command_enable_endpoint(struct run *run);
enum err command_list_deliveries(struct run *run);
enum err command_show_delivery(struct run *run);
enum err command_replay(struct run *run);
enum err command_reencrypt(struct run *run);
enum err command_simulate(struct run *run);
enum err command_doctor(struct run *run);

/* Says why in `run->complaint`. */
enum err command_fails(struct run *run, enum err err, const char *complaint);

#endif
