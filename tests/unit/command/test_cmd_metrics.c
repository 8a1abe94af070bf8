/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.METRICS: its formats, and that what commands do shows in it. A host that says nothing leaves
 * its numbers at 0.
 */
#include "command_support.h"

static void
the_formats_have_names(void **state)
{
    struct fixture *f = fixture_of(state);
    expect_part(f, "ATTL.METRICS", "# TYPE attl_hits_total counter\n");
    expect_part(f, "ATTL.METRICS prometheus", "# TYPE attl_hits_total counter\n");
    expect_part(f, "ATTL.METRICS OpenMetrics", "# TYPE attl_hits counter\n");
    expect_part(f, "ATTL.METRICS JSON", "\"attl_hits_total\":{\"type\":\"counter\"");
    expect(f, "ATTL.METRICS XML", SYNTAX_ERROR);
    expect(f, "ATTL.METRICS JSON JSON", SYNTAX_ERROR);
    f->session.proto = 3;
    run(f, "ATTL.METRICS");
    assert_int_equal(f->out.data[0], '=');
    assert_true(reply_is_whole(f));
}

static void
what_commands_do_shows(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "SET k v", OK);
    run(f, "GET k");
    run(f, "GET none");
    run(f, "GET");
    run(f, "INCR k");
    static const char *const lines[] = {
        "\nattl_hits_total 1\n",
        "\nattl_sets_total 1\n",
        "\nattl_items 1\n",
        "\nattl_commands_total{cmd=\"get\"} 2\n",
        "\nattl_commands_rejected_total{cmd=\"get\"} 1\n",
        "\nattl_commands_failed_total{cmd=\"incr\"} 1\n",
        "\nattl_errors_total{code=\"ERR\"} 2\n",
        "\nattl_commands_timed_total{cmd=\"set\"} 1\n",
        "_count{family=\"string\",access=\"read\"} 1\n",
        "_count{family=\"string\",access=\"write\"} 2\n",
        "\nattl_ready 1\n",
        "\nattl_log_state{state=\"off\"} 1\n",
        "\nattl_incidents_open{kind=\"memory\",severity=\"critical\"} 0\n",
        "\nattl_shard_items{shard=\"0\"} "
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        expect_part(f, "ATTL.METRICS", lines[i]);
}

static void
a_reset_begins_anew(void **state)
{
    struct fixture *f = fixture_of(state);
    run(f, "GET none");
    expect(f, "CONFIG RESETSTAT", OK);
    expect_part(f, "ATTL.METRICS", "\nattl_misses_total 0\n");
    expect_no_part(f, "ATTL.METRICS", "cmd=\"get\"");
    expect_no_part(f, "ATTL.METRICS", "family=\"string\"");
}

static void
without_times_only_counts_move(void **state)
{
    struct fixture *f = fixture_of(state);
    f->env.untimed = true;
    run(f, "GET none");
    expect_part(f, "ATTL.METRICS", "\nattl_commands_total{cmd=\"get\"} 1\n");
    expect_part(f, "ATTL.METRICS", "\nattl_commands_timed_total{cmd=\"get\"} 0\n");
}

static void
what_must_be_provable_shows(void **state)
{
    struct fixture *f = fixture_of(state);
    static const char *const lines[] = { "\nattl_audit_mode{mode=\"off\"} 1\n",
                                         "\nattl_audit_records_total{outcome=\"lost\"} 0\n",
                                         "\nattl_alert_targets 0\n",
                                         "\nattl_erase_requests_total 1\n",
                                         "\nattl_erase_ends_total{outcome=\"done\"} 1\n",
                                         "\nattl_erased_items_total 2\n",
                                         "\nattl_erase_pending 0\n" };
    expect_no_part(f, "ATTL.METRICS", "attl_audit_oldest_age_seconds");
    expect_no_part(f, "ATTL.METRICS", "attl_erase_oldest_age_seconds");
    expect(f, "MSET a:1 v a:2 v b v", OK);
    expect_part(f, "ATTL.ERASE PREFIX a:", "done");
    expect_part(f, "ATTL.ERASE PREFIX a: DRYRUN", "dry_run");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        expect_part(f, "ATTL.METRICS", lines[i]);
    expect_part(f, "INFO erasure", "erase_requests:1\r\n");
    expect_part(f, "INFO incidents", "alert_targets:0\r\n");
}

static void
namespaces_that_are_counted_are_shown(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "ATTL.NS SET plain:", OK);
    expect_no_part(f, "ATTL.METRICS", "attl_namespace_items");
    expect(f, "ATTL.NS SET a: max_entries 10", OK);
    expect(f, "SET a:1 v", OK);
    expect_part(f, "ATTL.METRICS", "\nattl_namespace_items{namespace=\"a:\"} 1\n");
    expect_part(f, "ATTL.METRICS", "\nattl_namespace_max_items{namespace=\"a:\"} 10\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_formats_have_names, setup, teardown),
        cmocka_unit_test_setup_teardown(what_commands_do_shows, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reset_begins_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(without_times_only_counts_move, setup, teardown),
        cmocka_unit_test_setup_teardown(what_must_be_provable_shows, setup, teardown),
        cmocka_unit_test_setup_teardown(namespaces_that_are_counted_are_shown, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
