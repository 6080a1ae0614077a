#include "common/app/tokens.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/id.h"
#include "common/base/str.h"
#include "common/io/crypto.h"

#define TOKEN_PREFIX "vr_at_"
#define TOKEN_BYTES  32

extern const struct file token_scripts[]; /* token_*.lua, built in */

/* ---- scopes ---- */

static const char *const scope_names[] = {"api_access", "api_read", "api_write"};

unsigned scopes_parse(const char *text)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        unsigned scopes = 0;
        char **names;
        size_t count;

        if (!text)
                return 0;
        names = str_split(arena, text, ' ', &count);
        for (size_t i = 0; i < count; i++) {
                unsigned scope = 0;

                if (!*names[i])
                        continue;
                for (unsigned j = 0; j < ARRAY_LEN(scope_names); j++)
                        scope |= str_equal(names[i], scope_names[j]) ? 1U << j : 0;
                if (!scope)
                        return 0;
                scopes |= scope;
        }
        return scopes;
}

const char *scopes_text(struct arena *arena, unsigned scopes)
{
        const char *text = "";

        for (unsigned i = 0; i < ARRAY_LEN(scope_names); i++) {
                if (scopes & 1U << i)
                        text = arena_printf(arena, "%s%s%s", text, *text ? " " : "", scope_names[i]);
        }
        return text;
}

/* ---- Redis ---- */

static enum err run(struct cache *cache, struct arena *arena, const char *name, const struct cache_arg *keys,
                    size_t key_count, const struct cache_arg *args, size_t arg_count, struct cache_value *ret_value)
{
        const struct file *file = file_find(token_scripts, arena_printf(arena, "%s.lua", name));
        struct cache_script script = {name, file ? file->data : NULL};

        if (!file)
                return ERR_INTERNAL;
        return cache_run(cache, arena, &script, keys, key_count, args, arg_count, ret_value);
}

static const char *hash_of(struct arena *arena, const char *token)
{
        char hex[CRYPTO_SHA256_HEX];

        return arena_strdup(arena, crypto_sha256_hex(token, strlen(token), hex));
}

static struct cache_arg key_of(struct arena *arena, const char *kind, const char *id)
{
        return cache_text(arena_printf(arena, "vr:%s:%s", kind, id));
}

enum err tokens_issue(struct cache *cache, struct arena *arena, const struct token_grant *grant, const char **ret_token)
{
        unsigned char bytes[TOKEN_BYTES];
        struct cache_value answer = {0};
        const char *token, *hash;
        enum err err;

        id_random(bytes, sizeof(bytes));
        token = arena_printf(arena, TOKEN_PREFIX "%s", str_base64url(arena, bytes, sizeof(bytes)));
        hash = hash_of(arena, token);
        const struct cache_arg keys[] = {
                key_of(arena, "tokens", grant->editor_id),
                key_of(arena, "editor", grant->editor_id),
                key_of(arena, "token", hash),
        };
        const struct cache_arg args[] = {
                cache_int(arena, grant->scopes),    cache_text(hash),
                cache_text(grant->editor_id),       cache_text(grant->client_id),
                cache_int(arena, grant->issued_ms), cache_int(arena, grant->issued_ms + grant->ttl_ms),
                cache_int(arena, grant->ttl_ms),
        };

        err = run(cache, arena, "token_issue", keys, ARRAY_LEN(keys), args, ARRAY_LEN(args), &answer);
        if (err)
                return err;
        if (answer.integer != 1)
                return ERR_FORBIDDEN;
        *ret_token = token;
        return ERR_OK;
}

static enum err number_at(const struct cache_value *list, size_t index, int64_t *ret_number)
{
        if (list->list[index].type != CACHE_TEXT ||
            str_to_i64(list->list[index].text, INT64_MIN, INT64_MAX, ret_number))
                return ERR_CORRUPT;
        return ERR_OK;
}

/* The order is token_find.lua's. */
static enum err read_info(const struct cache_value *answer, struct token_info *ret_info)
{
        int64_t scopes, issued_ms, expires_ms, generation, usable, editor_generation;

        if (answer->type != CACHE_LIST || answer->length != 8 || answer->list[0].type != CACHE_TEXT ||
            answer->list[1].type != CACHE_TEXT)
                return ERR_CORRUPT;
        if (number_at(answer, 2, &scopes) || number_at(answer, 3, &issued_ms) || number_at(answer, 4, &expires_ms) ||
            number_at(answer, 5, &generation) || number_at(answer, 6, &usable) ||
            number_at(answer, 7, &editor_generation))
                return ERR_CORRUPT;
        *ret_info = (struct token_info){
                .editor_id = answer->list[0].text,
                .client_id = answer->list[1].text,
                .scopes = (unsigned)scopes,
                .issued_ms = issued_ms,
                .expires_ms = expires_ms,
                .editor_usable = usable != 0,
                .alive = generation >= editor_generation,
        };
        return ERR_OK;
}

/* What can't be one of ours is not asked for. */
static bool looks_like_a_token(const char *text)
{
        size_t prefix = strlen(TOKEN_PREFIX);

        if (!text || !str_starts_with(text, TOKEN_PREFIX))
                return false;
        for (const char *p = text + prefix; *p; p++) {
                char c = *p;

                if (!(c >= '0' && c <= '9') && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c != '-' && c != '_')
                        return false;
        }
        return strlen(text + prefix) == (TOKEN_BYTES * 4 + 2) / 3;
}

enum err tokens_find(struct cache *cache, struct arena *arena, const char *token, struct token_info *ret_info)
{
        struct cache_value answer = {0};
        struct cache_arg key;
        enum err err;

        if (!looks_like_a_token(token))
                return ERR_NOT_FOUND;
        key = key_of(arena, "token", hash_of(arena, token));
        err = run(cache, arena, "token_find", &key, 1, NULL, 0, &answer);
        if (err)
                return err;
        if (answer.type == CACHE_LIST && answer.length == 0)
                return ERR_NOT_FOUND;
        return read_info(&answer, ret_info);
}

enum err tokens_revoke(struct cache *cache, struct arena *arena, const char *token, const char *editor_id)
{
        struct cache_value answer = {0};
        const char *hash;
        enum err err;

        if (!looks_like_a_token(token))
                return ERR_NOT_FOUND;
        hash = hash_of(arena, token);
        const struct cache_arg keys[] = {key_of(arena, "token", hash), key_of(arena, "tokens", editor_id)};
        const struct cache_arg args[] = {cache_text(hash), cache_text(editor_id)};

        err = run(cache, arena, "token_revoke", keys, ARRAY_LEN(keys), args, ARRAY_LEN(args), &answer);
        if (err)
                return err;
        if (answer.integer < 0)
                return ERR_FORBIDDEN;
        return answer.integer ? ERR_OK : ERR_NOT_FOUND;
}

static enum err tell(struct cache *cache, const char *editor_id, const char *what)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct cache_arg key = key_of(arena, "editor", editor_id), arg = cache_text(what);
        struct cache_value ignored;

        return run(cache, arena, "token_editor", &key, 1, &arg, 1, &ignored);
}

enum err tokens_set_editor(struct cache *cache, const char *editor_id, bool usable)
{
        return tell(cache, editor_id, usable ? "usable" : "unusable");
}

enum err tokens_editor_usable(struct cache *cache, struct arena *arena, const char *editor_id, bool *ret_usable)
{
        struct cache_value value = {0};
        enum err err =
                cache_command(cache, arena,
                              CACHE_ARGS(cache_text("HGET"), cache_text(arena_printf(arena, "vr:editor:%s", editor_id)),
                                         cache_text("usable")),
                              &value);

        if (err)
                return err;
        *ret_usable = value.type != CACHE_TEXT || !str_equal(value.text, "0");
        return ERR_OK;
}

enum err tokens_revoke_all(struct cache *cache, const char *editor_id)
{
        return tell(cache, editor_id, "revoke");
}
