#include "deploy/demo/ledger.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/str.h"

struct slot {
        struct arena *arena; /* the entry's texts */
        struct ledger_entry entry;
};

struct ledger {
        pthread_mutex_t lock;
        struct slot slots[LEDGER_MAX]; /* slots[0] is the newest */
        size_t count;
};

static struct ledger_entry copy(struct arena *arena, const struct ledger_entry *entry)
{
        struct ledger_entry copied = *entry;

        copied.identifier = arena_strdup(arena, entry->identifier);
        copied.name = arena_strdup(arena, entry->name);
        copied.configuration_url = arena_strdup(arena, entry->configuration_url);
        copied.webhook_id = arena_strdup(arena, entry->webhook_id);
        copied.body = arena_strdup(arena, entry->body);
        copied.signature = arena_strdup(arena, entry->signature);
        copied.standard_signature = arena_strdup(arena, entry->standard_signature);
        return copied;
}

enum err ledger_new(struct ledger **ret_ledger)
{
        struct ledger *ledger = calloc(1, sizeof(*ledger));

        if (!ledger)
                return ERR_NO_MEMORY;
        pthread_mutex_init(&ledger->lock, NULL);
        *ret_ledger = ledger;
        return ERR_OK;
}

void ledger_free(struct ledger *ledger)
{
        if (!ledger)
                return;
        for (size_t i = 0; i < ledger->count; i++)
                arena_free(ledger->slots[i].arena);
        pthread_mutex_destroy(&ledger->lock);
        free(ledger);
}

static struct slot *find(struct ledger *ledger, const char *identifier)
{
        for (size_t i = 0; i < ledger->count; i++)
                if (str_equal(ledger->slots[i].entry.identifier, identifier))
                        return &ledger->slots[i];
        return NULL;
}

static void add(struct ledger *ledger, const struct ledger_entry *entry)
{
        struct slot slot = {.arena = arena_new()};

        slot.entry = copy(slot.arena, entry);
        if (ledger->count == LEDGER_MAX)
                arena_free(ledger->slots[--ledger->count].arena);
        memmove(&ledger->slots[1], &ledger->slots[0], ledger->count * sizeof(ledger->slots[0]));
        ledger->slots[0] = slot;
        ledger->count++;
}

void ledger_add(struct ledger *ledger, const struct ledger_entry *entry)
{
        pthread_mutex_lock(&ledger->lock);
        add(ledger, entry);
        pthread_mutex_unlock(&ledger->lock);
}

bool ledger_receive(struct ledger *ledger, const struct ledger_entry *webhook)
{
        struct ledger_entry entry = *webhook;
        struct slot *slot;
        bool known;

        pthread_mutex_lock(&ledger->lock);
        slot = find(ledger, webhook->identifier);
        known = slot && slot->entry.configuration_url;
        if (!slot) {
                entry.receptions = 1;
                add(ledger, &entry);
        } else {
                struct arena *arena = arena_new();
                entry.name = slot->entry.name;
                entry.configuration_url = slot->entry.configuration_url;
                entry.created_ms = slot->entry.created_ms;
                entry.receptions = slot->entry.receptions + 1;
                entry = copy(arena, &entry);
                arena_free(slot->arena);
                *slot = (struct slot){.arena = arena, .entry = entry};
        }
        pthread_mutex_unlock(&ledger->lock);
        return known;
}

struct ledger_entry *ledger_list(struct ledger *ledger, struct arena *arena, size_t *ret_count)
{
        struct ledger_entry *entries;

        pthread_mutex_lock(&ledger->lock);
        entries = ARENA_ARRAY(arena, struct ledger_entry, ledger->count + 1);
        for (size_t i = 0; i < ledger->count; i++)
                entries[i] = copy(arena, &ledger->slots[i].entry);
        *ret_count = ledger->count;
        pthread_mutex_unlock(&ledger->lock);
        return entries;
}

bool ledger_find(struct ledger *ledger, struct arena *arena, const char *identifier, struct ledger_entry *ret_entry)
{
        struct slot *slot;

        pthread_mutex_lock(&ledger->lock);
        slot = find(ledger, identifier);
        if (slot)
                *ret_entry = copy(arena, &slot->entry);
        pthread_mutex_unlock(&ledger->lock);
        return slot != NULL;
}
