/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.SHARDS, ATTL.BALANCE and ATTL.HOTKEYS: the shape of their replies, their errors, and INFO's
 * lines. What the balancer does is tested where it is; here the cache has four shards and a few
 * keys, so that it finds nothing to do.
 */
#include "command_support.h"

static int
setup_shards(void **state)
{
    static const char *const options[] = { "cache.num_shards", "4", "validation.mode", "binary",
                                           NULL };
    return setup_with(state, options);
}

static void
shards_are_listed_with_what_they_hold(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "SET a 1", OK);
    expect_part(f, "ATTL.SHARDS", "*4\r\n*16\r\n$5\r\nshard\r\n:0\r\n$10\r\npartitions\r\n:");
    expect_part(f, "ATTL.SHARDS", "$4\r\nkeys\r\n:1\r\n");
    run(f, "HELLO 3");
    expect_part(f, "ATTL.SHARDS", "*4\r\n%8\r\n");
    assert_int_equal(attl_option_set(f->cache, "num_shards", "2", NULL, 0), ATTL_OK);
    expect_part(f, "ATTL.SHARDS", "*2\r\n%8\r\n");
}

static void
partitions_are_columns_of_one_length(void **state)
{
    struct fixture *f = fixture_of(state);
    char part[64];
    attl_stats st = { .struct_size = sizeof st };
    attl_stats_get(f->cache, &st);
    expect(f, "SET a 1", OK);
    (void)snprintf(part, sizeof part, "*8\r\n$5\r\nshard\r\n*%u\r\n:", (unsigned)st.partitions);
    expect_part(f, "ATTL.SHARDS PARTITIONS", part);
    (void)snprintf(part, sizeof part, "$4\r\nkeys\r\n*%u\r\n:", (unsigned)st.partitions);
    expect_part(f, "ATTL.SHARDS partitions", part);
    expect_part(f, "ATTL.SHARDS PARTITIONS", "$5\r\nbytes\r\n*");
    expect_part(f, "ATTL.SHARDS PARTITIONS", "$18\r\nload_ns_per_second\r\n*");
    run(f, "HELLO 3");
    expect_part(f, "ATTL.SHARDS PARTITIONS", "%4\r\n");
}

static void
balance_says_what_it_did_and_why(void **state)
{
    struct fixture *f = fixture_of(state);
    expect_part(f, "ATTL.BALANCE DRYRUN", "*18\r\n$5\r\nat_ms\r\n");
    expect_part(f, "ATTL.BALANCE dryrun", "$7\r\ndry_run\r\n:1\r\n");
    expect_part(f, "ATTL.BALANCE now", "$7\r\ndry_run\r\n:0\r\n");
    expect_part(f, "ATTL.BALANCE NOW", "nothing to do\r\n$5\r\nmoves\r\n*0\r\n");
    expect_part(f, "ATTL.SHARDS WHY", "*22\r\n$7\r\nenabled\r\n:1\r\n");
    expect_part(f, "ATTL.SHARDS WHY", "$6\r\ncycles\r\n*4\r\n*18\r\n");
    expect_part(f, "INFO attl",
                "attl_shard_imbalance:1.000\r\nattl_rebalances:0\r\n"
                "attl_moved_partitions:0\r\nattl_moved_entries:0\r\n"
                "attl_moved_bytes:0\r\n");
}

static void
hot_keys_are_told_with_rates(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "ATTL.HOTKEYS", "*0\r\n");
    expect(f, "SET hot 1", OK);
    for (int i = 0; i < 2000; i++)
        expect(f, "GET hot", "$1\r\n1\r\n");
    expect_part(f, "ATTL.HOTKEYS COUNT 1", "*1\r\n*18\r\n$3\r\nkey\r\n$3\r\nhot\r\n");
    assert_int_equal(attl_option_set(f->cache, "hotkeys.enabled", "no", NULL, 0), ATTL_OK);
    expect(f, "ATTL.HOTKEYS", "-ERR hot keys are not watched: set hotkeys.enabled\r\n");
    assert_int_equal(attl_option_set(f->cache, "hotkeys.enabled", "yes", NULL, 0), ATTL_OK);
    expect(f, "ATTL.HOTKEYS", "*0\r\n");
}

static void
wrong_arguments_are_errors(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "ATTL.SHARDS WHAT", SYNTAX_ERROR);
    expect(f, "ATTL.SHARDS WHY NOT", SYNTAX_ERROR);
    expect(f, "ATTL.BALANCE", "-ERR wrong number of arguments for 'attl.balance' command\r\n");
    expect(f, "ATTL.BALANCE LATER", SYNTAX_ERROR);
    expect(f, "ATTL.HOTKEYS COUNT", SYNTAX_ERROR);
    expect(f, "ATTL.HOTKEYS LIMIT 1", SYNTAX_ERROR);
    expect(f, "ATTL.HOTKEYS COUNT x", NOT_AN_INTEGER);
    expect(f, "ATTL.HOTKEYS COUNT 0", "-ERR COUNT must be positive\r\n");
}

#define SHARDS_TEST(t) cmocka_unit_test_setup_teardown(t, setup_shards, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(shards_are_listed_with_what_they_hold),
        SHARDS_TEST(partitions_are_columns_of_one_length),
        SHARDS_TEST(balance_says_what_it_did_and_why),
        SHARDS_TEST(hot_keys_are_told_with_rates),
        SHARDS_TEST(wrong_arguments_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
