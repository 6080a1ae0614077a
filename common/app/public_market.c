#include "common/app/public_market.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/base/utf8.h"

/* What is said back of codes we don't know: enough to recognise them. */
#define ECHO_CODES_MAX 10
#define ECHO_CHARS_MAX 50
/* More messages than fields can have. */
#define MESSAGES_MAX   16

/* ---- types ---- */

static const char *const type_codes[MARKET_TYPE_COUNT] = {"supplies", "services", "works", "defense"};

unsigned market_type_from_code(const char *code)
{
        for (unsigned i = 0; i < MARKET_TYPE_COUNT; i++) {
                if (str_equal(code, type_codes[i]))
                        return 1U << i;
        }
        return 0;
}

const char *market_type_code(unsigned type)
{
        for (unsigned i = 0; i < MARKET_TYPE_COUNT; i++) {
                if (type == 1U << i)
                        return type_codes[i];
        }
        return NULL;
}

const char *const *market_type_codes(struct arena *arena, unsigned types, size_t *ret_count)
{
        const char **codes = ARENA_ARRAY(arena, const char *, MARKET_TYPE_COUNT + 1);
        size_t count = 0;

        for (unsigned i = 0; i < MARKET_TYPE_COUNT; i++) {
                if (types & 1U << i)
                        codes[count++] = type_codes[i];
        }
        *ret_count = count;
        return codes;
}

enum err market_types_parse(const char *list, unsigned *ret_types)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        unsigned types = 0;
        char **codes;
        size_t count;

        if (!list)
                return ERR_CORRUPT;
        codes = str_split(arena, list, ',', &count);
        for (size_t i = 0; i < count; i++) {
                unsigned type = market_type_from_code(codes[i]);

                if (!type)
                        return ERR_CORRUPT;
                types |= type;
        }
        *ret_types = types;
        return ERR_OK;
}

char *market_types_join(struct arena *arena, unsigned types)
{
        char *joined = arena_strdup(arena, "");

        for (unsigned i = 0; i < MARKET_TYPE_COUNT; i++) {
                if (types & 1U << i)
                        joined = arena_printf(arena, "%s%s%s", joined, *joined ? "," : "", type_codes[i]);
        }
        return joined;
}

/* ---- identifiers and states ---- */

bool market_identifier_valid(const char *text)
{
        static const char form[] = "VR-0000-XXXXXXXXXXXX"; /* 0: a digit; X: a digit or a capital */

        if (!text || strlen(text) != sizeof(form) - 1)
                return false;
        for (size_t i = 0; i < sizeof(form) - 1; i++) {
                char c = text[i];
                bool digit = c >= '0' && c <= '9', capital = c >= 'A' && c <= 'Z';

                if (form[i] == '0' ? !digit : form[i] == 'X' ? !digit && !capital : c != form[i])
                        return false;
        }
        return true;
}

static const char *const sync_names[] = {
        [SYNC_PENDING] = "sync_pending",
        [SYNC_PROCESSING] = "sync_processing",
        [SYNC_COMPLETED] = "sync_completed",
        [SYNC_FAILED] = "sync_failed",
};

const char *sync_status_name(enum sync_status status)
{
        return (size_t)status < ARRAY_LEN(sync_names) ? sync_names[status] : NULL;
}

enum sync_status sync_status_from_name(const char *name)
{
        for (size_t i = SYNC_PENDING; i < ARRAY_LEN(sync_names); i++) {
                if (str_equal(name, sync_names[i]))
                        return (enum sync_status)i;
        }
        return SYNC_NONE;
}

/* ---- validation, in the order of the seed's fields ---- */

struct checks {
        struct arena *arena;
        const char **messages;
        size_t count;
};

static void complain(struct checks *checks, const char *message)
{
        checks->messages[checks->count++] = message;
}

static void check_text(struct checks *checks, const char *label, const char *text)
{
        if (utf8_length(text) > LIMIT_NAME_CHARS)
                complain(checks, arena_printf(checks->arena, "%s is too long (maximum is %d characters)", label,
                                              LIMIT_NAME_CHARS));
        if (utf8_has_control(text))
                complain(checks, arena_printf(checks->arena, "%s contains invalid characters", label));
}

static void check_name(struct checks *checks, const struct market_request *request, struct market_draft *draft)
{
        if (request->name_state == MEMBER_WRONG_TYPE) {
                complain(checks, "Name must be a string");
                return;
        }
        if (request->name_state == MEMBER_ABSENT || utf8_is_blank(request->name)) {
                complain(checks, "Name can't be blank");
                return;
        }
        check_text(checks, "Name", request->name);
        draft->name = request->name;
}

static void check_lot_name(struct checks *checks, const struct market_request *request, struct market_draft *draft)
{
        if (request->lot_name_state == MEMBER_WRONG_TYPE) {
                complain(checks, "Lot name must be a string");
                return;
        }
        if (request->lot_name_state == MEMBER_ABSENT || utf8_is_blank(request->lot_name))
                return;
        check_text(checks, "Lot name", request->lot_name);
        draft->lot_name = request->lot_name;
}

static void check_deadline(struct checks *checks, const struct market_request *request, bool require_future,
                           int64_t now_ms, struct market_draft *draft)
{
        if (request->deadline_state == MEMBER_ABSENT ||
            (request->deadline_state == MEMBER_PRESENT && utf8_is_blank(request->deadline)))
                complain(checks, "Deadline can't be blank");
        else if (request->deadline_state == MEMBER_WRONG_TYPE ||
                 clock_parse_iso8601(request->deadline, &draft->deadline_ms))
                complain(checks, "Deadline must be a valid ISO 8601 datetime");
        else if (require_future && draft->deadline_ms <= now_ms)
                complain(checks, "Deadline must be in the future");
}

/* One unknown code, cut and made harmless. */
static void echo_code(struct buf *out, const char *code)
{
        size_t length = strlen(code);

        if (length == 0)
                buf_puts(out, "\"\"");
        for (size_t at = 0, chars = 0; at < length; chars++) {
                uint32_t character = 0;
                size_t size = utf8_char(code + at, length - at, &character);

                if (chars == ECHO_CHARS_MAX) {
                        buf_puts(out, "…");
                        return;
                }
                if (size == 0 || character < 0x20 || (character >= 0x7F && character <= 0x9F))
                        buf_puts(out, "\xEF\xBF\xBD");
                else
                        buf_append(out, code + at, size);
                at += size ? size : 1;
        }
}

/* Each once, in the order sent. NULL when all are known. */
static const char *unknown_codes(struct arena *arena, const struct market_request *request)
{
        AUTO(buf_done) struct buf out = {0};
        const char *seen[ECHO_CODES_MAX];
        size_t seen_count = 0;

        for (size_t i = 0; i < request->type_code_count; i++) {
                const char *code = request->type_codes[i];
                bool repeated = false;

                if (market_type_from_code(code))
                        continue;
                for (size_t j = 0; j < seen_count; j++)
                        repeated = repeated || str_equal(seen[j], code);
                if (repeated)
                        continue;
                if (seen_count > 0)
                        buf_puts(&out, ", ");
                if (seen_count == ECHO_CODES_MAX) {
                        buf_puts(&out, "…");
                        break;
                }
                echo_code(&out, code);
                seen[seen_count++] = code;
        }
        return seen_count > 0 ? arena_strdup(arena, buf_text(&out)) : NULL;
}

static void check_types(struct checks *checks, const struct market_request *request, struct market_draft *draft)
{
        const char *unknown;

        if (request->types_state == MEMBER_WRONG_TYPE) {
                complain(checks, "Market type codes must be an array of strings");
                return;
        }
        if (request->types_state == MEMBER_ABSENT || request->type_code_count == 0) {
                complain(checks, "Market type codes can't be blank");
                return;
        }
        unknown = unknown_codes(checks->arena, request);
        if (unknown) {
                complain(checks, arena_printf(checks->arena, "Market type codes contains invalid codes: %s", unknown));
                return;
        }
        for (size_t i = 0; i < request->type_code_count; i++)
                draft->types |= market_type_from_code(request->type_codes[i]);
        if (draft->types == MARKET_TYPE_DEFENSE)
                complain(checks, "Market type codes defense cannot be used alone");
}

enum err market_request_validate(struct arena *arena, const struct market_request *request,
                                 bool require_future_deadline, int64_t now_ms, const char *const **ret_messages,
                                 struct market_draft *ret_draft)
{
        struct checks checks = {arena, ARENA_ARRAY(arena, const char *, MESSAGES_MAX + 1), 0};
        struct market_draft draft = {0};

        check_name(&checks, request, &draft);
        check_lot_name(&checks, request, &draft);
        check_deadline(&checks, request, require_future_deadline, now_ms, &draft);
        check_types(&checks, request, &draft);
        if (checks.count > 0) {
                *ret_messages = checks.messages;
                return ERR_INVALID;
        }
        *ret_draft = draft;
        return ERR_OK;
}
