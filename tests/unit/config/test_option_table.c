/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of options agrees with itself: every row is complete, every default parses and lies
 * inside its own bounds, and no two names collide. These are the checks a person adding a row
 * relies on; they read every row, so a new one is covered without touching this file.
 */
#include "config_support.h"

#include "config/option_value.h"

#include <stdio.h>

static void
every_row_is_complete(void **state)
{
    (void)state;
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = option_at((enum option_id)id);
        assert_non_null(option->name);
        assert_non_null(option->library_default);
        assert_non_null(option->text);
        assert_int_equal(option_id_of(option), id);
        assert_true(strlen(option->name) <= OPTION_NAME_MAX);
        const char *dot = strchr(option->name, '.');
        assert_non_null(dot);
        assert_null(
            strchr(dot + 1, '.')); /* two parts: the environment and the TOML reader count on it */
        assert_null(strstr(option->name, "__"));
        assert_null(strchr(option->text, '|')); /* would break the table of docs/config.md */
        assert_true((option->type == OPTION_ENUM) == (option->choices != NULL));
    }
}

static void
a_section_is_one_run_of_rows(void **state)
{
    (void)state;
    for (unsigned id = 1; id + 1 < OPTION_COUNT; id++) {
        const char *name = option_at((enum option_id)id)->name;
        size_t len = (size_t)(strchr(name, '.') - name) + 1;
        bool ended = strncmp(name, option_at((enum option_id)(id + 1))->name, len) != 0;
        for (unsigned later = id + 1; ended && later < OPTION_COUNT; later++)
            assert_int_not_equal(strncmp(name, option_at((enum option_id)later)->name, len), 0);
    }
}

static void
every_default_is_within_its_bounds(void **state)
{
    (void)state;
    char err[OPTION_ERROR_MAX] = "";
    struct option_scalar value;
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = option_at((enum option_id)id);
        const char *texts[] = { option->library_default, option->server_default };
        for (size_t i = 0; i < 2; i++)
            if (texts[i] &&
                option_parse(option, FORM_NATIVE, attl_s(texts[i]),
                             (struct config_error){ err, sizeof err }, &value) != ATTL_OK)
                fail_msg("%s: default '%s': %s", option->name, texts[i], err);
    }
}

static void
every_choice_has_a_canonical_row(void **state)
{
    (void)state;
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = option_at((enum option_id)id);
        for (int row = 0; option->choices && option->choices[row].text; row++)
            assert_non_null(option_choice_text(option, option->choices[row].value));
    }
}

/* Every name and alias finds its own row: nobody is hidden by an earlier one. */
static void
no_two_names_collide(void **state)
{
    (void)state;
    const struct option_alias *alias;
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = option_at((enum option_id)id);
        assert_ptr_equal(option_find_alias(attl_s(option->name), &alias), option);
        assert_null(alias);
        for (size_t i = 0; i < OPTION_ALIASES_MAX && option->aliases[i].name; i++) {
            const struct option_alias *own = &option->aliases[i];
            assert_true(strlen(own->name) <= OPTION_NAME_MAX);
            assert_null(strchr(own->name, '.'));
            assert_ptr_equal(option_find_alias(attl_s(own->name), &alias), option);
            assert_ptr_equal(alias, own);
        }
    }
}

static void
the_names_of_the_mission_exist(void **state)
{
    (void)state;
    static const char *const names[] = {
        "CACHE_MAX_MEMORY_MB",
        "CACHE_MAX_ENTRIES",
        "NUM_SHARDS",
        "CACHE_VALIDATION_MODE",
        "SHARD_IMBALANCE_THRESHOLD",
        "SHARD_BALANCE_INTERVAL",
        "SHARD_MIGRATION_BUDGET",
        "MIN_CLEANUP_INTERVAL",
        "MAX_CLEANUP_INTERVAL",
        "LATENCY_THRESHOLD",
        "INSERT_THRESHOLD",
        "INCIDENT_RESPONSE_ENABLED",
        "SNAPSHOT_TTL",
        "WAL_TTL",
    };
    const struct option_alias *alias;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_non_null(option_find_alias(attl_s(names[i]), &alias));
        assert_int_equal(alias->kind, ALIAS_CLASSIC);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(a_section_is_one_run_of_rows),
        cmocka_unit_test(every_default_is_within_its_bounds),
        cmocka_unit_test(every_choice_has_a_canonical_row),
        cmocka_unit_test(no_two_names_collide),
        cmocka_unit_test(the_names_of_the_mission_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
