/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our own commands: every member of attl_stats is shown, and the parts of the used memory add up.
 */
#include "command_support.h"

#include "command/stats_fields.h"

static void
stats_shows_every_member(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "SET k v EX 10", OK);
    run(f, "GET k");
    expect_part(f, "ATTL.STATS", "$5\r\nitems\r\n:1\r\n");
    expect_part(f, "ATTL.STATS", "$9\r\nitems_ttl\r\n:1\r\n");
    expect_part(f, "attl.stats", "$4\r\nhits\r\n:1\r\n");
    size_t bytes = sizeof(uint32_t); /* struct_size is the caller's */
    for (size_t i = 0; i < stats_fields_len; i++)
        bytes += stats_fields[i].bytes;
    assert_int_equal(bytes, sizeof(attl_stats));
    for (size_t i = 1; i < stats_fields_len; i++)
        assert_int_equal(stats_fields[i].offset,
                         stats_fields[i - 1].offset + stats_fields[i - 1].bytes);
}

static void
numbers_are_read_from_their_members(void **state)
{
    struct fixture *f = fixture_of(state);
    (void)f;
    attl_stats stats = { .struct_size = sizeof stats, .shards = 3, .evicted = UINT64_MAX };
    for (size_t i = 0; i < stats_fields_len; i++) {
        uint64_t value = stats_field_value(&stats_fields[i], &stats);
        if (strcmp(stats_fields[i].name, "shards") == 0)
            assert_int_equal(value, 3);
        else if (strcmp(stats_fields[i].name, "evicted") == 0)
            assert_true(value == UINT64_MAX);
        else
            assert_int_equal(value, 0);
    }
}

static void
the_parts_of_the_memory_add_up(void **state)
{
    struct fixture *f = fixture_of(state);
    char request[300];
    for (int i = 0; i < 3000; i++) {
        (void)snprintf(request, sizeof request, "SET k%d %0*d EX %d", i % 1500, i % 200 + 1, i,
                       i + 1);
        expect(f, request, OK);
    }
    expect_part(f, "ATTL.ACCOUNTING", "$5\r\nitems\r\n:1500\r\n");
    expect_part(f, "ATTL.ACCOUNTING", "$11\r\nunexplained\r\n:0\r\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stats_shows_every_member, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_are_read_from_their_members, setup, teardown),
        cmocka_unit_test_setup_teardown(the_parts_of_the_memory_add_up, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
