/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that read or alter one value, and those that take several keys: copies into buffers of
 * every size, numbers at the edges of 64 bits, appending and overwriting across the size where
 * values move out of line, renaming, copying, and storing many pairs as one change.
 */
#include "support/unit.h"

/* ---- reading ------------------------------------------------------------------------------- */

static void
a_buffer_that_is_too_small_is_told_the_length(void **state)
{
    struct fixture *f = *state;
    static const size_t lens[] = { 0, 1, 7, 8, 9, 32, 33, 500, 8191, 8192, 100000 };
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        size_t len = lens[i], got = 77;
        char *value = malloc(len + 1), *buf = malloc(len + 1);
        assert_true(value != NULL && buf != NULL);
        memset(value, 'v', len + 1);
        ASSERT_STATUS(attl_set(f->cache, attl_s("k"), attl_b(value, len), ATTL_TTL_NONE), ATTL_OK);
        if (len > 0) {
            memset(buf, '#', len + 1);
            ASSERT_STATUS(attl_get(f->cache, attl_s("k"), buf, len - 1, &got), ATTL_E_BUFFER);
            assert_int_equal(got, len);
            assert_int_equal(buf[len - 1], '#');
            ASSERT_STATUS(attl_get(f->cache, attl_s("k"), NULL, 0, &got), ATTL_E_BUFFER);
            assert_int_equal(got, len);
        }
        memset(buf, '#', len + 1);
        ASSERT_STATUS(attl_get(f->cache, attl_s("k"), buf, len, &got), ATTL_OK);
        assert_int_equal(got, len);
        assert_memory_equal(buf, value, len);
        assert_int_equal(buf[len], '#'); /* no NUL, not a byte too many */
        ASSERT_STATUS(attl_get(f->cache, attl_s("k"), buf, len, NULL), ATTL_OK);
        free(value);
        free(buf);
    }
}

static void
keys_and_values_hold_any_byte(void **state)
{
    struct fixture *f = *state;
    unsigned char bytes[256], got[256];
    size_t len = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)i;
    }
    for (size_t n = 1; n <= sizeof(bytes); n++) {
        ASSERT_STATUS(
            attl_set(f->cache, attl_b(bytes, n), attl_b(bytes + n / 2, n / 2), ATTL_TTL_NONE),
            ATTL_OK);
    }
    for (size_t n = 1; n <= sizeof(bytes); n++) {
        ASSERT_STATUS(attl_get(f->cache, attl_b(bytes, n), got, sizeof(got), &len), ATTL_OK);
        assert_int_equal(len, n / 2);
        assert_memory_equal(got, bytes + n / 2, len);
    }
    assert_int_equal(attl_size(f->cache), sizeof(bytes));
}

static void
getdel_takes_the_value_out(void **state)
{
    struct fixture *f = *state;
    attl_value value = ATTL_VALUE_INIT;
    ASSERT_STATUS(attl_getdel(f->cache, attl_s("k"), &value), ATTL_MISS);
    put(f->cache, "k", "the value", 100);
    ASSERT_STATUS(attl_getdel(f->cache, attl_s("k"), &value), ATTL_OK);
    expect(f->cache, "k", NULL);
    put(f->cache, "k", "another", 100);
    assert_int_equal(value.data.len, 9);
    assert_memory_equal(value.data.data, "the value", 9);
    attl_value_release(f->cache, &value);
    ASSERT_STATUS(attl_del(f->cache, attl_s("k")), ATTL_OK);
    ASSERT_STATUS(attl_del(f->cache, attl_s("k")), ATTL_MISS);
}

static void
mget_answers_for_each_key(void **state)
{
    struct fixture *f = *state;
    enum { N = 100 }; /* several prefetching passes */
    attl_slice keys[N];
    attl_value values[N];
    int statuses[N];
    char names[N][16];
    size_t want = 0;
    for (size_t i = 0; i < N; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "key:%zu", i / 2); /* each is asked for twice */
        keys[i] = attl_s(names[i]);
        values[i] = (attl_value)ATTL_VALUE_INIT;
        if (i % 3 == 0 && i % 2 == 0) {
            put(f->cache, names[i], names[i], ATTL_TTL_NONE);
        }
    }
    size_t hits = attl_mget(f->cache, keys, N, values, statuses);
    for (size_t i = 0; i < N; i++) {
        bool there = attl_exists(f->cache, keys[i]) == ATTL_OK;
        ASSERT_STATUS(statuses[i], there ? ATTL_OK : ATTL_MISS);
        want += there ? 1 : 0;
        if (there) {
            assert_int_equal(values[i].data.len, keys[i].len);
            assert_memory_equal(values[i].data.data, keys[i].data, keys[i].len);
        }
        attl_value_release(f->cache, &values[i]);
    }
    assert_int_equal(hits, want);
    assert_int_equal(attl_mget(f->cache, NULL, 0, NULL, NULL), 0);
    attl_prefetch(f->cache, keys, N);
    attl_prefetch(f->cache, NULL, 0);
}

/* ---- altering ------------------------------------------------------------------------------ */

static void
numbers_are_decimal_and_of_64_bits(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *before; /* NULL: absent */
        int64_t delta;
        int want;
        const char *after;
    } rows[] = {
        { NULL, 5, ATTL_OK, "5" },
        { NULL, -5, ATTL_OK, "-5" },
        { NULL, INT64_MIN, ATTL_OK, "-9223372036854775808" },
        { "10", 0, ATTL_OK, "10" },
        { "10", -11, ATTL_OK, "-1" },
        { "9223372036854775806", 1, ATTL_OK, "9223372036854775807" },
        { "9223372036854775807", 1, ATTL_E_OVERFLOW, NULL },
        { "-9223372036854775808", -1, ATTL_E_OVERFLOW, NULL },
        { "-1", INT64_MIN, ATTL_E_OVERFLOW, NULL },
        { "1", INT64_MAX, ATTL_E_OVERFLOW, NULL },
        { "9223372036854775807", INT64_MIN, ATTL_OK, "-1" },
        { "9223372036854775808", 1, ATTL_E_NOT_INTEGER, NULL },
        { "", 1, ATTL_E_NOT_INTEGER, NULL },
        { "007", 1, ATTL_E_NOT_INTEGER, NULL },
        { "+1", 1, ATTL_E_NOT_INTEGER, NULL },
        { "-0", 1, ATTL_E_NOT_INTEGER, NULL },
        { " 1", 1, ATTL_E_NOT_INTEGER, NULL },
        { "1 ", 1, ATTL_E_NOT_INTEGER, NULL },
        { "1.5", 1, ATTL_E_NOT_INTEGER, NULL },
        { "0x1", 1, ATTL_E_NOT_INTEGER, NULL },
        { "abc", 1, ATTL_E_NOT_INTEGER, NULL },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t sum = 0;
        drop(f->cache, "n");
        if (rows[i].before != NULL) {
            put(f->cache, "n", rows[i].before, 5000);
        }
        ASSERT_STATUS(attl_incr(f->cache, attl_s("n"), rows[i].delta, 3000, &sum), rows[i].want);
        expect(f->cache, "n", rows[i].want == ATTL_OK ? rows[i].after : rows[i].before);
        expect_ttl(f->cache, "n", rows[i].before != NULL ? 5000 : 3000);
        if (rows[i].want == ATTL_OK) {
            assert_int_equal(sum, strtoll(rows[i].after, NULL, 10));
        }
    }
}

static void
appending_grows_a_value_of_any_size(void **state)
{
    struct fixture *f = *state;
    enum { PIECE = 997, PIECES = 120 };
    static unsigned char want[PIECE * PIECES];
    static unsigned char got[PIECE * PIECES];
    uint64_t len;
    size_t got_len;
    for (size_t i = 0; i < PIECES; i++) {
        memset(want + i * PIECE, (int)('a' + i % 26), PIECE);
        ASSERT_STATUS(attl_append(f->cache, attl_s("k"), attl_b(want + i * PIECE, PIECE), &len),
                      ATTL_OK);
        assert_int_equal(len, (i + 1) * PIECE);
    }
    ASSERT_STATUS(attl_get(f->cache, attl_s("k"), got, sizeof(got), &got_len), ATTL_OK);
    assert_int_equal(got_len, sizeof(want));
    assert_memory_equal(got, want, sizeof(want));
    expect_ttl(f->cache, "k", ATTL_TTL_NONE);
    put(f->cache, "n", "12", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_append(f->cache, attl_s("n"), attl_s("34"), NULL), ATTL_OK);
    expect(f->cache, "n", "1234"); /* stored as a number or not, it is text */
    ASSERT_STATUS(attl_append(f->cache, attl_s("n"), attl_s(""), &len), ATTL_OK);
    assert_int_equal(len, 4);
}

static void
overwriting_a_range_pads_with_zero_bytes(void **state)
{
    struct fixture *f = *state;
    uint64_t len;
    char got[16];
    size_t got_len;
    put(f->cache, "k", "Hello World", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_set_range(f->cache, attl_s("k"), 6, attl_s("Redis"), &len), ATTL_OK);
    assert_int_equal(len, 11);
    expect(f->cache, "k", "Hello Redis");
    ASSERT_STATUS(attl_set_range(f->cache, attl_s("k"), 9, attl_s("dish"), &len), ATTL_OK);
    assert_int_equal(len, 13);
    expect(f->cache, "k", "Hello Reddish");
    ASSERT_STATUS(attl_set_range(f->cache, attl_s("new"), 5, attl_s("x"), &len), ATTL_OK);
    assert_int_equal(len, 6);
    ASSERT_STATUS(attl_get(f->cache, attl_s("new"), got, sizeof(got), &got_len), ATTL_OK);
    assert_int_equal(got_len, 6);
    assert_memory_equal(got, "\0\0\0\0\0x", 6);
    put(f->cache, "n", "12345", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_set_range(f->cache, attl_s("n"), 1, attl_s("9"), NULL), ATTL_OK);
    expect(f->cache, "n", "19345");
}

static void
results_that_would_be_too_long_change_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t len;
    sim_option(f->cache, "validation.max_value_bytes", "100");
    put(f->cache, "k", "0123456789", ATTL_TTL_NONE);
    static const uint64_t offsets[] = { 100, 101, INT64_MAX, UINT64_MAX, UINT64_MAX - 1 };
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        ASSERT_STATUS(attl_set_range(f->cache, attl_s("k"), offsets[i], attl_s("xy"), &len),
                      ATTL_E_VALUE_LONG);
        ASSERT_STATUS(attl_set_range(f->cache, attl_s("absent"), offsets[i], attl_s("xy"), &len),
                      ATTL_E_VALUE_LONG);
    }
    char tail[95];
    memset(tail, 't', sizeof(tail));
    ASSERT_STATUS(attl_append(f->cache, attl_s("k"), attl_b(tail, 91), &len), ATTL_E_VALUE_LONG);
    expect(f->cache, "k", "0123456789");
    expect(f->cache, "absent", NULL);
    ASSERT_STATUS(attl_append(f->cache, attl_s("k"), attl_b(tail, 90), &len), ATTL_OK);
    assert_int_equal(len, 100);
}

/* ---- several keys -------------------------------------------------------------------------- */

static void
rename_moves_value_and_deadline(void **state)
{
    struct fixture *f = *state;
    ASSERT_STATUS(attl_rename(f->cache, attl_s("a"), attl_s("b"), 0), ATTL_MISS);
    put(f->cache, "a", "value of a", 5000);
    put(f->cache, "b", "value of b", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_rename(f->cache, attl_s("a"), attl_s("b"), ATTL_SET_NX), ATTL_NOT_SET);
    expect(f->cache, "a", "value of a");
    expect(f->cache, "b", "value of b");
    ASSERT_STATUS(attl_rename(f->cache, attl_s("a"), attl_s("b"), 0), ATTL_OK);
    expect(f->cache, "a", NULL);
    expect(f->cache, "b", "value of a");
    expect_ttl(f->cache, "b", 5000);
    ASSERT_STATUS(attl_rename(f->cache, attl_s("b"), attl_s("c"), ATTL_SET_NX), ATTL_OK);
    expect_ttl(f->cache, "c", 5000);
    /* An expired target does not stand in the way. */
    put(f->cache, "d", "dead", 10);
    sim_advance(&f->sim, 10);
    ASSERT_STATUS(attl_rename(f->cache, attl_s("c"), attl_s("d"), ATTL_SET_NX), ATTL_OK);
    expect(f->cache, "d", "value of a");
    expect_ttl(f->cache, "d", 4990);
    assert_int_equal(count_live(f->cache), 1);
}

static void
copy_keeps_the_source(void **state)
{
    struct fixture *f = *state;
    ASSERT_STATUS(attl_copy(f->cache, attl_s("a"), attl_s("b"), 0), ATTL_MISS);
    put(f->cache, "a", "value of a", 5000);
    ASSERT_STATUS(attl_copy(f->cache, attl_s("a"), attl_s("b"), ATTL_SET_NX), ATTL_OK);
    put(f->cache, "a", "changed", ATTL_TTL_NONE);
    expect(f->cache, "b", "value of a");
    expect_ttl(f->cache, "b", 5000);
    ASSERT_STATUS(attl_copy(f->cache, attl_s("a"), attl_s("b"), ATTL_SET_NX), ATTL_NOT_SET);
    expect(f->cache, "b", "value of a");
    ASSERT_STATUS(attl_copy(f->cache, attl_s("a"), attl_s("b"), 0), ATTL_OK);
    expect(f->cache, "b", "changed");
    expect_ttl(f->cache, "b", ATTL_TTL_NONE);
}

static void
copies_of_large_values_are_independent(void **state)
{
    struct fixture *f = *state;
    enum { LEN = 300000 };
    unsigned char *bytes = malloc(LEN), *got = malloc(LEN);
    size_t len;
    assert_true(bytes != NULL && got != NULL);
    memset(bytes, 'x', LEN);
    ASSERT_STATUS(attl_set(f->cache, attl_s("a"), attl_b(bytes, LEN), ATTL_TTL_NONE), ATTL_OK);
    ASSERT_STATUS(attl_copy(f->cache, attl_s("a"), attl_s("b"), 0), ATTL_OK);
    ASSERT_STATUS(attl_set_range(f->cache, attl_s("a"), 1000, attl_s("changed"), NULL), ATTL_OK);
    ASSERT_STATUS(attl_del(f->cache, attl_s("a")), ATTL_OK);
    attl_tick(f->cache, 0, NULL);
    ASSERT_STATUS(attl_get(f->cache, attl_s("b"), got, LEN, &len), ATTL_OK);
    assert_int_equal(len, LEN);
    assert_memory_equal(got, bytes, LEN);
    free(bytes);
    free(got);
}

/* A copy may share the bytes of a large value; whoever goes, and in whatever order, the rest has
 * it. */
static void
shared_values_may_go_in_any_order(void **state)
{
    struct fixture *f = *state;
    enum { LEN = 300000, COPIES = 5 };
    unsigned char *bytes = malloc(LEN), *got = malloc(LEN);
    char key[16];
    size_t len;
    assert_true(bytes != NULL && got != NULL);
    for (int round = 0; round < 40; round++) {
        memset(bytes, 'a' + round % 26, LEN);
        ASSERT_STATUS(attl_set(f->cache, attl_s("0"), attl_b(bytes, LEN), ATTL_TTL_NONE), ATTL_OK);
        for (int i = 1; i < COPIES; i++) {
            (void)snprintf(key, sizeof(key), "%d", i);
            ASSERT_STATUS(attl_copy(f->cache, attl_s("0"), attl_s(key), 0), ATTL_OK);
        }
        if (round % 4 == 1) {
            attl_clear(f->cache); /* all of them in one go */
            continue;
        }
        if (round % 4 == 2) {
            attl_slice keys[] = { attl_s("0"), attl_s("1"), attl_s("2") };
            attl_slice values[] = { attl_s("x"), attl_s("y"), attl_s("z") };
            ASSERT_STATUS(attl_mset(f->cache, keys, values, 3, NULL), ATTL_OK);
            expect(f->cache, "1", "y");
            continue;
        }
        for (int i = 0; i < COPIES; i++) {
            (void)snprintf(key, sizeof(key), "%d", (i * 2 + round) % COPIES);
            ASSERT_STATUS(attl_get(f->cache, attl_s(key), got, LEN, &len), ATTL_OK);
            assert_memory_equal(got, bytes, LEN);
            ASSERT_STATUS(attl_del(f->cache, attl_s(key)), ATTL_OK);
        }
    }
    attl_clear(f->cache);
    attl_tick(f->cache, 0, NULL);
    attl_tick(f->cache, 0, NULL);
    assert_int_equal(sim_stats(f->cache).mem_extents, 0);
    free(bytes);
    free(got);
}

static void
mset_stores_all_or_nothing(void **state)
{
    struct fixture *f = *state;
    attl_slice keys[] = { attl_s("a"), attl_s("b"), attl_s("a") };
    attl_slice values[] = { attl_s("1"), attl_s("2"), attl_s("3") };
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    sim_option(f->cache, "cache.default_ttl", "60s");
    ASSERT_STATUS(attl_mset(f->cache, keys, values, 3, NULL), ATTL_OK);
    expect(f->cache, "a", "3"); /* given twice: the last counts */
    expect(f->cache, "b", "2");
    expect_ttl(f->cache, "a", ATTL_TTL_NONE);
    opts.ttl_ms = 7000;
    opts.flags = ATTL_SET_NX;
    keys[0] = attl_s("c");
    keys[1] = attl_s("d");
    ASSERT_STATUS(attl_mset(f->cache, keys, values, 3, &opts), ATTL_NOT_SET); /* "a" is there */
    expect(f->cache, "c", NULL);
    ASSERT_STATUS(attl_mset(f->cache, keys, values, 2, &opts), ATTL_OK);
    expect_ttl(f->cache, "d", 7000);
    opts.flags = ATTL_SET_XX;
    keys[1] = attl_s("absent");
    ASSERT_STATUS(attl_mset(f->cache, keys, values, 3, &opts), ATTL_NOT_SET);
    expect(f->cache, "c", "1");
    keys[1] = attl_s("b");
    opts.ttl_ms = ATTL_TTL_KEEP;
    ASSERT_STATUS(attl_mset(f->cache, keys, values, 3, &opts), ATTL_OK);
    expect_ttl(f->cache, "c", 7000);
    expect_ttl(f->cache, "b", ATTL_TTL_NONE);
    opts.flags = 0;
    opts.deadline_ms = sim_now(&f->sim); /* has passed: they are deleted */
    ASSERT_STATUS(attl_mset(f->cache, keys + 2, values, 1, &opts), ATTL_DELETED);
    expect(f->cache, "a", NULL);
    sim_option(f->cache, "validation.mode", "normal");
    keys[2] = attl_s(""); /* one bad key and nothing is stored */
    values[0] = attl_s("changed");
    ASSERT_STATUS(attl_mset(f->cache, keys, values, 3, NULL), ATTL_E_KEY_EMPTY);
    expect(f->cache, "c", "1");
}

static void
mset_takes_65536_pairs_and_no_more(void **state)
{
    struct fixture *f = *state;
    enum { MOST = 65536 };
    attl_slice *keys = calloc(MOST + 1, sizeof(*keys)), *values = calloc(MOST + 1, sizeof(*values));
    uint32_t *ids = calloc(MOST + 1, sizeof(*ids));
    assert_true(keys != NULL && values != NULL && ids != NULL);
    for (uint32_t i = 0; i <= MOST; i++) {
        ids[i] = i;
        keys[i] = values[i] = attl_b(&ids[i], sizeof(ids[i]));
    }
    ASSERT_STATUS(attl_mset(f->cache, keys, values, MOST + 1, NULL), ATTL_E_INVALID);
    assert_int_equal(attl_size(f->cache), 0);
    ASSERT_STATUS(attl_mset(f->cache, keys, values, MOST, NULL), ATTL_OK);
    assert_int_equal(attl_size(f->cache), MOST);
    free(keys);
    free(values);
    free(ids);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_buffer_that_is_too_small_is_told_the_length),
        UNIT_TEST(keys_and_values_hold_any_byte),
        UNIT_TEST(getdel_takes_the_value_out),
        UNIT_TEST(mget_answers_for_each_key),
        UNIT_TEST(numbers_are_decimal_and_of_64_bits),
        UNIT_TEST(appending_grows_a_value_of_any_size),
        UNIT_TEST(overwriting_a_range_pads_with_zero_bytes),
        UNIT_TEST(results_that_would_be_too_long_change_nothing),
        UNIT_TEST(rename_moves_value_and_deadline),
        UNIT_TEST(copy_keeps_the_source),
        UNIT_TEST(copies_of_large_values_are_independent),
        UNIT_TEST(shared_values_may_go_in_any_order),
        UNIT_TEST(mset_stores_all_or_nothing),
        UNIT_TEST(mset_takes_65536_pairs_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
