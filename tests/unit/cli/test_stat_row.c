/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From INFO to a row: which lines count, what two samples make, and what is said when nothing is
 * known. The text of INFO comes from servers of all kinds, so broken lines must be passed over.
 */
#include "cli_support.h"

#include "cli/stat_row.h"

static const char info[] = "# Stats\r\ntotal_commands_processed:1000\r\nkeyspace_hits:80\r\n"
                           "keyspace_misses:20\r\nexpired_keys:10\r\nevicted_keys:4\r\n"
                           "# Clients\r\nconnected_clients:3\r\n# Memory\r\nused_memory:1048576\r\n"
                           "used_memory_human:1.00M\r\nmaxmemory:2097152\r\n"
                           "attl_expire_lag_ms_sum:500\r\n# Keyspace\r\n"
                           "db0:keys=7,expires=1,avg_ttl=0\r\ndb12:keys=5\r\n";

static void
fields_of_info_are_found(void **state)
{
    struct stat_sample s = { .at_ns = 5 };
    (void)state;
    stat_sample_parse(&s, attl_s(info));
    assert_int_equal(s.at_ns, 5);
    assert_int_equal(s.commands, 1000);
    assert_int_equal(s.hits, 80);
    assert_int_equal(s.misses, 20);
    assert_int_equal(s.expired, 10);
    assert_int_equal(s.evicted, 4);
    assert_int_equal(s.clients, 3);
    assert_int_equal(s.memory_bytes, 1048576);
    assert_int_equal(s.memory_max_bytes, 2097152);
    assert_int_equal(s.items, 12);
    assert_true(s.has_lag);
    assert_int_equal(s.lag_ms_sum, 500);
}

static void
broken_lines_are_passed_over(void **state)
{
    static const char *const texts[] = {
        "",
        "\r\n",
        ":",
        "used_memory",
        "used_memory:",
        "used_memory:x",
        "used_memory:-5",
        "used_memory:99999999999999999999",
        "db:keys=1",
        "db0:keys=",
        "db0:keys=x",
        "db0:keys=-1",
        "db0:expires=1",
        "dbx",
        "\n\n\n",
        "used_memory 5",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct stat_sample s = { .items = 9, .memory_bytes = 9 };
        stat_sample_parse(&s, attl_s(texts[i]));
        assert_int_equal(s.items, 0);
        assert_int_equal(s.memory_bytes, 0);
        assert_false(s.has_lag);
    }
}

static void
a_row_is_the_difference_of_two_samples(void **state)
{
    struct stat_sample then = { .at_ns = 1000000000,
                                .commands = 100,
                                .hits = 10,
                                .misses = 10,
                                .expired = 5,
                                .evicted = 1,
                                .lag_ms_sum = 100,
                                .has_lag = true };
    struct stat_sample now = { .at_ns = 3000000000,
                               .commands = 300,
                               .hits = 40,
                               .misses = 20,
                               .expired = 15,
                               .evicted = 5,
                               .lag_ms_sum = 400,
                               .has_lag = true,
                               .items = 8,
                               .clients = 2,
                               .memory_bytes = 50,
                               .memory_max_bytes = 100 };
    struct stat_row row;
    (void)state;
    stat_row_between(&row, &then, &now);
    assert_true(row.commands_per_s == 100);
    assert_true(row.hit_ratio == 0.75);
    assert_true(row.expired_per_s == 5);
    assert_true(row.evicted_per_s == 2);
    assert_true(row.lag_ms == 30);
    assert_int_equal(row.items, 8);
}

static void
a_counter_that_went_back_was_reset(void **state)
{
    struct stat_sample then = { .at_ns = 0, .commands = 1000 };
    struct stat_sample now = { .at_ns = 1000000000, .commands = 50 };
    struct stat_row row;
    (void)state;
    stat_row_between(&row, &then, &now);
    assert_true(row.commands_per_s == 50);
    stat_row_between(&row, &now, &now); /* no time passed: a number all the same */
    assert_true(row.commands_per_s == 0);
}

static void
the_unknown_is_a_dash_or_null(void **state)
{
    struct stat_sample none = { .at_ns = 0 }, later = { .at_ns = 1000000000, .items = 3 };
    struct stat_row row;
    struct capture out;
    char text[STAT_TEXT_MAX];
    (void)state;
    stat_row_between(&row, &none, &later);
    assert_true(row.hit_ratio < 0);
    assert_true(row.lag_ms < 0);
    stat_row_text(&row, text);
    assert_string_equal(
        text, "      0       -        3        0       -         0         0       0       -");
    capture_begin(&out);
    stat_row_json(out.file, &row, 42);
    assert_string_equal(capture_end(&out),
                        "{\"time_ms\":42,\"commands_per_s\":0.0,\"hit_ratio\":null,\"items\":3,"
                        "\"memory_bytes\":0,\"memory_max_bytes\":0,\"expired_per_s\":0.0,"
                        "\"evicted_per_s\":0.0,\"clients\":0,\"expire_lag_ms\":null}\n");
    capture_free(&out);
}

static void
columns_stand_under_their_names_in_80_columns(void **state)
{
    struct stat_row row = { .commands_per_s = 1.23e9,
                            .expired_per_s = 4.5e6,
                            .evicted_per_s = 999,
                            .hit_ratio = 1,
                            .lag_ms = 123456,
                            .items = UINT64_MAX,
                            .clients = 10000,
                            .memory_bytes = UINT64_MAX,
                            .memory_max_bytes = UINT64_MAX };
    char text[STAT_TEXT_MAX];
    (void)state;
    stat_row_text(&row, text);
    assert_int_equal(strlen(text), strlen(stat_row_header()));
    assert_in_range(strlen(text), 1, 79);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_info_are_found),
        cmocka_unit_test(broken_lines_are_passed_over),
        cmocka_unit_test(a_row_is_the_difference_of_two_samples),
        cmocka_unit_test(a_counter_that_went_back_was_reset),
        cmocka_unit_test(the_unknown_is_a_dash_or_null),
        cmocka_unit_test(columns_stand_under_their_names_in_80_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
