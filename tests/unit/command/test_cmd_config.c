/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CONFIG: patterns of GET, and SET that changes all or nothing.
 */
#include "command_support.h"

static void
get_shows_what_matches(void **state)
{
    struct fixture *f = fixture_of(state);
    (void)snprintf(f->settings[0], sizeof f->settings[0], "100mb");
    expect(f, "CONFIG GET maxmemory", "*2\r\n$9\r\nmaxmemory\r\n$5\r\n100mb\r\n");
    expect(f, "CONFIG GET MaxMemory", "*2\r\n$9\r\nMaxMemory\r\n$5\r\n100mb\r\n");
    expect_part(f, "CONFIG GET maxm*", "*4\r\n$9\r\nmaxmemory\r\n");
    expect_part(f, "CONFIG GET *", "*10\r\n");
    expect_part(f, "CONFIG GET MAXMEMORY* maxmemory port", "*6\r\n");
    expect(f, "CONFIG GET nosuch", "*0\r\n");
    expect(f, "CONFIG GET", "-ERR wrong number of arguments for 'config|get' command\r\n");
    f->session.proto = 3;
    expect_part(f, "CONFIG GET maxm*", "%2\r\n");
}

static void
set_changes_several_settings(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "CONFIG SET maxmemory 5mb TIMEOUT 10", OK);
    expect_part(f, "CONFIG GET timeout", "$2\r\n10\r\n");
    expect_part(f, "CONFIG GET maxmemory", "$3\r\n5mb\r\n");
}

static void
a_refused_pair_undoes_the_others(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "CONFIG SET maxmemory 1mb timeout 5", OK);
    expect(f, "CONFIG SET maxmemory 2mb timeout bad",
           "-ERR CONFIG SET failed (possibly related to argument 'timeout') - that is no good\r\n");
    expect_part(f, "CONFIG GET maxmemory", "$3\r\n1mb\r\n");
    expect(f, "CONFIG SET maxmemory 2mb port 1",
           "-ERR CONFIG SET failed (possibly related to argument 'port') - can't set immutable "
           "config\r\n");
    expect_part(f, "CONFIG GET maxmemory", "$3\r\n1mb\r\n");
}

static void
a_secret_is_never_replaced_by_its_asterisks(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "CONFIG SET requirepass hush", OK);
    expect_part(f, "CONFIG SET requirepass other timeout bad", "-ERR CONFIG SET failed");
    expect_part(f, "CONFIG GET requirepass", "$8\r\n********\r\n");
    assert_string_equal(f->settings[3], "hush");
    expect(f, "CONFIG SET requirepass ''", OK);
    assert_string_equal(f->settings[3], "");
}

static void
set_refuses_what_it_cannot_mean(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(
        f,
        { "CONFIG SET nosuch 1",
          "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'\r\n" },
        { "CONFIG SET timeout 1 nosuch 1",
          "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'\r\n" },
        { "CONFIG SET timeout 1 TimeOut 2",
          "-ERR CONFIG SET failed (possibly related to argument 'TimeOut') - "
          "duplicate parameter\r\n" },
        { "CONFIG SET timeout 1 x", SYNTAX_ERROR },
        { "CONFIG SET timeout", "-ERR wrong number of arguments for 'config|set' command\r\n" });
    assert_string_equal(f->settings[4], "");
}

static void
a_value_longer_than_any_setting_is_refused(void **state)
{
    struct fixture *f = fixture_of(state);
    static char value[4096];
    memset(value, 'v', sizeof value);
    attl_slice argv[] = { attl_s("CONFIG"), attl_s("SET"), attl_s("timeout"),
                          attl_b(value, sizeof value) };
    buf_clear(&f->out, OUT_MAX_BYTES);
    command_execute(&f->env, &f->session, argv, 4, &f->out);
    buf_append(&f->out, "", 1);
    assert_non_null(strstr(f->out.data, "argument is too long"));
}

static void
resetstat_clears_all_counters(void **state)
{
    struct fixture *f = fixture_of(state);
    run(f, "GET k");
    expect_part(f, "INFO commandstats", "cmdstat_get:calls=1,");
    expect(f, "CONFIG RESETSTAT", OK);
    assert_true(f->resets);
    expect_no_part(f, "INFO commandstats", "cmdstat_get:");
}

static void
rewrite_reports_the_reason(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "CONFIG REWRITE", "-ERR Rewriting config file: the disk is full\r\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(get_shows_what_matches, setup, teardown),
        cmocka_unit_test_setup_teardown(set_changes_several_settings, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_pair_undoes_the_others, setup, teardown),
        cmocka_unit_test_setup_teardown(a_secret_is_never_replaced_by_its_asterisks, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(set_refuses_what_it_cannot_mean, setup, teardown),
        cmocka_unit_test_setup_teardown(a_value_longer_than_any_setting_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(resetstat_clears_all_counters, setup, teardown),
        cmocka_unit_test_setup_teardown(rewrite_reports_the_reason, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
