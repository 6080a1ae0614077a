/*
 * `vr-webhook doctor`: rows that should have moved and have not. Exit: 0 well, 1 something is stuck, 2 usage, 3 could not look.
 */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/settings.h"
#include "services/webhook/command.h"

#define OVERDUE_MS     (15 * 60 * 1000LL) /* longer than an open circuit or a queue of one endpoint's should hold */
#define LEASE_ENDED_MS 60000              /* senders look many times a second */
#define OUTBOX_MS      60000

struct finding {
        const char *name;
        const char *help; /* what it means, what to do */
        bool ill;         /* fails; else only told */
        int64_t count, oldest_ms;
};

static void write_finding(struct json_write *w, const struct finding *f, int64_t now_ms)
{
        json_object(w, NULL);
        json_string(w, "name", f->name);
        json_string(w, "status", f->count == 0 ? "ok" : f->ill ? "stuck" : "note");
        json_int(w, "count", f->count);
        if (f->oldest_ms)
                json_int(w, "oldest_s", (now_ms - f->oldest_ms) / 1000);
        else
                json_null(w, "oldest_s");
        json_string(w, "help", f->count ? f->help : NULL);
        json_end(w);
}

static enum err look(struct db_tx *tx, void *arg)
{
        struct run *run = arg;
        int64_t now_ms = clock_wall_ms(), overdue_ms = OVERDUE_MS;
        struct doctor_figures f;
        struct json_write w;
        bool well = true;
        enum err err;

        if (run->overdue && settings_duration(run->arena, run->overdue, &overdue_ms))
                return command_fails(run, ERR_INVALID, "--overdue is a duration such as 15m");
        err = store_doctor(tx, now_ms - overdue_ms, now_ms - LEASE_ENDED_MS, now_ms - OUTBOX_MS, &f);
        if (err)
                return err;

        const struct finding findings[] = {
                {"overdue_deliveries",
                 "due, and nobody sends them: is a vr-webhook running, is the endpoint's circuit open?", true,
                 f.overdue.count, f.overdue.oldest_ms},
                {"expired_leases", "their sender died and no other took them: is a vr-webhook running?", true,
                 f.expired.count, f.expired.oldest_ms},
                {"lost_deliveries", "open without a due time, or ended with one: no sender will ever look; replay them",
                 true, f.lost.count, f.lost.oldest_ms},
                {"old_outbox_events", "not published: is Kafka reachable?", true, f.outbox.count, f.outbox.oldest_ms},
                {"waiting_for_endpoint", "the editor's endpoint is not known yet, or its secret can't be opened", false,
                 f.postponed.count, f.postponed.oldest_ms},
                {"endpoints_switched_off", "by a 410: see endpoints list, endpoints enable", false, f.disabled.count,
                 f.disabled.oldest_ms},
        };

        for (size_t i = 0; i < ARRAY_LEN(findings); i++)
                well = well && !(findings[i].ill && findings[i].count > 0);
        buf_reset(&run->out);
        w = json_write_to(&run->out);
        json_object(&w, NULL);
        json_bool(&w, "well", well);
        json_array(&w, "findings");
        for (size_t i = 0; i < ARRAY_LEN(findings); i++)
                write_finding(&w, &findings[i], now_ms);
        json_end(&w);
        json_end(&w);
        run->status = well ? EXIT_SUCCESS : EXIT_FAILURE;
        return buf_err(&run->out);
}

enum err command_doctor(struct run *run)
{
        return db_read(run->db, look, run);
}
