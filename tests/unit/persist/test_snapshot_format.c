/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes of a snapshot against its specification, condition by condition. Each test makes
 * something valid, breaks one condition (with the checksums made right again, so that it is that
 * condition which speaks) and expects a refusal. Random bytes are never taken for an entry that
 * reaches beyond them.
 */
#include "persist/snapshot_format.h"

#include "os/crc32c.h"
#include "persist/le.h"
#include "support/rng.h"
#include "support/unit.h"

enum { CRC_AT = 60, ROUNDS = 200000, RANDOM_BYTES = 64 };

static const struct snapshot_meta some_meta = {
    .kind = SNAPSHOT_FUZZY,
    .cut_lsn = UINT64_C(0x1122334455667788),
    .created_ms = INT64_C(1735689600123),
    .run_id = UINT64_C(0x99aabbccddeeff00),
    .compressed = true,
};

/* ---- header --------------------------------------------------------------------------------- */

static enum snapshot_result
decode_header(const unsigned char *in, struct snapshot_meta *ret)
{
    uint32_t crc = 0;
    return snapshot_header_decode(in, ret, &crc);
}

static void
reseal(unsigned char *ends)
{
    le_put_u32(ends + CRC_AT, crc32c(0, ends, CRC_AT));
}

static void
test_header_keeps_what_it_is_given(void **state)
{
    (void)state;
    unsigned char bytes[SNAPSHOT_HEADER_BYTES];
    struct snapshot_meta m = { 0 };
    uint32_t crc = 0, made = snapshot_header_encode(&some_meta, bytes);
    assert_int_equal(snapshot_header_decode(bytes, &m, &crc), SNAPSHOT_OK);
    assert_int_equal(crc, made);
    assert_int_equal(m.version, SNAPSHOT_VERSION);
    assert_int_equal(m.kind, SNAPSHOT_FUZZY);
    assert_true(m.cut_lsn == some_meta.cut_lsn && m.created_ms == some_meta.created_ms &&
                m.run_id == some_meta.run_id && m.compressed);
}

static void
test_header_has_the_documented_layout(void **state)
{
    (void)state;
    unsigned char bytes[SNAPSHOT_HEADER_BYTES];
    (void)snapshot_header_encode(&some_meta, bytes);
    assert_memory_equal(bytes, "ATTLSNAP\x02\0\0\0\x02\0\0\0\x88\x77\x66\x55\x44\x33\x22\x11", 24);
    assert_true(le_get_u64(bytes + 24) == UINT64_C(1735689600123));
    assert_true(le_get_u64(bytes + 32) == some_meta.run_id);
    assert_int_equal(le_get_u32(bytes + 40), 1);
    assert_int_equal(le_get_u32(bytes + CRC_AT), crc32c(0, bytes, CRC_AT));
}

static void
test_each_condition_of_a_header_counts(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        unsigned char byte;
        enum snapshot_result want;
    } cases[] = {
        { 0, 'a', SNAPSHOT_DAMAGED },   /* H1 */
        { 8, 0, SNAPSHOT_DAMAGED },     /* H3: version 0 never was */
        { 8, 3, SNAPSHOT_NEWER },       /* H3 */
        { 8, 1, SNAPSHOT_OK },          /* H3: the first version is still read */
        { 11, 0x80, SNAPSHOT_NEWER },   /* H3: 2^31 + 1 */
        { 12, 0, SNAPSHOT_DAMAGED },    /* H4 */
        { 12, 3, SNAPSHOT_DAMAGED },    /* H4 */
        { 13, 1, SNAPSHOT_DAMAGED },    /* H4 */
        { 40, 2, SNAPSHOT_DAMAGED },    /* H5 */
        { 43, 0x80, SNAPSHOT_DAMAGED }, /* H5 */
        { 44, 1, SNAPSHOT_DAMAGED },    /* H6 */
        { 59, 1, SNAPSHOT_DAMAGED },    /* H6 */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned char bytes[SNAPSHOT_HEADER_BYTES];
        struct snapshot_meta m = { 0 };
        (void)snapshot_header_encode(&some_meta, bytes);
        bytes[cases[i].at] = cases[i].byte;
        assert_int_equal(decode_header(bytes, &m), SNAPSHOT_DAMAGED); /* H2 */
        reseal(bytes);
        assert_int_equal(decode_header(bytes, &m), cases[i].want);
        if (cases[i].want == SNAPSHOT_NEWER)
            assert_true(m.version == le_get_u32(bytes + 8));
    }
}

/* ---- trailer -------------------------------------------------------------------------------- */

static const struct snapshot_trailer some_trailer = {
    .entries = 1,
    .raw_bytes = UINT64_C(1) << 40,
    .blocks = 3,
    .end_lsn = UINT64_C(0x1122334455667789),
    .file_bytes = 4096,
    .blocks_crc = 0xdeadbeef,
    .header_crc = 0xfeedface,
};

static bool
decode_trailer(const unsigned char *in, const struct snapshot_meta *m, struct snapshot_trailer *ret)
{
    return snapshot_trailer_decode(in, m, 0xfeedface, 4096, ret);
}

static void
test_trailer_keeps_what_it_is_given(void **state)
{
    (void)state;
    unsigned char bytes[SNAPSHOT_TRAILER_BYTES];
    struct snapshot_trailer t;
    snapshot_trailer_encode(&some_trailer, bytes);
    assert_memory_equal(bytes, "ATTLSEND", 8);
    assert_true(decode_trailer(bytes, &some_meta, &t));
    assert_true(t.entries == 1 && t.raw_bytes == some_trailer.raw_bytes && t.blocks == 3 &&
                t.end_lsn == some_trailer.end_lsn && t.file_bytes == 4096 &&
                t.blocks_crc == 0xdeadbeef && t.header_crc == 0xfeedface);
}

static void
test_each_condition_of_a_trailer_counts(void **state)
{
    (void)state;
    unsigned char bytes[SNAPSHOT_TRAILER_BYTES];
    struct snapshot_trailer t;
    for (size_t i = 0; i < sizeof(bytes); i++) { /* T2 */
        snapshot_trailer_encode(&some_trailer, bytes);
        bytes[i] ^= 0x40;
        assert_false(decode_trailer(bytes, &some_meta, &t));
    }
    static const size_t broken[] = { 0, 56, 59, 40, 52 }; /* T1, T3, T3, T4, T5 */
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        snapshot_trailer_encode(&some_trailer, bytes);
        bytes[broken[i]] ^= 1;
        reseal(bytes);
        assert_false(decode_trailer(bytes, &some_meta, &t));
    }
    struct snapshot_meta m = some_meta; /* T6 */
    snapshot_trailer_encode(&some_trailer, bytes);
    m.cut_lsn = some_trailer.end_lsn;
    assert_true(decode_trailer(bytes, &m, &t));
    m.kind = SNAPSHOT_POINT_IN_TIME;
    assert_true(decode_trailer(bytes, &m, &t));
    m.cut_lsn--;
    assert_false(decode_trailer(bytes, &m, &t));
    m.kind = SNAPSHOT_FUZZY;
    m.cut_lsn = some_trailer.end_lsn + 1;
    assert_false(decode_trailer(bytes, &m, &t));
}

/* ---- block headers -------------------------------------------------------------------------- */

static bool
head_is_accepted(struct snapshot_block_head h, bool compressed, uint32_t index, uint64_t left_bytes)
{
    unsigned char bytes[SNAPSHOT_BLOCK_HEADER_BYTES];
    struct snapshot_block_head got;
    h.crc = snapshot_block_seal(&h, 0, bytes);
    if (!snapshot_block_head_decode(bytes, compressed, index, left_bytes, &got))
        return false;
    assert_memory_equal(&got, &h, sizeof(h));
    return true;
}

static struct snapshot_block_head
head(uint32_t stored_bytes, uint32_t raw_bytes, uint32_t entries, uint32_t flags)
{
    return (struct snapshot_block_head){
        .stored_bytes = stored_bytes, .raw_bytes = raw_bytes, .entries = entries, .flags = flags
    };
}

static void
test_a_block_ends_before_the_trailer(void **state)
{
    (void)state;
    assert_true(head_is_accepted(head(9, 9, 1, 0), false, 0, 24 + 16)); /* B1: with padding */
    assert_false(head_is_accepted(head(9, 9, 1, 0), false, 0, 24 + 15));
    for (uint64_t left_bytes = 0; left_bytes < 40; left_bytes++)
        assert_false(head_is_accepted(head(9, 9, 1, 0), false, 0, left_bytes));
    assert_false(head_is_accepted(head(UINT32_MAX, UINT32_MAX, 1, 0), false, 0, 1000));
}

static void
test_each_condition_of_a_block_header_counts(void **state)
{
    (void)state;
    const uint64_t left = UINT64_C(1) << 40;
    const uint32_t mib = 1 << 20, most = SNAPSHOT_BLOCK_MAX_BYTES;
    struct snapshot_block_head third = head(8, 8, 1, 0);
    third.index = 2;
    assert_true(head_is_accepted(third, false, 2, left)); /* B2 */
    assert_false(head_is_accepted(third, false, 1, left));
    assert_false(head_is_accepted(third, false, 3, left));
    assert_true(head_is_accepted(head(8, 8, 1, 1), true, 0, left)); /* B3 */
    assert_false(head_is_accepted(head(8, 8, 1, 1), false, 0, left));
    assert_false(head_is_accepted(head(8, 8, 1, 2), true, 0, left));
    assert_false(head_is_accepted(head(8, 8, 0, 0), false, 0, left)); /* B4 */
    assert_false(head_is_accepted(head(0, 0, 0, 0), false, 0, left));
    assert_true(head_is_accepted(head(16, 16, 2, 0), false, 0, left));
    assert_false(head_is_accepted(head(15, 15, 2, 0), false, 0, left));
    assert_false(head_is_accepted(head(16, 16, UINT32_MAX, 0), false, 0, left));
    assert_true(head_is_accepted(head(mib, mib, 2, 0), false, 0, left)); /* B5 */
    assert_false(head_is_accepted(head(mib + 1, mib + 1, 2, 0), false, 0, left));
    assert_true(head_is_accepted(head(most, most, 1, 0), false, 0, left));
    assert_false(head_is_accepted(head(most + 1, most + 1, 1, 0), false, 0, left));
    assert_false(head_is_accepted(head(9, 8, 1, 0), false, 0, left)); /* B6 */
    assert_false(head_is_accepted(head(8, 9, 1, 0), true, 0, left));
    assert_true(head_is_accepted(head(16, mib, 1, 1), true, 0, left));
    assert_false(head_is_accepted(head(15, mib, 1, 1), true, 0, left));
    assert_false(head_is_accepted(head(0, 8, 1, 1), true, 0, left));
    assert_true(head_is_accepted(head(6400 + 100 + 1024, 6400, 1, 1), true, 0, left));
    assert_false(head_is_accepted(head(6400 + 100 + 1025, 6400, 1, 1), true, 0, left));
}

static void
test_a_block_is_checked_with_its_padding(void **state)
{
    (void)state;
    unsigned char block[SNAPSHOT_BLOCK_HEADER_BYTES + 16] = "........................nine bytes";
    unsigned char *payload = block + SNAPSHOT_BLOCK_HEADER_BYTES;
    payload[9] = 0;
    struct snapshot_block_head h = head(9, 9, 1, 0), got;
    (void)snapshot_block_seal(&h, crc32c(0, payload, 16), block);
    assert_true(snapshot_block_head_decode(block, false, 0, sizeof(block), &got));
    assert_true(snapshot_block_check(&got, payload));
    for (size_t i = 0; i < 16; i++) { /* B7 */
        payload[i] ^= 1;
        assert_false(snapshot_block_check(&got, payload));
        payload[i] ^= 1;
    }
    payload[15] = 1; /* B8 */
    h.crc = snapshot_block_seal(&h, crc32c(0, payload, 16), block);
    assert_false(snapshot_block_check(&h, payload));
}

/* ---- entries -------------------------------------------------------------------------------- */

static bool
is_same(attl_slice a, attl_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Encodes and decodes; returns whether it came back the same. */
static bool
survives(const struct snapshot_entry *e)
{
    uint64_t bytes = snapshot_entry_bytes(e);
    unsigned char *coded = malloc(bytes + 1);
    assert_non_null(coded);
    size_t head_bytes = snapshot_entry_head(e, coded), got_bytes = 0;
    if (e->value.len)
        memcpy(coded + head_bytes, e->value.data, e->value.len);
    assert_true(head_bytes + e->value.len == bytes);
    struct snapshot_entry got = { 0 };
    bool same = snapshot_entry_decode(coded, bytes, &got, &got_bytes) && got_bytes == bytes &&
                is_same(got.key, e->key) && is_same(got.value, e->value) &&
                got.deadline_ms == e->deadline_ms && got.is_integer == e->is_integer &&
                got.has_life == e->has_life && (!e->has_life || life_equals(&got.life, &e->life));
    for (size_t cut = 0; cut < bytes && cut < 100; cut++)
        assert_false(snapshot_entry_decode(coded, cut, &got, &got_bytes));
    assert_false(snapshot_entry_decode(coded, bytes - 1, &got, &got_bytes));
    free(coded);
    return same;
}

static void
test_entries_survive(void **state)
{
    (void)state;
    static char key[LIMIT_KEY_BYTES];
    memset(key, 'k', sizeof(key));
    const struct snapshot_entry entries[] = {
        { attl_s("key"), attl_s("value"), ATTL_NO_DEADLINE, false, false, { 0 } },
        { attl_s(""), attl_s(""), ATTL_NO_DEADLINE, false, false, { 0 } },
        { attl_s("key"), attl_s(""), 0, false, false, { 0 } },
        { attl_s("key"), attl_s("8 bytes!"), INT64_MAX, true, false, { 0 } },
        { attl_b(key, sizeof(key)), attl_b(key, 1000), 1735689600123, false, false, { 0 } },
        { attl_b("\0\r\n", 3), attl_b("\0", 1), 1, false, false, { 0 } },
        { attl_s("key"), attl_s("value"), 900, false, true, { 500, 700, LIFE_NEGATIVE, 3 } },
        { attl_s("key"), attl_s("8 bytes!"), 900, true, true, { ATTL_NO_DEADLINE, 900, 0, 0 } },
        { attl_s("key"), attl_s(""), ATTL_NO_DEADLINE, false, true, { 0, ATTL_NO_DEADLINE, 0, 0 } },
    };
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
        assert_true(survives(&entries[i]));
}

static void
test_what_no_snapshot_may_hold_has_no_length(void **state)
{
    (void)state;
    const attl_slice k = attl_s("k"), v = attl_s("v");
    const struct snapshot_entry entries[] = {
        { attl_b("", LIMIT_KEY_BYTES + 1), v, ATTL_NO_DEADLINE, false, false, { 0 } },
        { attl_b("", SIZE_MAX), v, ATTL_NO_DEADLINE, false, false, { 0 } },
        { k, attl_b("", LIMIT_VALUE_BYTES + 1), ATTL_NO_DEADLINE, false, false, { 0 } },
        { k, attl_b("", SIZE_MAX), ATTL_NO_DEADLINE, false, false, { 0 } },
        { k, v, -2, false, false, { 0 } },
        { k, v, INT64_MIN, false, false, { 0 } },
        { k, v, ATTL_NO_DEADLINE, true, false, { 0 } },
        { k, v, 900, false, true, { -2, 700, 0, 0 } },                            /* L1 */
        { k, v, 900, false, true, { 500, -2, 0, 0 } },                            /* L1 */
        { k, v, 900, false, true, { 500, ATTL_NO_DEADLINE, 0, 0 } },              /* L2 */
        { k, v, ATTL_NO_DEADLINE, false, true, { 500, 700, 0, 0 } },              /* L2 */
        { k, v, 900, false, true, { 701, 700, 0, 0 } },                           /* L3 */
        { k, v, 900, false, true, { 500, 901, 0, 0 } },                           /* L3 */
        { k, v, 900, false, true, { 500, 700, 2, 0 } },                           /* L4 */
        { k, v, ATTL_NO_DEADLINE, false, true, { 500, ATTL_NO_DEADLINE, 4, 0 } }, /* L4 */
    };
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
        assert_true(snapshot_entry_bytes(&entries[i]) == 0);
    const struct snapshot_entry largest = {
        attl_b("", LIMIT_KEY_BYTES), attl_b("", LIMIT_VALUE_BYTES), 1, false, true, { 1, 1, 0, 0 }
    };
    assert_true(snapshot_entry_bytes(&largest) == SNAPSHOT_BLOCK_MAX_BYTES);
}

static void
test_no_entry_has_a_life_that_cannot_be(void **state)
{
    (void)state;
    struct snapshot_entry e = { attl_s("k"), attl_s(""), 900, false, true, { 500, 700, 1, 3 } };
    struct snapshot_entry got;
    unsigned char good[41], bad[41];
    size_t bytes;
    assert_int_equal(snapshot_entry_head(&e, good), sizeof good);
    assert_true(snapshot_entry_decode(good, sizeof good, &got, &bytes));
    static const struct {
        size_t at;
        unsigned char byte;
    } cases[] = {
        { 23, 0x80 },            /* E5, L1: soft */
        { 31, 0x80 },            /* L1: hard */
        { 0, 4 },                /* L2: no deadline, and everything is read 8 bytes earlier */
        { 17, 7 },               /* L3: soft behind hard */
        { 25, 7 },               /* L3: hard behind gone */
        { 32, 2 },    { 35, 1 }, /* L4 */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memcpy(bad, good, sizeof bad);
        bad[cases[i].at] = cases[i].byte;
        assert_false(snapshot_entry_decode(bad, sizeof bad, &got, &bytes));
    }
}

static void
test_each_condition_of_an_entry_counts(void **state)
{
    (void)state;
    struct snapshot_entry e = { attl_s("key"), attl_s("8 bytes!"), 77, true, false, { 0 } }, got;
    unsigned char good[27], bad[27];
    size_t bytes;
    size_t head_bytes = snapshot_entry_head(&e, good);
    assert_int_equal(head_bytes, 19);
    memcpy(good + head_bytes, e.value.data, 8);
    assert_true(snapshot_entry_decode(good, sizeof(good), &got, &bytes));
    static const struct {
        size_t at;
        unsigned char byte;
    } cases[] = {
        { 0, 8 },     { 0, 0x80 }, { 1, 1 },    /* E1 */
        { 3, 0x80 },                            /* E2: 32771 bytes */
        { 4, 7 },     { 4, 9 },    { 7, 0x20 }, /* E3 */
        { 15, 0x80 },                           /* E4 */
        { 2, 4 },                               /* more than there is */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memcpy(bad, good, sizeof(bad));
        bad[cases[i].at] = cases[i].byte;
        assert_false(snapshot_entry_decode(bad, sizeof(bad), &got, &bytes));
    }
    good[0] = 0; /* no integer: any length that fits is right */
    good[4] = 5;
    assert_true(snapshot_entry_decode(good, sizeof(good), &got, &bytes));
    assert_int_equal(bytes, 16);
}

static void
test_entries_fill_their_block_exactly(void **state)
{
    (void)state;
    unsigned char raw[64];
    uint64_t raw_bytes = 0;
    struct snapshot_entry e = { attl_s("abc"), attl_s(""), ATTL_NO_DEADLINE, false, false, { 0 } };
    size_t len = snapshot_entry_head(&e, raw);
    len += snapshot_entry_head(&e, raw + len);
    assert_true(snapshot_entries_check(raw, len, 2, &raw_bytes));
    assert_int_equal(raw_bytes, 6);
    assert_false(snapshot_entries_check(raw, len, 1, &raw_bytes));
    assert_false(snapshot_entries_check(raw, len, 3, &raw_bytes));
    assert_false(snapshot_entries_check(raw, len - 1, 2, &raw_bytes));
    assert_true(snapshot_entries_check(raw, 0, 0, &raw_bytes));
}

static void
test_random_bytes_never_reach_beyond_themselves(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    struct rng r = rng_from_seed(seed);
    test_announce("random entries", seed);
    for (uint64_t round = test_scaled(ROUNDS); round > 0; round--) {
        size_t len = rng_below(&r, RANDOM_BYTES), bytes;
        unsigned char *in = malloc(len + (len == 0)); /* its end is watched by the sanitizer */
        assert_non_null(in);
        for (size_t i = 0; i < len; i++) /* many small numbers: they pass the first checks */
            in[i] = rng_one_in(&r, 2) ? 0
                                      : (unsigned char)rng_below(&r, rng_one_in(&r, 4) ? 256 : 8);
        struct snapshot_entry e;
        if (snapshot_entry_decode(in, len, &e, &bytes))
            CHECK(bytes <= len && e.key.len + e.value.len <= bytes - SNAPSHOT_ENTRY_HEADER_BYTES &&
                      snapshot_entry_bytes(&e) == bytes,
                  "%zu of %zu bytes", bytes, len);
        free(in);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_keeps_what_it_is_given),
        cmocka_unit_test(test_header_has_the_documented_layout),
        cmocka_unit_test(test_each_condition_of_a_header_counts),
        cmocka_unit_test(test_trailer_keeps_what_it_is_given),
        cmocka_unit_test(test_each_condition_of_a_trailer_counts),
        cmocka_unit_test(test_a_block_ends_before_the_trailer),
        cmocka_unit_test(test_each_condition_of_a_block_header_counts),
        cmocka_unit_test(test_a_block_is_checked_with_its_padding),
        cmocka_unit_test(test_entries_survive),
        cmocka_unit_test(test_what_no_snapshot_may_hold_has_no_length),
        cmocka_unit_test(test_no_entry_has_a_life_that_cannot_be),
        cmocka_unit_test(test_each_condition_of_an_entry_counts),
        cmocka_unit_test(test_entries_fill_their_block_exactly),
        cmocka_unit_test(test_random_bytes_never_reach_beyond_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
