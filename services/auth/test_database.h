/* A real SQLite file in a folder of its own, with auth's schema; and editors to fill it with. For tests. */
#ifndef VR_AUTH_TEST_DATABASE_H
#define VR_AUTH_TEST_DATABASE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "services/auth/auth_store.h"
#include "tests/support/unit.h"

struct test_database {
        char folder[32];
        char path[64];
        char url[80];
        struct db *db;
};

static inline void test_database_open(struct test_database *place)
{
        (void)snprintf(place->folder, sizeof(place->folder), "/tmp/vr-auth-test-XXXXXX");
        if (!mkdtemp(place->folder))
                abort();
        (void)snprintf(place->path, sizeof(place->path), "%s/auth.db", place->folder);
        (void)snprintf(place->url, sizeof(place->url), "sqlite:%s", place->path);
        CHECK_INT(db_open(&(struct db_config){.url = place->url, .readers = 4, .timeout_ms = 2000}, &place->db),
                  ERR_OK);
        CHECK_INT(db_migrate(place->db, auth_migrations), ERR_OK);
}

static inline void test_database_done(struct test_database *place)
{
        static const char *const endings[] = {"", "-wal", "-shm", ".lock"};
        char file[96];

        db_close(place->db);
        for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
                (void)snprintf(file, sizeof(file), "%s%s", place->path, endings[i]);
                (void)unlink(file);
        }
        (void)rmdir(place->folder);
}

static inline struct editor test_editor(const char *id, const char *client_id, int64_t created_ms)
{
        return (struct editor){
                .id = id,
                .client_id = client_id,
                .name = "Éditeur",
                .active = true,
                .authorized = true,
                .webhook_url = "https://editeur.example.fr/webhooks",
                .version = 1,
                .created_ms = created_ms,
                .updated_ms = created_ms,
                .client_secrets = {{.kind = SECRET_SHA256, .hash = {1, 2, 3}, .created_ms = created_ms}},
                .client_secret_count = 1,
                .webhook_secrets = {{.sealed = "k1.AAAA", .created_ms = created_ms}},
                .webhook_secret_count = 1,
        };
}

#endif
