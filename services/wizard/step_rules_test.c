#include "services/wizard/step_rules.h"

#include "tests/support/unit.h"

static struct catalogue *catalogue;
static struct arena *arena;

static void open_catalogue(void)
{
        const char *detail = NULL;

        if (!catalogue)
                CHECK(catalogue_load(&catalogue, &detail) == ERR_OK);
        if (!arena)
                arena = arena_new();
}

/* The first field that a market of these types may carry without having to. */
static const char *choosable_of(unsigned types, unsigned only)
{
        for (size_t i = 0; i < catalogue->field_count; i++)
                if (catalogue_field_applies(&catalogue->fields[i], types) &&
                    !catalogue_field_required(&catalogue->fields[i], types) && catalogue->fields[i].types == only)
                        return catalogue->fields[i].key;
        return NULL;
}

static void choose(struct progress *progress, unsigned types, const char *a, const char *b)
{
        const char *keys[] = {a, b};

        CHECK(progress_set_choices(progress, arena, catalogue, types, ANSWER_YES, keys, b ? 2 : 1));
}

static void a_fresh_buyer_stands_at_setup(void)
{
        struct progress progress = {0};

        CHECK_INT(progress_step(&progress), STEP_SETUP);
        CHECK(progress_opens(&progress, STEP_SETUP));
        CHECK(!progress_opens(&progress, STEP_REQUIRED));
}

static void steps_open_one_after_the_other(void)
{
        struct progress progress = {0};

        open_catalogue();
        progress_accept_setup(&progress, catalogue, MARKET_TYPE_WORKS, false);
        CHECK_INT(progress_step(&progress), STEP_REQUIRED);
        progress_accept_required(&progress);
        CHECK_INT(progress_step(&progress), STEP_ADDITIONAL);
        progress_accept_additional(&progress);
        CHECK_INT(progress_step(&progress), STEP_SUMMARY);
}

static void an_earlier_step_again_closes_nothing(void)
{
        struct progress progress = {.done = STEP_SUMMARY};

        open_catalogue();
        CHECK_INT(progress_accept_setup(&progress, catalogue, MARKET_TYPE_WORKS, false), 0);
        progress_accept_required(&progress);
        CHECK_INT(progress_step(&progress), STEP_SUMMARY);
}

static void undoing_defence_drops_its_fields_and_reopens_step_two(void)
{
        struct progress progress = {.done = STEP_SUMMARY, .add_defense = true};
        const char *defence, *civil;

        open_catalogue();
        defence = choosable_of(MARKET_TYPE_SUPPLIES | MARKET_TYPE_DEFENSE, MARKET_TYPE_DEFENSE);
        civil = choosable_of(MARKET_TYPE_SUPPLIES, MARKET_TYPE_SUPPLIES);
        choose(&progress, MARKET_TYPE_SUPPLIES, defence, civil);
        CHECK_INT(progress.chosen_count, 2);
        CHECK_INT(progress_accept_setup(&progress, catalogue, MARKET_TYPE_SUPPLIES, false), 1);
        CHECK_INT(progress.chosen_count, 1);
        CHECK_TEXT(progress.chosen[0], civil);
        CHECK_INT(progress_step(&progress), STEP_REQUIRED);
}

static void defence_set_by_the_editor_is_not_the_buyers(void)
{
        struct progress progress = {0};
        unsigned types = MARKET_TYPE_WORKS | MARKET_TYPE_DEFENSE;

        open_catalogue();
        progress_accept_setup(&progress, catalogue, types, true);
        CHECK(!progress.add_defense);
        CHECK_INT(progress_types(&progress, types), types);
}

static void choices_come_once_in_the_catalogues_order(void)
{
        struct progress progress = {0};
        const char *first = NULL, *last = NULL;

        open_catalogue();
        for (size_t i = 0; i < catalogue->field_count; i++) {
                const struct catalogue_field *field = &catalogue->fields[i];
                if (!catalogue_field_applies(field, MARKET_TYPE_WORKS) ||
                    catalogue_field_required(field, MARKET_TYPE_WORKS))
                        continue;
                first = first ? first : field->key;
                last = field->key;
        }
        const char *keys[] = {last, first, last, "company_name" /* required: dropped */};
        CHECK(progress_set_choices(&progress, arena, catalogue, MARKET_TYPE_WORKS, ANSWER_YES, keys, 4));
        CHECK_INT(progress.chosen_count, 2);
        CHECK_TEXT(progress.chosen[0], first);
        CHECK_TEXT(progress.chosen[1], last);
}

static void an_unknown_or_foreign_key_is_refused_and_the_rest_kept(void)
{
        struct progress progress = {0};
        const char *foreign[] = {NULL}, *mixed[] = {"no_such_field", NULL};

        open_catalogue();
        foreign[0] = choosable_of(MARKET_TYPE_WORKS, MARKET_TYPE_WORKS);
        mixed[1] = choosable_of(MARKET_TYPE_SUPPLIES, MARKET_TYPE_SUPPLIES);
        CHECK(!progress_set_choices(&progress, arena, catalogue, MARKET_TYPE_SUPPLIES, ANSWER_YES, foreign, 1));
        CHECK_INT(progress.chosen_count, 0);
        CHECK(!progress_set_choices(&progress, arena, catalogue, MARKET_TYPE_SUPPLIES, ANSWER_YES, mixed, 2));
        CHECK_INT(progress.chosen_count, 1);
        CHECK_TEXT(progress.chosen[0], mixed[1]);
        CHECK_INT(progress.answer, ANSWER_YES);
}

static void no_means_none_whatever_is_ticked(void)
{
        struct progress progress = {0};
        const char *keys[] = {NULL};

        open_catalogue();
        keys[0] = choosable_of(MARKET_TYPE_SUPPLIES, MARKET_TYPE_SUPPLIES);
        CHECK(progress_set_choices(&progress, arena, catalogue, MARKET_TYPE_SUPPLIES, ANSWER_NO, keys, 1));
        CHECK_INT(progress.chosen_count, 0);
        CHECK_INT(progress_check_additional(&progress), ADDITIONAL_OK);
}

static void what_is_ticked_before_an_answer_is_kept(void)
{
        struct progress progress = {0};
        const char *keys[] = {NULL};

        open_catalogue();
        keys[0] = choosable_of(MARKET_TYPE_SUPPLIES, MARKET_TYPE_SUPPLIES);
        CHECK(progress_set_choices(&progress, arena, catalogue, MARKET_TYPE_SUPPLIES, ANSWER_NONE, keys, 1));
        CHECK_INT(progress.chosen_count, 1);
        CHECK_INT(progress_check_additional(&progress), ADDITIONAL_ANSWER_MISSING);
}

static void no_answer_and_nothing_chosen_are_errors(void)
{
        struct progress progress = {0};

        CHECK_INT(progress_check_additional(&progress), ADDITIONAL_ANSWER_MISSING);
        progress.answer = ANSWER_YES;
        CHECK_INT(progress_check_additional(&progress), ADDITIONAL_NONE_CHOSEN);
}

static void a_confirmation_is_checked_once_more(void)
{
        struct progress progress = {.done = STEP_SUMMARY, .answer = ANSWER_NO};
        const char *chosen[] = {NULL};

        open_catalogue();
        CHECK(progress_confirmable(&progress, catalogue, MARKET_TYPE_SUPPLIES));
        progress.done = STEP_ADDITIONAL;
        CHECK(!progress_confirmable(&progress, catalogue, MARKET_TYPE_SUPPLIES));
        chosen[0] = choosable_of(MARKET_TYPE_WORKS, MARKET_TYPE_WORKS);
        progress = (struct progress){.done = STEP_SUMMARY, .answer = ANSWER_YES, .chosen = chosen, .chosen_count = 1};
        CHECK(!progress_confirmable(&progress, catalogue, MARKET_TYPE_SUPPLIES));
        CHECK(progress_confirmable(&progress, catalogue, MARKET_TYPE_WORKS));
}

static void what_no_longer_fits_goes(void)
{
        const char *fitting, *chosen[] = {"gone", NULL};
        struct progress progress = {.done = STEP_SUMMARY, .answer = ANSWER_YES, .chosen = chosen, .chosen_count = 2};

        open_catalogue();
        fitting = chosen[1] = choosable_of(MARKET_TYPE_SUPPLIES, MARKET_TYPE_SUPPLIES);
        progress_drop_unfit(&progress, catalogue, MARKET_TYPE_SUPPLIES);
        CHECK_INT(progress.chosen_count, 1);
        CHECK_TEXT(progress.chosen[0], fitting);
        CHECK(progress_opens(&progress, STEP_SUMMARY));
        progress.chosen[0] = "gone";
        progress_drop_unfit(&progress, catalogue, MARKET_TYPE_SUPPLIES);
        CHECK_INT(progress.chosen_count, 0);
        CHECK(!progress_opens(&progress, STEP_SUMMARY));
}

static void only_a_failure_is_retried(void)
{
        CHECK(retry_allowed(SYNC_FAILED));
        CHECK(!retry_allowed(SYNC_NONE));
        CHECK(!retry_allowed(SYNC_PENDING));
        CHECK(!retry_allowed(SYNC_PROCESSING));
        CHECK(!retry_allowed(SYNC_COMPLETED));
}

static void close_catalogue(void)
{
        catalogue_free(catalogue);
        arena_free(arena);
        catalogue = NULL;
        arena = NULL;
}

UNIT_TESTS(UNIT(a_fresh_buyer_stands_at_setup), UNIT(what_no_longer_fits_goes), UNIT(steps_open_one_after_the_other),
           UNIT(an_earlier_step_again_closes_nothing), UNIT(undoing_defence_drops_its_fields_and_reopens_step_two),
           UNIT(defence_set_by_the_editor_is_not_the_buyers), UNIT(choices_come_once_in_the_catalogues_order),
           UNIT(an_unknown_or_foreign_key_is_refused_and_the_rest_kept), UNIT(no_means_none_whatever_is_ticked),
           UNIT(what_is_ticked_before_an_answer_is_kept), UNIT(no_answer_and_nothing_chosen_are_errors),
           UNIT(a_confirmation_is_checked_once_more), UNIT(only_a_failure_is_retried), UNIT(close_catalogue))
