/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The layout of a record: whatever is written comes back, to the byte and to the millisecond, in
 * every shape there is, and nothing outside the record is touched. Records lie between guard words;
 * padding must be defined, because it is compared and one day written to disk. Changes in place
 * must leave the key alone although it may share a word with the value.
 */
#include "cache/record.h"

#include "cache_support.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    WORDS = 41100 / 8,
    FRONT = 4,
    KEY_MAX = LIMIT_KEY_BYTES,
    VALUE_MAX = LIMIT_INLINE_VALUE_BYTES
};

#define GUARD UINT64_C(0xdeadbeefcafef00d)
#define LIMIT_NEAR_MS RECORD_NEAR_MS

/* Memory with one record in it. */
struct page {
    uint64_t words[FRONT + WORDS + FRONT];
    char key[KEY_MAX], value[VALUE_MAX];
};

static struct record *
record_of(struct page *p)
{
    return (struct record *)(void *)&p->words[FRONT];
}

static int
page_setup(void **state)
{
    struct page *p = malloc(sizeof(*p));
    if (p == NULL)
        return -1;
    struct rng r = rng_from_seed(1);
    for (size_t i = 0; i < sizeof(p->key); i++)
        p->key[i] = (char)rng_u64(&r);
    for (size_t i = 0; i < sizeof(p->value); i++)
        p->value[i] = (char)rng_u64(&r);
    *state = p;
    return 0;
}

static int
page_teardown(void **state)
{
    free(*state);
    return 0;
}

static void
check_guards(const struct page *p, uint32_t bytes)
{
    for (size_t i = 0; i < FRONT; i++)
        assert_int_equal(p->words[i], GUARD);
    for (size_t i = 0; i < FRONT; i++)
        assert_int_equal(p->words[FRONT + bytes / 8 + i], GUARD);
}

/* Writes the record between guards and compares all that can be asked of it. */
static struct record_shape
write_and_check(struct page *p, const struct record_spec *spec, int64_t now_ms)
{
    struct record *r = record_of(p);
    uint32_t bytes = record_bytes(spec, now_ms);
    assert_int_equal(bytes % 8, 0);
    assert_true(bytes / 8 <= WORDS);
    for (size_t i = 0; i < FRONT + bytes / 8 + FRONT; i++)
        p->words[i] = GUARD;
    record_write(r, spec, now_ms);
    check_guards(p, bytes);
    struct record_shape s = record_shape(r);
    assert_int_equal(s.bytes, bytes);
    assert_int_equal(s.key_len, spec->key.len);
    assert_int_equal(s.value_len, spec->value.len);
    assert_int_equal(s.flags & (RECORD_INTEGER | RECORD_EXTENT), spec->value_flags);
    assert_true(bytes - (s.value_offset + s.value_len) < 8);
    const char *padding = (const char *)r + s.value_offset + s.value_len;
    while (padding < (const char *)r + bytes)
        assert_int_equal(*padding++, 0);
    assert_int_equal(record_key(r, &s).len, spec->key.len);
    assert_int_equal(record_value(r, &s).len, spec->value.len);
    if (spec->key.len)
        assert_memory_equal(record_key(r, &s).data, spec->key.data, spec->key.len);
    if (spec->value.len)
        assert_memory_equal(record_value(r, &s).data, spec->value.data, spec->value.len);
    assert_true(record_key_is(r, &s, spec->key));
    assert_int_equal(record_deadline(r, &s, now_ms), spec->deadline_ms);
    assert_int_equal(record_is_mutable(&s), bytes <= LIMIT_MUTABLE_RECORD_BYTES);
    return s;
}

static const size_t key_lens[] = { 0,  1,  2,   3,   4,   5,   6,   7,    8,    9,     15,   16,
                                   17, 31, 100, 254, 255, 256, 257, 1000, 4095, 32767, 32768 };
static const size_t value_lens[] = { 0,  1,  2,  3,   4,   5,   6,   7,   8,    9,    16,
                                     31, 32, 33, 100, 255, 500, 511, 512, 4096, 8190, 8191 };

static void
every_shape_comes_back_as_written(void **state)
{
    struct page *p = *state;
    const int64_t lives_ms[] = { 1,           1000, LIMIT_NEAR_MS, LIMIT_NEAR_MS + 1, 4000 * DAY_MS,
                                 LIMIT_TTL_MS };
    for (size_t k = 0; k < sizeof(key_lens) / sizeof(key_lens[0]); k++) {
        for (size_t v = 0; v < sizeof(value_lens) / sizeof(value_lens[0]); v++) {
            struct record_spec spec = { .key = attl_b(p->key, key_lens[k]),
                                        .value = attl_b(p->value, value_lens[v]),
                                        .deadline_ms = ATTL_NO_DEADLINE };
            (void)write_and_check(p, &spec, START_MS); /* without a deadline */
            for (size_t i = 0; i < sizeof(lives_ms) / sizeof(lives_ms[0]); i++) {
                spec.deadline_ms = START_MS + lives_ms[i];
                struct record_shape s = write_and_check(p, &spec, START_MS);
                assert_int_equal((s.flags & RECORD_FAR) != 0, lives_ms[i] > LIMIT_NEAR_MS);
            }
        }
    }
}

static void
integers_and_extents_carry_their_flag(void **state)
{
    struct page *p = *state;
    int64_t number = INT64_MIN + 5;
    struct extent_ref ref = { .extent = (struct extent *)(void *)p, .len = UINT64_C(1) << 40 };
    for (size_t k = 0; k < sizeof(key_lens) / sizeof(key_lens[0]); k++) {
        struct record_spec spec = { .key = attl_b(p->key, key_lens[k]),
                                    .value = attl_b(&number, sizeof(number)),
                                    .deadline_ms = START_MS + 5,
                                    .value_flags = RECORD_INTEGER };
        (void)write_and_check(p, &spec, START_MS); /* compares the flag */
        spec.value = attl_b(&ref, sizeof(ref));
        spec.value_flags = RECORD_EXTENT;
        (void)write_and_check(p, &spec, START_MS);
    }
}

static void
the_smallest_record_is_one_word(void **state)
{
    struct page *p = *state;
    struct record_spec spec = { .key = attl_b("k", 0),
                                .value = attl_b(NULL, 0),
                                .deadline_ms = ATTL_NO_DEADLINE };
    assert_int_equal(record_bytes(&spec, START_MS), 8);
    (void)write_and_check(p, &spec, START_MS);
    spec.key = attl_b(p->key, 16);
    spec.value = attl_b(p->value, 64);
    spec.deadline_ms = START_MS + HOUR_MS;
    assert_int_equal(record_bytes(&spec, START_MS),
                     88); /* 8 bytes of overhead, deadline included */
}

static void
write_too_long(void *ud)
{
    struct page *p = ud;
    struct record_spec spec = { .key = attl_b(p->key, 1),
                                .value = attl_b(p->value, VALUE_MAX + 1),
                                .deadline_ms = ATTL_NO_DEADLINE };
    record_write(record_of(p), &spec, START_MS);
}

static void
a_value_too_long_for_the_header_is_a_bug(void **state)
{
    assert_true(dies(write_too_long, *state));
}

/* Written at one time, read at another: exact as long as the two are within 190 days of the
 * deadline. */
static void
deadlines_are_exact_to_the_millisecond(void **state)
{
    struct page *p = *state;
    struct rng r = rng_from_seed(2);
    for (int i = 0; i < 20000; i++) {
        int64_t now_ms = START_MS + (int64_t)rng_below(&r, (uint64_t)(50000 * DAY_MS));
        int64_t life_ms = (int64_t)rng_below(&r, (uint64_t)LIMIT_NEAR_MS + 1);
        life_ms = i % 100 == 0 ? LIMIT_NEAR_MS : i % 100 == 1 ? 0 : life_ms;
        struct record_spec spec = { .key = attl_b(p->key, 3),
                                    .value = attl_b(p->value, 5),
                                    .deadline_ms = now_ms + life_ms };
        record_write(record_of(p), &spec, now_ms);
        struct record_shape s = record_shape(record_of(p));
        assert_int_equal(s.flags, RECORD_HAS_TTL);
        int64_t later_ms = now_ms + (int64_t)rng_below(&r, (uint64_t)(life_ms + LIMIT_NEAR_MS) + 1);
        assert_int_equal(record_deadline(record_of(p), &s, now_ms), spec.deadline_ms);
        assert_int_equal(record_deadline(record_of(p), &s, later_ms), spec.deadline_ms);
        assert_int_equal(record_deadline(record_of(p), &s, spec.deadline_ms + LIMIT_NEAR_MS),
                         spec.deadline_ms);
    }
}

static void
far_deadlines_are_exact_whenever_read(void **state)
{
    struct page *p = *state;
    struct rng r = rng_from_seed(3);
    for (int i = 0; i < 5000; i++) {
        int64_t life_ms = LIMIT_NEAR_MS + 1 + (int64_t)rng_below(&r, (uint64_t)(LIMIT_TTL_MS / 2));
        struct record_spec spec = { .key = attl_b(p->key, rng_below(&r, 300)),
                                    .value = attl_b(p->value, 5),
                                    .deadline_ms = START_MS + life_ms };
        struct record_shape s = write_and_check(p, &spec, START_MS);
        int64_t later_ms = START_MS + (int64_t)rng_below(&r, (uint64_t)(2 * life_ms));
        assert_int_equal(record_deadline(record_of(p), &s, later_ms), spec.deadline_ms);
        assert_false(record_can_prolong(record_of(p), &s, ATTL_NO_DEADLINE, START_MS));
        assert_false(record_can_prolong(record_of(p), &s, spec.deadline_ms + 1, START_MS));
    }
}

/* One wrong bit anywhere, or another length, and it is another key. */
static void
a_key_is_compared_to_the_last_bit(void **state)
{
    struct page *p = *state;
    for (size_t len = 0; len < 300; len += len < 40 ? 1 : 13) {
        struct record_spec spec = { .key = attl_b(p->key, len),
                                    .value = attl_b(p->value, 11),
                                    .deadline_ms = START_MS + 1 };
        struct record_shape s = write_and_check(p, &spec, START_MS);
        assert_false(record_key_is(record_of(p), &s, attl_b(p->key, len + 1)));
        if (len > 0)
            assert_false(record_key_is(record_of(p), &s, attl_b(p->key, len - 1)));
        for (size_t bit = 0; bit < len * 8; bit += 3) {
            p->key[bit / 8] = (char)(p->key[bit / 8] ^ 1 << bit % 8);
            assert_false(record_key_is(record_of(p), &s, attl_b(p->key, len)));
            p->key[bit / 8] = (char)(p->key[bit / 8] ^ 1 << bit % 8);
        }
    }
}

/* The readers' copies: equal to the original, and not the original where that may change. */
static void
copies_are_whole_and_apart_where_records_change(void **state)
{
    struct page *p = *state;
    uint64_t scratch[RECORD_SCRATCH_WORDS];
    for (size_t key_len = 0; key_len < 30; key_len++) {
        for (size_t value_len = 0; value_len < 600; value_len += value_len < 20 ? 1 : 29) {
            struct record_spec spec = { .key = attl_b(p->key, key_len),
                                        .value = attl_b(p->value, value_len),
                                        .deadline_ms = START_MS + 1 };
            struct record_shape s = write_and_check(p, &spec, START_MS);
            attl_slice key = record_stable_key(record_of(p), &s, scratch);
            assert_int_equal(key.len, key_len);
            if (key_len)
                assert_memory_equal(key.data, p->key, key_len);
            bool apart = (const char *)key.data >= (const char *)scratch &&
                         (const char *)key.data < (const char *)(scratch + RECORD_SCRATCH_WORDS);
            assert_int_equal(apart, record_is_mutable(&s));
            if (!record_is_mutable(&s))
                continue;
            attl_slice value = record_copy_value(record_of(p), &s, scratch);
            assert_int_equal(value.len, value_len);
            if (value_len)
                assert_memory_equal(value.data, p->value, value_len);
        }
    }
}

/* Every way a key's end and a value's ends can share words. */
static void
overwriting_in_place_leaves_the_key_alone(void **state)
{
    struct page *p = *state;
    char other[40];
    for (size_t key_len = 0; key_len < 24; key_len++) {
        for (size_t value_len = 0; value_len < 40; value_len++) {
            for (size_t i = 0; i < value_len; i++)
                other[i] = (char)~p->value[i];
            struct record_spec spec = { .key = attl_b(p->key, key_len),
                                        .value = attl_b(p->value, value_len),
                                        .deadline_ms = START_MS + 1000 };
            struct record_shape s = write_and_check(p, &spec, START_MS);
            spec.value = attl_b(other, value_len);
            spec.deadline_ms += key_len % 2 ? 77 : 0;
            assert_true(record_can_overwrite(record_of(p), &s, &spec, START_MS));
            record_overwrite(record_of(p), &s, &spec);
            struct page after = *p;
            struct record_shape now = record_shape(record_of(p));
            assert_int_equal(now.bytes, s.bytes);
            (void)write_and_check(p, &spec,
                                  START_MS); /* a fresh record must be the same to the last byte */
            assert_memory_equal(after.words, p->words,
                                sizeof(uint64_t) * (FRONT + s.bytes / 8 + FRONT));
        }
    }
}

static void
a_long_key_survives_a_change_in_place(void **state)
{
    struct page *p = *state;
    struct record_spec spec = { .key = attl_b(p->key, 301),
                                .value = attl_b(p->value, 100),
                                .deadline_ms = START_MS + 1000 };
    struct record_shape s = write_and_check(p, &spec, START_MS);
    assert_true(record_is_mutable(&s));
    spec.deadline_ms = ATTL_NO_DEADLINE;
    assert_true(record_can_overwrite(record_of(p), &s, &spec, START_MS));
    record_overwrite(record_of(p), &s, &spec);
    s = record_shape(record_of(p));
    assert_int_equal(s.key_len, 301);
    assert_true(record_key_is(record_of(p), &s, spec.key));
    assert_int_equal(record_deadline(record_of(p), &s, START_MS), ATTL_NO_DEADLINE);
    check_guards(p, s.bytes);
}

static void
what_may_be_overwritten_in_place(void **state)
{
    struct page *p = *state;
    int64_t number = 5;
    struct extent_ref ref = { .extent = NULL, .len = 1 };
    struct record_spec old = { .key = attl_b(p->key, 5),
                               .value = attl_b(p->value, 8),
                               .deadline_ms = START_MS + 1000 };
    struct record_shape s = write_and_check(p, &old, START_MS);
    struct record_spec spec = old;
    assert_true(record_can_overwrite(record_of(p), &s, &spec, START_MS));
    spec.value.len = 7;
    assert_false(record_can_overwrite(record_of(p), &s, &spec, START_MS));
    spec.value.len = 9;
    assert_false(record_can_overwrite(record_of(p), &s, &spec, START_MS)); /* though it would fit */
    spec = old;
    spec.deadline_ms--;
    assert_false(record_can_overwrite(record_of(p), &s, &spec, START_MS));
    spec = old;
    spec.value = attl_b(&number, sizeof(number));
    spec.value_flags = RECORD_INTEGER;
    assert_false(record_can_overwrite(record_of(p), &s, &spec, START_MS));
    s = write_and_check(p, &spec, START_MS);
    assert_true(record_can_overwrite(record_of(p), &s, &spec, START_MS)); /* INCR */
    spec = (struct record_spec){ .key = old.key,
                                 .value = attl_b(&ref, sizeof(ref)),
                                 .deadline_ms = START_MS + 1000,
                                 .value_flags = RECORD_EXTENT };
    s = write_and_check(p, &spec, START_MS);
    assert_false(record_can_overwrite(record_of(p), &s, &spec, START_MS));
    spec = old;
    spec.value.len =
        LIMIT_MUTABLE_RECORD_BYTES; /* with its header too large to change under readers */
    s = write_and_check(p, &spec, START_MS);
    assert_false(record_can_overwrite(record_of(p), &s, &spec, START_MS));
}

static void
a_deadline_moves_in_place_only_to_later(void **state)
{
    struct page *p = *state;
    static const struct {
        int64_t present_ms, wanted_ms; /* lives; -1: none */
        bool in_place;
    } cases[] = {
        { 1000, 1000, true },
        { 1000, 1001, true },
        { 1000, 999, false },
        { 1000, -1, true },
        { -1, -1, true },
        { -1, 1000, false },
        { 1000, RECORD_NEAR_MS, true },
        { 1000, RECORD_NEAR_MS + 1, false },
        { RECORD_NEAR_MS + 1, RECORD_NEAR_MS + 2, false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t present_ms = cases[i].present_ms < 0 ? ATTL_NO_DEADLINE
                                                     : START_MS + cases[i].present_ms;
        int64_t wanted_ms = cases[i].wanted_ms < 0 ? ATTL_NO_DEADLINE
                                                   : START_MS + cases[i].wanted_ms;
        struct record_spec spec = { .key = attl_b(p->key, 5),
                                    .value = attl_b(p->value, 600),
                                    .deadline_ms = present_ms };
        struct record_shape s = write_and_check(p, &spec, START_MS);
        assert_int_equal(record_can_prolong(record_of(p), &s, wanted_ms, START_MS),
                         cases[i].in_place);
        if (!cases[i].in_place)
            continue;
        record_prolong(record_of(p), &s, wanted_ms);
        struct page after = *p;
        spec.deadline_ms = wanted_ms;
        (void)write_and_check(p, &spec, START_MS); /* the same record as if it had been born so */
        assert_memory_equal(after.words, p->words,
                            sizeof(uint64_t) * (FRONT + s.bytes / 8 + FRONT));
    }
}

#define PAGE_TEST(f) cmocka_unit_test_setup_teardown(f, page_setup, page_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PAGE_TEST(every_shape_comes_back_as_written),
        PAGE_TEST(integers_and_extents_carry_their_flag),
        PAGE_TEST(the_smallest_record_is_one_word),
        PAGE_TEST(a_value_too_long_for_the_header_is_a_bug),
        PAGE_TEST(deadlines_are_exact_to_the_millisecond),
        PAGE_TEST(far_deadlines_are_exact_whenever_read),
        PAGE_TEST(a_key_is_compared_to_the_last_bit),
        PAGE_TEST(copies_are_whole_and_apart_where_records_change),
        PAGE_TEST(overwriting_in_place_leaves_the_key_alone),
        PAGE_TEST(a_long_key_survives_a_change_in_place),
        PAGE_TEST(what_may_be_overwritten_in_place),
        PAGE_TEST(a_deadline_moves_in_place_only_to_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
