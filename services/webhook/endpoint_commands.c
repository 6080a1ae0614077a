#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "services/webhook/command.h"

static void write_endpoint(struct json_write *w, const struct endpoint *e)
{
        const char *words = NULL;

        json_object(w, NULL);
        json_string(w, "editor_id", e->editor_id);
        json_string(w, "client_id", e->client_id);
        json_string(w, "name", e->name);
        json_string(w, "url", e->url);
        json_bool(w, "active", e->active);
        json_bool(w, "authorized", e->authorized);
        json_bool(w, "enabled", endpoint_judge(e, &words) == ENDPOINT_SEND);
        json_string(w, "obstacle", words);
        json_time(w, "disabled_at", e->disabled_at_ms);
        json_end(w);
}

static enum err list_endpoints(struct db_tx *tx, void *arg)
{
        struct run *run = arg;
        struct json_write w = json_write_to(&run->out);
        struct endpoint *list;
        size_t count;
        enum err err = store_endpoints(tx, run->arena, &list, &count);

        if (err)
                return err;
        json_object(&w, NULL);
        json_array(&w, "endpoints");
        for (size_t i = 0; i < count; i++)
                write_endpoint(&w, &list[i]);
        json_end(&w);
        json_end(&w);
        return buf_err(&run->out);
}

enum err command_list_endpoints(struct run *run)
{
        return db_read(run->db, list_endpoints, run);
}

static enum err enable_endpoint(struct db_tx *tx, void *arg)
{
        struct run *run = arg;
        struct json_write w;
        struct endpoint endpoint;
        enum err err = store_endpoint(tx, run->arena, run->argument, &endpoint);

        if (!err && !endpoint.known)
                err = store_endpoint_by_client(tx, run->arena, run->argument, &endpoint);
        if (err)
                return err;
        if (!endpoint.known)
                return ERR_NOT_FOUND;
        err = store_enable_endpoint(tx, endpoint.editor_id, clock_wall_ms());
        if (err)
                return err;
        endpoint.disabled_at_ms = 0;
        buf_reset(&run->out);
        w = json_write_to(&run->out);
        write_endpoint(&w, &endpoint);
        return buf_err(&run->out);
}

enum err command_enable_endpoint(struct run *run)
{
        enum err err = db_write(run->db, enable_endpoint, run);

        return err == ERR_NOT_FOUND ? command_fails(run, err, "no such editor") : err;
}
