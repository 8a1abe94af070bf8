/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of a request, as the server fetches them ahead.
 */
#include "command_support.h"

static void
keys_are_found_by_the_table(void **state)
{
    struct fixture *f = fixture_of(state);
    (void)f;
    static const struct {
        const char *request, *keys;
    } all[] = {
        { "GET k", "k" },
        { "get K", "K" },
        { "MGET a b c", "a b c" },
        { "MSET a 1 b 2", "a b" },
        { "SET k v EX 10 NX", "k" },
        { "RENAME a b", "a b" },
        { "COPY a b REPLACE", "a b" },
        { "DEL a a", "a a" },
        { "MSETEX 2 a 1 b 2 EX 10", "a b" },
        { "PING", "" },
        { "PING x", "" },
        { "NOSUCH k", "" },
        { "GET", "" },
        { "GET a b", "" },
        { "OBJECT ENCODING k", "" },
        { "MSETEX 9 a 1 b 2", "" },
        { "MSETEX x a 1", "" },
        { "MSETEX -1 a 1", "" },
        { "MSETEX 0 a 1", "" },
        { "MSET a 1 b", "a b" },
        { "MGET a b c d e f g h i", "a b c d" },
        { "MSETEX 9223372036854775807 a 1", "" },
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct words request, keys;
        attl_slice found[4];
        words_split(&request, all[i].request);
        words_split(&keys, all[i].keys);
        size_t n = command_keys(request.argv, request.argc, found, 4);
        if (n != keys.argc)
            fail_msg("%s has %zu keys", all[i].request, n);
        for (size_t k = 0; k < n; k++) {
            assert_int_equal(found[k].len, keys.argv[k].len);
            assert_memory_equal(found[k].data, keys.argv[k].data, found[k].len);
        }
    }
}

static void
no_room_means_no_keys(void **state)
{
    struct fixture *f = fixture_of(state);
    (void)f;
    struct words request;
    words_split(&request, "MGET a b");
    assert_int_equal(command_keys(request.argv, request.argc, NULL, 0), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_found_by_the_table, setup, teardown),
        cmocka_unit_test_setup_teardown(no_room_means_no_keys, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
