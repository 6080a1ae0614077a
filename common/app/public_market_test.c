#include "common/app/public_market.h"

#include <string.h>

#include "common/base/str.h"
#include "tests/support/unit.h"

/* The seed's own example. */
static const char *const seed_types[] = {"supplies", "services"};
static const struct market_request seed_request = {
        .name_state = MEMBER_PRESENT,
        .lot_name_state = MEMBER_PRESENT,
        .deadline_state = MEMBER_PRESENT,
        .types_state = MEMBER_PRESENT,
        .name = "Fourniture de matériel informatique pour les services municipaux",
        .lot_name = "Lot 1 - Ordinateurs portables et stations de travail",
        .deadline = "2024-06-15T23:59:59Z",
        .type_codes = seed_types,
        .type_code_count = 2,
};

/* All messages joined by " | ", or "" when the request is fine. */
static const char *judge_at(struct arena *arena, const struct market_request *request, bool require_future,
                            int64_t now_ms)
{
        const char *const *messages = NULL;
        struct market_draft draft = {0};
        const char *joined = "";

        if (market_request_validate(arena, request, require_future, now_ms, &messages, &draft) == ERR_OK)
                return "";
        for (; *messages; messages++)
                joined = arena_printf(arena, "%s%s%s", joined, *joined ? " | " : "", *messages);
        return joined;
}

static const char *judge(struct arena *arena, const struct market_request *request)
{
        return judge_at(arena, request, false, 0);
}

static const char *repeat(struct arena *arena, const char *text, int times)
{
        char *out = arena_alloc(arena, strlen(text) * (size_t)times + 1);

        for (int i = 0; i < times; i++)
                memcpy(out + strlen(text) * (size_t)i, text, strlen(text));
        return out;
}

static void the_seeds_example_is_fine(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        const char *const *messages = NULL;
        struct market_draft draft = {0};

        CHECK_INT(market_request_validate(arena, &seed_request, false, 0, &messages, &draft), ERR_OK);
        CHECK_TEXT(draft.name, seed_request.name);
        CHECK_TEXT(draft.lot_name, seed_request.lot_name);
        CHECK_INT(draft.deadline_ms, 1718495999000);
        CHECK_INT(draft.types, MARKET_TYPE_SUPPLIES | MARKET_TYPE_SERVICES);
        CHECK(!messages);
}

static void an_empty_object_gives_the_seeds_messages(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        const struct market_request empty = {0};

        CHECK_TEXT(judge(arena, &empty),
                   "Name can't be blank | Deadline can't be blank | Market type codes can't be blank");
}

static void wrong_types_each_have_their_words(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        const struct market_request wrong = {MEMBER_WRONG_TYPE, MEMBER_WRONG_TYPE, MEMBER_WRONG_TYPE,
                                             MEMBER_WRONG_TYPE};

        CHECK_TEXT(judge(arena, &wrong), "Name must be a string | Lot name must be a string | "
                                         "Deadline must be a valid ISO 8601 datetime | "
                                         "Market type codes must be an array of strings");
}

static void blank_names_are_blank(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        static const char *const blanks[] = {"", " ", "\t\n", "\xC2\xA0", "\xE2\x80\x8B\xE3\x80\x80"};
        struct market_request request = seed_request;

        for (size_t i = 0; i < ARRAY_LEN(blanks); i++) {
                request.name = blanks[i];
                CHECK_TEXT(judge(arena, &request), "Name can't be blank");
        }
}

static void lengths_count_characters(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct market_request request = seed_request;

        request.name = repeat(arena, "é", 255);
        request.lot_name = repeat(arena, "😀", 255);
        CHECK_TEXT(judge(arena, &request), "");
        request.name = repeat(arena, "a", 256);
        request.lot_name = repeat(arena, "é", 256);
        CHECK_TEXT(judge(arena, &request), "Name is too long (maximum is 255 characters) | "
                                           "Lot name is too long (maximum is 255 characters)");
}

static void control_characters_are_invalid(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct market_request request = seed_request;

        request.name = "a\nb";
        request.lot_name = "a\xC2\x85";
        CHECK_TEXT(judge(arena, &request), "Name contains invalid characters | Lot name contains invalid characters");
}

static void a_blank_or_absent_lot_name_is_none(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        static const char *const blanks[] = {"", "  ", "\xC2\xA0"};
        struct market_request request = seed_request;
        const char *const *messages = NULL;

        for (size_t i = 0; i < ARRAY_LEN(blanks); i++) {
                struct market_draft draft = {.lot_name = "x"};

                request.lot_name = blanks[i];
                CHECK_INT(market_request_validate(arena, &request, false, 0, &messages, &draft), ERR_OK);
                CHECK_TEXT(draft.lot_name, NULL);
        }
        request.lot_name_state = MEMBER_ABSENT;
        CHECK_TEXT(judge(arena, &request), "");
}

static void deadlines(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct market_request request = seed_request;

        request.deadline = "";
        CHECK_TEXT(judge(arena, &request), "Deadline can't be blank");
        request.deadline = "2024-06-15";
        CHECK_TEXT(judge(arena, &request), "Deadline must be a valid ISO 8601 datetime");
        request.deadline = "demain";
        CHECK_TEXT(judge(arena, &request), "Deadline must be a valid ISO 8601 datetime");
        request.deadline = "2027-01-01T10:00";
        CHECK_TEXT(judge(arena, &request), "");
}

static void a_past_deadline_passes_unless_told_otherwise(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        const int64_t deadline_ms = 1718495999000;

        CHECK_TEXT(judge_at(arena, &seed_request, false, deadline_ms + 1), "");
        CHECK_TEXT(judge_at(arena, &seed_request, true, deadline_ms), "Deadline must be in the future");
        CHECK_TEXT(judge_at(arena, &seed_request, true, deadline_ms - 1), "");
}

static const char *judge_types(struct arena *arena, const char *const *codes, size_t count)
{
        struct market_request request = seed_request;

        request.type_codes = codes;
        request.type_code_count = count;
        return judge(arena, &request);
}
#define JUDGE_TYPES(...) \
        judge_types(arena, (const char *[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *))

static void type_codes(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK_TEXT(judge_types(arena, NULL, 0), "Market type codes can't be blank");
        CHECK_TEXT(JUDGE_TYPES("works"), "");
        CHECK_TEXT(JUDGE_TYPES("works", "defense", "works"), "");
        CHECK_TEXT(JUDGE_TYPES("defense"), "Market type codes defense cannot be used alone");
        CHECK_TEXT(JUDGE_TYPES("defense", "defense"), "Market type codes defense cannot be used alone");
        CHECK_TEXT(JUDGE_TYPES("x", "supplies", "y", "x"), "Market type codes contains invalid codes: x, y");
        CHECK_TEXT(JUDGE_TYPES("Supplies"), "Market type codes contains invalid codes: Supplies");
        CHECK_TEXT(JUDGE_TYPES(""), "Market type codes contains invalid codes: \"\"");
}

static void what_is_echoed_is_bounded(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        const char *codes[200];

        for (size_t i = 0; i < ARRAY_LEN(codes); i++)
                codes[i] = arena_printf(arena, "c%zu", i);
        CHECK_TEXT(judge_types(arena, codes, ARRAY_LEN(codes)),
                   "Market type codes contains invalid codes: c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, …");
        CHECK_TEXT(JUDGE_TYPES(repeat(arena, "é", 51)),
                   arena_printf(arena, "Market type codes contains invalid codes: %s…", repeat(arena, "é", 50)));
        CHECK_TEXT(JUDGE_TYPES(repeat(arena, "é", 50)),
                   arena_printf(arena, "Market type codes contains invalid codes: %s", repeat(arena, "é", 50)));
        CHECK_TEXT(JUDGE_TYPES("a\r\nb"), "Market type codes contains invalid codes: a\xEF\xBF\xBD\xEF\xBF\xBD"
                                          "b");
}

static void types_to_codes_and_back(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        unsigned types = 0;
        size_t count = 0;
        const char *const *codes = market_type_codes(arena, MARKET_TYPE_DEFENSE | MARKET_TYPE_SUPPLIES, &count);

        CHECK_INT(count, 2);
        CHECK_TEXT(codes[0], "supplies");
        CHECK_TEXT(codes[1], "defense");
        CHECK(!codes[2]);
        for (unsigned set = 1; set < 1U << MARKET_TYPE_COUNT; set++) {
                CHECK_INT(market_types_parse(market_types_join(arena, set), &types), ERR_OK);
                CHECK_INT(types, set);
        }
        CHECK_INT(market_types_parse("", &types), ERR_CORRUPT);
        CHECK_INT(market_types_parse("works,", &types), ERR_CORRUPT);
        CHECK_INT(market_types_parse(NULL, &types), ERR_CORRUPT);
        CHECK_TEXT(market_type_code(MARKET_TYPE_WORKS), "works");
        CHECK_TEXT(market_type_code(MARKET_TYPE_WORKS | MARKET_TYPE_DEFENSE), NULL);
        CHECK_INT(market_type_from_code(NULL), 0);
}

static void identifiers(void)
{
        CHECK(market_identifier_valid("VR-2024-A1B2C3D4E5F6"));
        CHECK(!market_identifier_valid("VR-2024-A1B2C3D4E5F"));
        CHECK(!market_identifier_valid("VR-2024-A1B2C3D4E5F66"));
        CHECK(!market_identifier_valid("VR-2024-a1B2C3D4E5F6"));
        CHECK(!market_identifier_valid("vr-2024-A1B2C3D4E5F6"));
        CHECK(!market_identifier_valid("VR-20X4-A1B2C3D4E5F6"));
        CHECK(!market_identifier_valid("VR-2024_A1B2C3D4E5F6"));
        CHECK(!market_identifier_valid(""));
        CHECK(!market_identifier_valid(NULL));
}

static void sync_names(void)
{
        CHECK_TEXT(sync_status_name(SYNC_NONE), NULL);
        CHECK_TEXT(sync_status_name(SYNC_FAILED), "sync_failed");
        CHECK_INT(sync_status_from_name(NULL), SYNC_NONE);
        CHECK_INT(sync_status_from_name("failed"), SYNC_NONE);
        for (int s = SYNC_PENDING; s <= SYNC_FAILED; s++)
                CHECK_INT(sync_status_from_name(sync_status_name((enum sync_status)s)), s);
}

UNIT_TESTS(UNIT(the_seeds_example_is_fine), UNIT(an_empty_object_gives_the_seeds_messages),
           UNIT(wrong_types_each_have_their_words), UNIT(blank_names_are_blank), UNIT(lengths_count_characters),
           UNIT(control_characters_are_invalid), UNIT(a_blank_or_absent_lot_name_is_none), UNIT(deadlines),
           UNIT(a_past_deadline_passes_unless_told_otherwise), UNIT(type_codes), UNIT(what_is_echoed_is_bounded),
           UNIT(types_to_codes_and_back), UNIT(identifiers), UNIT(sync_names))
