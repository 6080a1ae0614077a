#include "services/market/market_changes.h"

#include "common/app/outbox.h"
#include "common/base/id.h"
#include "services/market/configuration_rules.h"
#include "services/market/market_events.h"
#include "services/market/market_store.h"

static enum err publish(const struct change *change, struct event *event)
{
        event->traceparent = change->traceparent;
        return outbox_add(change->tx, event);
}

static enum err publish_sync_changed(const struct change *change, const struct market *market,
                                     enum sync_status previous)
{
        struct event event;
        enum err err = market_event_sync_changed(change->arena, market, previous, change->now_ms, &event);

        if (err)
                return err;
        return publish(change, &event);
}

static const char *new_event_id(struct arena *arena)
{
        char id[ID_UUID_MAX];

        return arena_strdup(arena, id_uuid7(id));
}

static void complete(struct market *market, const struct configuration *configuration,
                     const struct submission *submission, const struct change *change)
{
        market->completed = true;
        market->types = configuration->types;
        market->field_keys = configuration->field_keys;
        market->field_count = configuration->field_count;
        market->started_ms = submission->started_ms;
        market->completed_ms = submission->submitted_ms;
        market->completed_event_id = new_event_id(change->arena);
        market->sync = sync_begin(change->now_ms);
}

enum err change_complete(const struct change *change, const struct catalogue *catalogue,
                         const struct submission *submission, bool *ret_changed)
{
        struct market market;
        struct configuration configuration;
        struct event event;
        enum err err = market_store_find(change->tx, change->arena, change->identifier, &market);

        if (err)
                return err;
        if (market.completed) {
                *ret_changed = false;
                return ERR_OK;
        }
        const struct configuration_choice choice = {
                .types = market.types,
                .add_defense = submission->add_defense,
                .additional_keys = submission->additional_keys,
                .additional_count = submission->additional_count,
        };
        err = configuration_decide(change->arena, catalogue, &choice, &configuration);
        if (err)
                return err;
        complete(&market, &configuration, submission, change);
        err = market_store_complete(change->tx, change->arena, &market);
        if (!err)
                err = market_event_completed(change->arena, &market, &event);
        if (!err)
                err = publish(change, &event);
        if (err)
                return err;
        *ret_changed = true;
        return ERR_OK;
}

enum err change_sync(const struct change *change, const struct sync_news *news, const struct attempt *attempt,
                     bool *ret_changed)
{
        struct market market;
        enum sync_status previous;
        enum sync_effect effect;
        enum err err = market_store_find(change->tx, change->arena, change->identifier, &market);

        if (err)
                return err;
        previous = market.sync.status;
        effect = sync_apply(&market.sync, news);
        if (effect == SYNC_IGNORED) {
                *ret_changed = false;
                return ERR_OK;
        }
        if (attempt)
                market.last_attempt = *attempt;
        err = market_store_sync(change->tx, &market);
        if (!err && effect == SYNC_CHANGED)
                err = publish_sync_changed(change, &market, previous);
        if (err)
                return err;
        *ret_changed = true;
        return ERR_OK;
}

enum err change_retry(const struct change *change, const char *requested_by, int64_t requested_ms, bool *ret_changed)
{
        const struct sync_news news = {.event = SYNC_EVENT_RETRY, .now_ms = change->now_ms};
        struct market market;
        struct event event;
        enum sync_status previous;
        enum err err = market_store_find(change->tx, change->arena, change->identifier, &market);

        if (err)
                return err;
        previous = market.sync.status;
        if (sync_apply(&market.sync, &news) == SYNC_IGNORED) {
                *ret_changed = false;
                return ERR_OK;
        }
        market.retry_event_id = new_event_id(change->arena);
        market.retry_requested_by = requested_by;
        market.retry_requested_ms = requested_ms;
        err = market_store_sync(change->tx, &market);
        if (!err)
                err = market_event_retry(change->arena, &market, &event);
        if (!err)
                err = publish(change, &event);
        if (!err)
                err = publish_sync_changed(change, &market, previous);
        if (err)
                return err;
        *ret_changed = true;
        return ERR_OK;
}
