/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decoding frames. Every condition of the specification (F1 to F10, docs/wal-format.md) is broken
 * alone, in a frame that is right in all other respects and has a fresh checksum, and decoding must
 * name it.
 */
#include "persist/wal_format.h"

#include "base/limits.h"
#include "os/crc32c.h"
#include "persist/le.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RAW_MAX = 70000, LSN = 4711 };

#define DEADLINE_MS INT64_C(1735689600123)

/* ---- frames made by hand ---- */

struct raw {
    unsigned char bytes[RAW_MAX];
    uint32_t len;
};

/* A frame of these fields with the length that fits them; key 'k...', value 'v...'. */
static void
raw_make(struct raw *r, unsigned kind, unsigned flags, uint32_t key_bytes, uint32_t value_bytes)
{
    uint32_t at = WAL_FRAME_HEADER_BYTES;
    memset(r->bytes, 0, sizeof r->bytes);
    r->bytes[16] = (unsigned char)kind;
    r->bytes[17] = (unsigned char)flags;
    le_put_u16(r->bytes + 18, (uint16_t)key_bytes);
    le_put_u32(r->bytes + 20, value_bytes);
    if (flags & WAL_HAS_DEADLINE) {
        le_put_u64(r->bytes + at, (uint64_t)DEADLINE_MS);
        at += 8;
    }
    if (flags & WAL_LIFE) { /* one that is good with any deadline */
        bool ends = flags & WAL_HAS_DEADLINE;
        le_put_u64(r->bytes + at, 5);
        le_put_u64(r->bytes + at + 8, ends ? (uint64_t)DEADLINE_MS : UINT64_MAX);
        at += LIFE_FORMAT_BYTES;
    }
    r->len = (at + key_bytes + value_bytes + 7) & ~7u;
    if (r->len <= RAW_MAX) {
        memset(r->bytes + at, 'k', key_bytes);
        memset(r->bytes + at + key_bytes, 'v', value_bytes);
    }
    le_put_u32(r->bytes, r->len);
    le_put_u64(r->bytes + 8, LSN);
}

static void
raw_checksum(struct raw *r)
{
    le_put_u32(r->bytes + 4, crc32c(0, r->bytes + 8, r->len - 8));
}

static void
expect_good(struct raw *r)
{
    struct wal_frame frame;
    uint32_t need;
    raw_checksum(r);
    assert_null(wal_frame_problem(r->bytes, r->len));
    assert_int_equal(wal_frame_decode(r->bytes, r->len, &frame, &need), WAL_FRAME);
    assert_int_equal(frame.bytes, r->len);
    assert_int_equal(frame.lsn, LSN);
}

/* `len` bytes are there. */
static void
expect_bad_at(const struct raw *r, uint32_t len, const char *problem)
{
    struct wal_frame frame;
    uint32_t need;
    assert_int_equal(wal_frame_decode(r->bytes, len, &frame, &need), WAL_BAD);
    assert_string_equal(wal_frame_problem(r->bytes, len), problem);
}

static void
expect_bad(struct raw *r, const char *problem)
{
    raw_checksum(r);
    expect_bad_at(r, r->len, problem);
}

static struct raw raw_store; /* too large for the stack of a sanitizer */

static struct raw *
raw(unsigned kind, unsigned flags, uint32_t key_bytes, uint32_t value_bytes)
{
    raw_make(&raw_store, kind, flags, key_bytes, value_bytes);
    return &raw_store;
}

/* ---- F1 to F9 ---- */

static void
test_length_has_bounds_and_alignment(void **state)
{
    (void)state;
    static const uint32_t lengths[] = { 1, 8, 16, 23, 25, 28, 31, 0x80000008u, 0xfffffff8u };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct raw *r = raw(WAL_CLEAR, 0, 0, 0);
        le_put_u32(r->bytes, lengths[i]);
        expect_bad(r, "length");
        expect_bad_at(r, 4, "length"); /* known as soon as the length is there */
    }
}

static void
test_kind_must_be_known(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 256; kind++)
        if (kind < WAL_PUT || kind > WAL_NOTE)
            expect_bad(raw(kind, 0, 0, 0), "kind");
}

static void
test_flags_must_suit_the_kind(void **state)
{
    (void)state;
    static const unsigned allowed[] = { [WAL_PUT] = 7, [WAL_EXPIRE] = 5, [WAL_NOTE] = 0 };
    for (unsigned kind = WAL_PUT; kind <= WAL_NOTE; kind++)
        for (unsigned flags = 0; flags < 256; flags++) {
            uint32_t value = kind == WAL_MARK ? 16 : flags & WAL_INTEGER && kind == WAL_PUT ? 8 : 0;
            struct raw *r = raw(kind, flags, 0, value);
            if (flags & ~allowed[kind])
                expect_bad(r, "flags");
            else
                expect_good(r);
        }
}

static void
test_key_has_a_limit_and_a_right_to_exist(void **state)
{
    (void)state;
    static const unsigned with_key[] = { WAL_PUT, WAL_DEL, WAL_EXPIRE, WAL_EVICT };
    static const unsigned without[] = { WAL_CLEAR, WAL_MARK, WAL_GROUP, WAL_NOTE };
    for (unsigned i = 0; i < 4; i++) {
        expect_good(raw(with_key[i], 0, 0, 0));
        expect_good(raw(with_key[i], 0, LIMIT_KEY_BYTES, 0));
        expect_bad(raw(with_key[i], 0, LIMIT_KEY_BYTES + 1, 0), "length of the key");
        expect_bad(raw(without[i], 0, 1, without[i] == WAL_MARK ? 16 : 0), "length of the key");
    }
}

static void
test_value_has_the_length_its_kind_demands(void **state)
{
    (void)state;
    static const unsigned without[] = { WAL_DEL, WAL_EXPIRE, WAL_EVICT, WAL_CLEAR };
    static const uint32_t not_a_mark[] = { 0, 8, 15, 17, 24 };
    static const uint32_t no_integer[] = { 0, 1, 7, 9, 16 };
    for (unsigned i = 0; i < 4; i++)
        expect_bad(raw(without[i], 0, without[i] == WAL_CLEAR ? 0 : 3, 1), "length of the value");
    for (unsigned i = 0; i < 5; i++) {
        expect_bad(raw(WAL_MARK, 0, 0, not_a_mark[i]), "length of the value");
        expect_bad(raw(WAL_PUT, WAL_INTEGER, 3, no_integer[i]), "length of the value");
    }
    expect_good(raw(WAL_MARK, 0, 0, 16));
    expect_good(raw(WAL_PUT, WAL_INTEGER, 3, 8));
    expect_good(raw(WAL_PUT, 0, 3, 20000));
    expect_good(raw(WAL_NOTE, 0, 0, 20000));
}

static void
test_value_has_a_limit_that_the_header_alone_tells(void **state)
{
    (void)state;
    struct wal_frame frame;
    uint32_t need;
    static const unsigned kinds[] = { WAL_PUT, WAL_NOTE };
    for (unsigned i = 0; i < 2; i++) {
        struct raw *r = raw(kinds[i], 0, 0, LIMIT_VALUE_BYTES + 1);
        expect_bad_at(r, WAL_FRAME_HEADER_BYTES, "length of the value");
        r = raw(kinds[i], 0, 0, LIMIT_VALUE_BYTES);
        assert_int_equal(wal_frame_decode(r->bytes, WAL_FRAME_HEADER_BYTES, &frame, &need),
                         WAL_NEED_MORE);
        assert_int_equal(need, LIMIT_VALUE_BYTES + WAL_FRAME_HEADER_BYTES);
    }
    expect_bad_at(raw(WAL_GROUP, 0, 0, WAL_FRAME_MAX_BYTES - WAL_FRAME_HEADER_BYTES + 1),
                  WAL_FRAME_HEADER_BYTES, "length");
}

static void
test_length_is_exactly_that_of_the_parts(void **state)
{
    (void)state;
    struct raw *r = raw(WAL_PUT, 0, 3, 10);
    r->len += 8;
    le_put_u32(r->bytes, r->len);
    expect_bad(r, "length");
    r = raw(WAL_PUT, WAL_HAS_DEADLINE, 3, 10);
    r->len -= 8;
    le_put_u32(r->bytes, r->len);
    expect_bad(r, "length");
}

static void
test_every_bit_counts(void **state)
{
    (void)state;
    struct wal_frame frame;
    uint32_t need;
    struct raw *r = raw(WAL_PUT, WAL_HAS_DEADLINE, 3, 10);
    expect_good(r);
    for (uint32_t bit = 0; bit < r->len * 8; bit++) {
        r->bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_int_not_equal(wal_frame_decode(r->bytes, r->len, &frame, &need), WAL_FRAME);
        if (bit >= 24 * 8) /* header and length are consistent */
            expect_bad_at(r, r->len, "checksum");
        r->bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

static void
test_deadline_is_not_negative(void **state)
{
    (void)state;
    static const unsigned kinds[] = { WAL_PUT, WAL_EXPIRE };
    for (unsigned i = 0; i < 2; i++) {
        struct raw *r = raw(kinds[i], WAL_HAS_DEADLINE, 3, 0);
        le_put_u64(r->bytes + 24, 0);
        expect_good(r);
        le_put_u64(r->bytes + 24, INT64_MAX);
        expect_good(r);
        le_put_u64(r->bytes + 24, UINT64_MAX);
        expect_bad(r, "deadline");
        le_put_u64(r->bytes + 24, UINT64_C(1) << 63);
        expect_bad(r, "deadline");
    }
}

static void
test_padding_is_zero(void **state)
{
    (void)state;
    struct raw *r = raw(WAL_PUT, 0, 3, 6);
    for (uint32_t i = 24 + 9; i < r->len; i++) {
        r->bytes[i] = 1;
        expect_bad(r, "padding");
        r->bytes[i] = 0;
    }
    expect_good(r);
}

/* ---- F10: groups ---- */

/* A group of one PUT of key kk, value vvv, in front of a change with these fields. */
static struct raw *
raw_group(unsigned kind, unsigned flags, uint32_t key_bytes, uint32_t value_bytes)
{
    static const unsigned char first[16] = { WAL_PUT, 0,   2,   0,   3,   0,   0, 0,
                                             'k',     'k', 'v', 'v', 'v', 'v', 0, 0 };
    uint32_t life = flags & WAL_HAS_DEADLINE ? 8 : 0;
    uint32_t bytes = (8 + life + key_bytes + value_bytes + 7) & ~7u;
    struct raw *r = raw(WAL_GROUP, 0, 0, 16 + bytes);
    unsigned char *op = r->bytes + 40;
    memcpy(r->bytes + 24, first, sizeof first);
    r->bytes[24 + 13] = 0;
    memset(op, 0, bytes);
    op[0] = (unsigned char)kind;
    op[1] = (unsigned char)flags;
    le_put_u16(op + 2, (uint16_t)key_bytes);
    le_put_u32(op + 4, value_bytes);
    memset(op + 8 + life, 'x', key_bytes + value_bytes);
    return r;
}

static void
test_group_holds_changes_of_data_only(void **state)
{
    (void)state;
    for (unsigned kind = WAL_PUT; kind <= WAL_EVICT; kind++)
        expect_good(raw_group(kind, 0, 0, 0));
    expect_bad(raw_group(WAL_MARK, 0, 0, 16), "kind inside a group");
    expect_bad(raw_group(WAL_GROUP, 0, 0, 0), "kind inside a group");
    expect_bad(raw_group(WAL_NOTE, 0, 0, 3), "kind inside a group");
    expect_bad(raw_group(0, 0, 0, 0), "kind");
    expect_bad(raw_group(9, 0, 0, 0), "kind");
}

static void
test_group_changes_keep_the_rules_of_frames(void **state)
{
    (void)state;
    expect_good(raw_group(WAL_PUT, WAL_HAS_DEADLINE | WAL_INTEGER, LIMIT_KEY_BYTES, 8));
    expect_bad(raw_group(WAL_DEL, WAL_HAS_DEADLINE, 3, 0), "flags");
    expect_bad(raw_group(WAL_EXPIRE, WAL_INTEGER, 3, 0), "flags");
    expect_bad(raw_group(WAL_PUT, 8, 3, 0), "flags");
    expect_bad(raw_group(WAL_PUT, 0, LIMIT_KEY_BYTES + 1, 0), "length of the key");
    expect_bad(raw_group(WAL_CLEAR, 0, 1, 0), "length of the key");
    expect_bad(raw_group(WAL_DEL, 0, 1, 1), "length of the value");
    expect_bad(raw_group(WAL_PUT, WAL_INTEGER, 1, 7), "length of the value");
    struct raw *r = raw_group(WAL_EXPIRE, WAL_HAS_DEADLINE, 3, 0);
    expect_good(r);
    le_put_u64(r->bytes + 48, UINT64_MAX);
    expect_bad(r, "deadline");
    r = raw_group(WAL_PUT, 0, 3, 4);
    expect_good(r);
    r->bytes[r->len - 1] = 1;
    expect_bad(r, "padding");
}

static void
test_group_is_filled_exactly(void **state)
{
    (void)state;
    expect_good(raw(WAL_GROUP, 0, 0, 0));
    struct raw *r = raw_group(WAL_DEL, 0, 3, 0);
    le_put_u16(r->bytes + 42, 9); /* a key that reaches beyond */
    expect_bad(r, "end of a group");
    r = raw_group(WAL_CLEAR, 0, 0, 0);
    le_put_u32(r->bytes + 20, 16 + 7); /* a header that is cut off; the length stays the same */
    expect_bad(r, "end of a group");
    r = raw_group(WAL_DEL, 0, 3, 0);
    le_put_u32(r->bytes + 20, 16 + 11); /* without its padding */
    expect_bad(r, "end of a group");
}

static void
test_group_value_may_not_exceed_a_value(void **state)
{
    (void)state;
    struct raw *r = raw_group(WAL_PUT, 0, 3, 0);
    le_put_u32(r->bytes + 44, LIMIT_VALUE_BYTES + 1);
    expect_bad(r, "length of the value");
    le_put_u32(r->bytes + 44, LIMIT_VALUE_BYTES);
    expect_bad(r, "end of a group");
}

static void
test_life_must_be_one(void **state)
{
    (void)state;
    static const struct {
        unsigned flags;
        uint32_t at; /* behind the deadline */
        unsigned char byte;
    } cases[] = {
        { WAL_HAS_DEADLINE, 7, 0x80 },  /* L1: soft */
        { WAL_HAS_DEADLINE, 15, 0x80 }, /* L1: hard */
        { WAL_HAS_DEADLINE, 14, 0x01 }, /* L3: hard behind gone */
        { WAL_HAS_DEADLINE, 6, 0x01 },  /* L3: soft behind hard */
        { WAL_HAS_DEADLINE, 16, 2 },    /* L4 */
        { 0, 15, 0x7f },                /* L2: hard, and no deadline */
        { 0, 19, 1 },                   /* L4 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct raw *r = raw(WAL_PUT, cases[i].flags | WAL_LIFE, 3, 4);
        expect_good(r);
        uint32_t deadline_bytes = cases[i].flags ? 8 : 0;
        r->bytes[WAL_FRAME_HEADER_BYTES + deadline_bytes + cases[i].at] = cases[i].byte;
        expect_bad(r, "life");
    }
    struct raw *r = raw(WAL_EXPIRE, WAL_HAS_DEADLINE | WAL_LIFE, 3, 0);
    memset(r->bytes + WAL_FRAME_HEADER_BYTES + 16, 0xff, 8); /* L2: no hard one, and a deadline */
    expect_bad(r, "life");
}

static void
test_group_is_walked_in_order(void **state)
{
    (void)state;
    unsigned char group[256];
    size_t len = 0, at = 0;
    struct wal_op ops[] = {
        { WAL_PUT, 0, attl_s("a"), attl_s("1234567"), DEADLINE_MS, { 0 } },
        { WAL_DEL, 0, attl_s("b"), attl_s(""), ATTL_NO_DEADLINE, { 0 } },
        { WAL_CLEAR, 0, attl_s(""), attl_s(""), ATTL_NO_DEADLINE, { 0 } },
        { WAL_EXPIRE, 0, attl_s("c"), attl_s(""), ATTL_NO_DEADLINE, { 0 } },
        { WAL_EVICT, 0, attl_s(""), attl_s(""), ATTL_NO_DEADLINE, { 0 } },
        { WAL_PUT, WAL_LIFE, attl_s("d"), attl_s("v"), DEADLINE_MS, { 4, 5, 1, 6 } },
        { WAL_EXPIRE, WAL_LIFE, attl_s("e"), attl_s(""), ATTL_NO_DEADLINE, { 4, -1, 0, 0 } },
    };
    enum { OPS = sizeof ops / sizeof *ops };
    for (size_t i = 0; i < OPS; i++) {
        wal_op_encode(&ops[i], group + len);
        len += wal_op_bytes(&ops[i]);
    }
    for (size_t i = 0; i < OPS; i++) {
        struct wal_op op;
        assert_true(wal_op_next(attl_b(group, len), &at, &op));
        assert_int_equal(op.kind, ops[i].kind);
        assert_int_equal(op.flags & WAL_LIFE, ops[i].flags);
        assert_true(!ops[i].flags || life_equals(&op.life, &ops[i].life));
        assert_int_equal(op.deadline_ms, ops[i].deadline_ms);
        assert_int_equal(op.key.len, ops[i].key.len);
        assert_memory_equal(op.key.data, ops[i].key.data, op.key.len);
        assert_int_equal(op.value.len, ops[i].value.len);
        assert_memory_equal(op.value.data, ops[i].value.data, op.value.len);
    }
    struct wal_op none;
    assert_int_equal(at, len);
    assert_false(wal_op_next(attl_b(group, len), &at, &none));
    at = 0;
    assert_false(wal_op_next(attl_b(group, 7), &at, &none));
    assert_int_equal(at, 0);
}

/* ---- less than a frame ---- */

static void
test_prefixes_ask_for_more(void **state)
{
    (void)state;
    struct raw *r = raw(WAL_PUT, WAL_HAS_DEADLINE, 3, 10);
    raw_checksum(r);
    for (uint32_t len = 0; len < r->len; len++) {
        struct wal_frame frame;
        uint32_t need = 0;
        unsigned char *exact = malloc(len ? len : 1); /* so that a byte too many is noticed */
        assert_non_null(exact);
        memcpy(exact, r->bytes, len);
        assert_int_equal(wal_frame_decode(exact, len, &frame, &need), WAL_NEED_MORE);
        assert_int_equal(need, len < WAL_FRAME_HEADER_BYTES ? WAL_FRAME_HEADER_BYTES : r->len);
        assert_null(wal_frame_problem(exact, len));
        free(exact);
    }
}

static void
test_a_length_of_zero_is_nothing(void **state)
{
    (void)state;
    unsigned char in[WAL_FRAME_HEADER_BYTES] = { 0, 0, 0, 0, 1, 2, 3 };
    struct wal_frame frame;
    uint32_t need;
    for (size_t len = 4; len <= sizeof in; len++)
        assert_int_equal(wal_frame_decode(in, len, &frame, &need), WAL_ZERO);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_length_has_bounds_and_alignment),
        cmocka_unit_test(test_kind_must_be_known),
        cmocka_unit_test(test_flags_must_suit_the_kind),
        cmocka_unit_test(test_key_has_a_limit_and_a_right_to_exist),
        cmocka_unit_test(test_value_has_the_length_its_kind_demands),
        cmocka_unit_test(test_value_has_a_limit_that_the_header_alone_tells),
        cmocka_unit_test(test_length_is_exactly_that_of_the_parts),
        cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_deadline_is_not_negative),
        cmocka_unit_test(test_padding_is_zero),
        cmocka_unit_test(test_group_holds_changes_of_data_only),
        cmocka_unit_test(test_group_changes_keep_the_rules_of_frames),
        cmocka_unit_test(test_group_is_filled_exactly),
        cmocka_unit_test(test_group_value_may_not_exceed_a_value),
        cmocka_unit_test(test_life_must_be_one),
        cmocka_unit_test(test_group_is_walked_in_order),
        cmocka_unit_test(test_prefixes_ask_for_more),
        cmocka_unit_test(test_a_length_of_zero_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
