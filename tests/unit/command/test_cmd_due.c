/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.DUE: entries are counted in the bin that their deadline falls into, and in that one only.
 */
#include "command_support.h"

static long long
bin(struct fixture *f, const char *up_to_ms)
{
    char head[64];
    (void)snprintf(head, sizeof head, "up_to_ms\r\n:%s\r\n$5\r\nbytes\r\n:", up_to_ms);
    run(f, "ATTL.DUE");
    const char *at = strstr(f->out.data, head);
    assert_non_null(at);
    return strtoll(at + strlen(head), NULL, 10);
}

static void
an_empty_cache_has_nothing_due(void **state)
{
    struct fixture *f = fixture_of(state);
    expect_part(f, "ATTL.DUE", "*6\r\n*4\r\n$8\r\nup_to_ms\r\n:0\r\n$5\r\nbytes\r\n:0\r\n");
    expect_part(f, "ATTL.DUE", "up_to_ms\r\n:-1\r\n$5\r\nbytes\r\n:0\r\n");
    expect(f, "ATTL.DUE now", "-ERR wrong number of arguments for 'attl.due' command\r\n");
    f->session.proto = 3;
    expect_part(f, "ATTL.DUE", "*6\r\n%2\r\n$8\r\nup_to_ms\r\n:0\r\n");
}

static void
an_entry_is_in_the_bin_of_its_deadline(void **state)
{
    static const struct {
        const char *set, *up_to_ms;
    } cases[] = {
        { "SET a 1 EX 20", "60000" },     { "SET b 1 EX 200", "300000" },
        { "SET c 1 EX 1800", "3600000" }, { "SET d 1 EX 40000", "86400000" },
        { "SET e 1 EX 30000000", "-1" },
    };
    struct fixture *f = fixture_of(state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        long long before = bin(f, cases[i].up_to_ms);
        expect(f, cases[i].set, OK);
        assert_true(bin(f, cases[i].up_to_ms) > before);
        assert_int_equal(bin(f, "0"), 0);
    }
    long long later = bin(f, "-1");
    expect(f, "SET for-ever 1", OK);
    assert_int_equal(bin(f, "-1"), later);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_cache_has_nothing_due, setup, teardown),
        cmocka_unit_test_setup_teardown(an_entry_is_in_the_bin_of_its_deadline, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
