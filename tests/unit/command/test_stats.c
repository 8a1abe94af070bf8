/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters of commands over several workers.
 */
#include "command_support.h"

#include "command/stats.h"
#include "command/table.h"

static void
workers_are_added_up(void **state)
{
    struct fixture *f = fixture_of(state);
    struct command_stats *other = command_stats_new();
    assert_non_null(other);
    struct command_stats *const all[] = { f->env.stats, other };
    f->env.all_stats = all;
    f->env.all_stats_len = 2;
    size_t row = command_index(command_find(attl_s("get")));
    run(f, "GET k");
    f->env.stats = other;
    run(f, "GET k");
    run(f, "GET");
    struct command_total total = stats_total(&f->env, row);
    assert_int_equal(total.calls, 2);
    assert_int_equal(total.rejected, 1);
    assert_int_equal(total.failed, 0);
    assert_int_equal(stats_errors_total(&f->env, ERROR_ERR), 1);
    stats_reset(&f->env);
    assert_int_equal(stats_total(&f->env, row).calls, 0);
    assert_int_equal(stats_errors_total(&f->env, ERROR_ERR), 0);
    f->env.stats = all[0];
    f->env.all_stats = NULL;
    command_stats_free(other);
}

static void
one_call_in_sixteen_is_timed_from_the_first_on(void **state)
{
    struct fixture *f = fixture_of(state);
    size_t row = 3;
    int timed = 0;
    for (int i = 0; i < 160; i++) {
        bool due = stats_call(f->env.stats, row);
        assert_int_equal(due, i % COMMAND_TIMED_EVERY == 0);
        if (due)
            stats_timed(f->env.stats, row, 2000);
        timed += due;
    }
    assert_int_equal(timed, 10);
    struct command_total total = stats_total(&f->env, row);
    assert_int_equal(total.calls, 160);
    assert_true(total.usec > 319.9 && total.usec < 320.1);
    stats_timed(f->env.stats, row, -5);
    assert_true(stats_total(&f->env, row).usec < 320);
}

static void
errors_are_told_apart_by_their_code(void **state)
{
    struct fixture *f = fixture_of(state);
    static const char *const texts[] = {
        "ERR x",          "OOM y", "NOAUTH z",  "WRONGPASS", "NOPROTO a b", "LOADING",
        "SOMETHING else", "",      "MISCONF x", "BUSY",      " x",          "THROTTLED overload"
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        stats_error(f->env.stats, attl_s(texts[i]));
    assert_int_equal(stats_errors_total(&f->env, ERROR_ERR), 4);
    for (int e = ERROR_ERR + 1; e < ERROR_COUNT; e++)
        assert_int_equal(stats_errors_total(&f->env, (enum command_error)e), 1);
    assert_string_equal(stats_error_name(ERROR_WRONGPASS), "WRONGPASS");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(workers_are_added_up, setup, teardown),
        cmocka_unit_test_setup_teardown(one_call_in_sixteen_is_timed_from_the_first_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(errors_are_told_apart_by_their_code, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
