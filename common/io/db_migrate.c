#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/io/db_driver.h"

struct migration {
        int64_t version;
        const struct file *file;
        char checksum[17];
        bool applied;
};

struct migrations {
        struct migration *list; /* by version */
        size_t count;
};

static const struct db_query create_table = {
        "create_schema_migrations",
        "CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, "
        "checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)"};
static const struct db_query select_applied = {
        "select_schema_migrations", "SELECT version, name, checksum FROM schema_migrations ORDER BY version"};
static const struct db_query insert_applied = {
        "insert_schema_migration",
        "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)"};

/* FNV-1a, 64 bits: it finds edits, it does not defend against anyone. */
static void checksum(const struct file *file, char text[17])
{
        uint64_t hash = 0xcbf29ce484222325u;

        for (size_t i = 0; i < file->size; i++)
                hash = (hash ^ (unsigned char)file->data[i]) * 0x100000001b3u;
        (void)snprintf(text, 17, "%016llx", (unsigned long long)hash);
}

/* "0001_markets.sql", maybe below a folder. */
static enum err version_of(const char *name, int64_t *ret_version)
{
        const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
        char digits[5] = "";

        if (strspn(base, "0123456789") != 4 || base[4] != '_' || !str_ends_with(base, ".sql"))
                return ERR_INVALID;
        memcpy(digits, base, 4);
        return str_to_i64(digits, 1, 9999, ret_version);
}

static int by_version(const void *a, const void *b)
{
        const struct migration *one = a, *other = b;

        return (one->version > other->version) - (one->version < other->version);
}

static enum err read_table(const struct file *files, struct migrations *all)
{
        for (const struct file *file = files; file->name; file++) {
                struct migration *one = &all->list[all->count];
                enum err err;

                if (all->count == LIMIT_DB_MIGRATIONS)
                        return ERR_FULL;
                err = version_of(file->name, &one->version);
                if (err)
                        return err;
                one->file = file;
                one->applied = false;
                checksum(file, one->checksum);
                all->count++;
        }
        qsort(all->list, all->count, sizeof(*all->list), by_version);
        for (size_t i = 1; i < all->count; i++)
                if (all->list[i].version == all->list[i - 1].version)
                        return ERR_INVALID;
        return ERR_OK;
}

static enum err check_applied(struct db_tx *tx, struct migrations *all)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &select_applied, DB_NO_PARAMS, &rows);

        while (!err && db_next(&rows, &err)) {
                struct migration wanted = {.version = db_int(&rows, 0)}, *known = NULL;

                if (all->count > 0)
                        known = bsearch(&wanted, all->list, all->count, sizeof(*all->list), by_version);
                if (!known || !str_equal(known->checksum, db_text(&rows, 2))) {
                        log_debug(NULL, "db.unknown_schema",
                                  "the database holds a migration this program does not know",
                                  LOG_STR("vr.migration", db_text(&rows, 1)));
                        return ERR_CORRUPT;
                }
                known->applied = true;
        }
        return err;
}

static enum err apply(struct db_tx *tx, const struct migration *one)
{
        enum err err = tx->driver->script(tx->conn, one->file->data);

        if (err) {
                log_debug(NULL, "db.migration_failed", "a migration failed", LOG_STR("vr.migration", one->file->name),
                          LOG_ERR(err));
                return err;
        }
        return db_exec(tx, &insert_applied,
                       DB_PARAMS(DB_INT(one->version), DB_TEXT(one->file->name), DB_TEXT(one->checksum),
                                 DB_INT(clock_wall_ms())),
                       NULL);
}

/* All of them in one transaction: a database is at one version or another, never between. */
static enum err migrate(struct db_tx *tx, void *arg)
{
        struct migrations *all = arg;
        enum err err = tx->driver->migration_lock(tx->conn);

        for (size_t i = 0; i < all->count; i++)
                all->list[i].applied = false;
        if (!err)
                err = db_exec(tx, &create_table, DB_NO_PARAMS, NULL);
        if (!err)
                err = check_applied(tx, all);
        for (size_t i = 0; !err && i < all->count; i++)
                if (!all->list[i].applied)
                        err = apply(tx, &all->list[i]);
        return err;
}

enum err db_migrate(struct db *db, const struct file *migrations)
{
        struct migrations all = {.list = calloc(LIMIT_DB_MIGRATIONS, sizeof(struct migration))};
        enum err err;

        if (!all.list)
                return ERR_NO_MEMORY;
        err = read_table(migrations, &all);
        if (!err)
                err = db_write(db, migrate, &all);
        free(all.list);
        return err;
}
