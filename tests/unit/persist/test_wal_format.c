/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Encoding frames, and segment headers both ways. What is right must come back as it went in; each
 * condition of a header (S1 to S7, docs/wal-format.md) is broken alone, under a fresh checksum.
 */
#include "persist/wal_format.h"

#include "base/limits.h"
#include "os/crc32c.h"
#include "persist/le.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { LSN = 4711 };

#define DEADLINE_MS INT64_C(1735689600123)

/* ---- encoding ---- */

static const struct wal_op samples[] = {
    { WAL_PUT, 0, { "key", 3 }, { "value", 5 }, ATTL_NO_DEADLINE, { 0 } },
    { WAL_PUT, 0, { "key", 3 }, { "value", 5 }, DEADLINE_MS, { 0 } },
    { WAL_PUT, 0, { "", 0 }, { "", 0 }, ATTL_NO_DEADLINE, { 0 } },
    { WAL_PUT, WAL_INTEGER, { "n", 1 }, { "\1\0\0\0\0\0\0\0", 8 }, 0, { 0 } },
    { WAL_DEL, 0, { "key", 3 }, { NULL, 0 }, ATTL_NO_DEADLINE, { 0 } },
    { WAL_EXPIRE, 0, { "key", 3 }, { NULL, 0 }, DEADLINE_MS, { 0 } },
    { WAL_EXPIRE, 0, { "key", 3 }, { NULL, 0 }, ATTL_NO_DEADLINE, { 0 } },
    { WAL_CLEAR, 0, { NULL, 0 }, { NULL, 0 }, ATTL_NO_DEADLINE, { 0 } },
    { WAL_EVICT, 0, { "key", 3 }, { NULL, 0 }, ATTL_NO_DEADLINE, { 0 } },
    { WAL_MARK, 0, { NULL, 0 }, { "0123456789abcdef", 16 }, ATTL_NO_DEADLINE, { 0 } },
    { WAL_GROUP,
      0,
      { NULL, 0 },
      { "\2\0\1\0\0\0\0\0k\0\0\0\0\0\0\0", 16 },
      ATTL_NO_DEADLINE,
      { 0 } },
    { WAL_NOTE, 0, { NULL, 0 }, { "rollback", 8 }, ATTL_NO_DEADLINE, { 0 } },
    { WAL_PUT, WAL_LIFE, { "key", 3 }, { "value", 5 }, DEADLINE_MS, { 5, DEADLINE_MS, 1, 7 } },
    { WAL_PUT, WAL_LIFE, { "key", 3 }, { "", 0 }, ATTL_NO_DEADLINE, { 5, -1, 0, 0 } },
    { WAL_EXPIRE, WAL_LIFE, { "key", 3 }, { NULL, 0 }, DEADLINE_MS, { -1, 6, 0, 0 } },
};

enum { SAMPLES = sizeof samples / sizeof *samples, SAMPLE_MAX = 72 };

static void
test_what_goes_in_comes_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        unsigned char out[SAMPLE_MAX];
        const struct wal_op *op = &samples[i];
        struct wal_frame frame;
        uint32_t bytes = wal_frame_bytes(op), need;
        assert_in_range(bytes, WAL_FRAME_HEADER_BYTES, SAMPLE_MAX);
        memset(out, 0xee, sizeof out);
        wal_frame_encode(op, LSN + i, out);
        assert_int_equal(wal_frame_decode(out, bytes, &frame, &need), WAL_FRAME);
        assert_int_equal(frame.lsn, LSN + i);
        assert_int_equal(frame.bytes, bytes);
        assert_int_equal(frame.op.kind, op->kind);
        assert_int_equal(frame.op.flags & ~(unsigned)WAL_HAS_DEADLINE, op->flags);
        assert_true(!op->flags || (op->flags & WAL_INTEGER) ||
                    life_equals(&frame.op.life, &op->life));
        assert_int_equal(frame.op.deadline_ms, op->deadline_ms);
        assert_int_equal(frame.op.key.len, op->key.len);
        if (op->key.len)
            assert_memory_equal(frame.op.key.data, op->key.data, op->key.len);
        assert_int_equal(frame.op.value.len, op->value.len);
        if (op->value.len)
            assert_memory_equal(frame.op.value.data, op->value.data, op->value.len);
        assert_int_equal(out[bytes], 0xee);
    }
}

static void
test_kinds_without_deadline_ignore_one(void **state)
{
    (void)state;
    unsigned char a[SAMPLE_MAX], b[SAMPLE_MAX];
    struct wal_op op = { WAL_DEL, 0, attl_s("key"), { NULL, 0 }, ATTL_NO_DEADLINE, { 0 } };
    wal_frame_encode(&op, LSN, a);
    op.deadline_ms = 0;
    op.flags = WAL_HAS_DEADLINE;
    wal_frame_encode(&op, LSN, b);
    assert_memory_equal(a, b, wal_frame_bytes(&op));
}

static void
test_a_body_leaves_the_first_words_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        unsigned char out[SAMPLE_MAX], want[16];
        memset(out, 0xee, sizeof out);
        memset(want, 0xee, sizeof want);
        wal_frame_body(&samples[i], out);
        assert_memory_equal(out, want, sizeof want);
        memset(out, 0xee, sizeof out);
        uint32_t head = wal_frame_head(&samples[i], out);
        assert_memory_equal(out, want, sizeof want);
        assert_int_equal(out[head], 0xee);
        assert_int_equal(head, wal_frame_head_bytes(&samples[i]));
    }
}

static void
test_sealing_in_pieces_is_sealing(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        unsigned char whole[SAMPLE_MAX], pieces[SAMPLE_MAX] = { 0 };
        attl_slice value = samples[i].value;
        wal_frame_encode(&samples[i], LSN, whole);
        uint32_t head = wal_frame_head(&samples[i], pieces);
        wal_frame_seal_split(pieces, head, value, LSN);
        if (value.len)
            memcpy(pieces + head, value.data, value.len);
        assert_memory_equal(whole, pieces, wal_frame_bytes(&samples[i]));
    }
}

static void
test_sizes_beyond_the_format_are_refused(void **state)
{
    (void)state;
    struct wal_op op = { WAL_PUT,          0,    { NULL, 0 }, { NULL, LIMIT_VALUE_BYTES },
                         ATTL_NO_DEADLINE, { 0 } };
    assert_int_equal(wal_frame_bytes(&op), LIMIT_VALUE_BYTES + 24);
    assert_int_equal(wal_op_bytes(&op), LIMIT_VALUE_BYTES + 8);
    op.value.len++;
    assert_int_equal(wal_frame_bytes(&op), 0);
    assert_int_equal(wal_op_bytes(&op), 0);
    op = (struct wal_op){ WAL_DEL, 0, { NULL, LIMIT_KEY_BYTES + 1 }, { NULL, 0 }, 0, { 0 } };
    assert_int_equal(wal_frame_bytes(&op), 0);
    op = (struct wal_op){ WAL_EXPIRE, 0, { NULL, 3 }, { NULL, 0 }, -2, { 0 } };
    assert_int_equal(wal_frame_bytes(&op), 0);
    op = (struct wal_op){ WAL_GROUP, 0, { NULL, 0 }, { NULL, WAL_FRAME_MAX_BYTES - 24 }, 0, { 0 } };
    assert_int_equal(wal_frame_bytes(&op), WAL_FRAME_MAX_BYTES);
    assert_int_equal(wal_op_bytes(&op), 0);
    op.value.len++;
    assert_int_equal(wal_frame_bytes(&op), 0);
    op.value.len = SIZE_MAX;
    assert_int_equal(wal_frame_bytes(&op), 0);
}

static void
test_lives_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct {
        int64_t deadline_ms;
        struct life life;
    } bad[] = {
        { 900, { -2, 700, 0, 0 } },               /* L1 */
        { 900, { 500, -2, 0, 0 } },               /* L1 */
        { 900, { 500, -1, 0, 0 } },               /* L2 */
        { ATTL_NO_DEADLINE, { 500, 700, 0, 0 } }, /* L2 */
        { 900, { 701, 700, 0, 0 } },              /* L3 */
        { 900, { 500, 901, 0, 0 } },              /* L3 */
        { 900, { 500, 700, 2, 0 } },              /* L4 */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct wal_op op = { WAL_PUT,     WAL_LIFE,           attl_s("k"),
                             attl_s("v"), bad[i].deadline_ms, bad[i].life };
        assert_int_equal(wal_frame_bytes(&op), 0);
        assert_int_equal(wal_op_bytes(&op), 0);
    }
    struct wal_op del = { WAL_DEL, WAL_LIFE, attl_s("k"), attl_s(""), 900, { 500, 700, 0, 0 } };
    assert_int_equal(wal_frame_bytes(&del), 0);
}

/* ---- segment headers and marks ---- */

static const struct wal_segment_header header = {
    .version = WAL_VERSION,
    .first_lsn = UINT64_C(0x0102030405060708),
    .created_ms = DEADLINE_MS,
    .run_id = UINT64_C(0xf1f2f3f4f5f6f7f8),
    .file_bytes = 64 << 20,
    .gap = true,
};

/* Changes `len` bytes at `at` of a good header, with a fresh checksum; false if it is refused. */
static bool
header_with(size_t at, uint64_t bytes, size_t len, struct wal_segment_header *ret)
{
    unsigned char in[WAL_SEGMENT_HEADER_BYTES];
    wal_segment_header_encode(&header, in);
    for (size_t i = 0; i < len; i++)
        in[at + i] = (unsigned char)(bytes >> 8 * i);
    le_put_u32(in + 60, crc32c(0, in, 60));
    return wal_segment_header_decode(in, ret);
}

static void
test_header_comes_back(void **state)
{
    (void)state;
    struct wal_segment_header got;
    unsigned char bytes[WAL_SEGMENT_HEADER_BYTES];
    wal_segment_header_encode(&header, bytes);
    assert_true(wal_segment_header_decode(bytes, &got));
    assert_int_equal(got.version, WAL_VERSION);
    assert_int_equal(got.first_lsn, header.first_lsn);
    assert_int_equal(got.created_ms, header.created_ms);
    assert_int_equal(got.run_id, header.run_id);
    assert_int_equal(got.file_bytes, header.file_bytes);
    assert_true(got.gap);
    assert_true(header_with(48, 0, 4, &got));
    assert_false(got.gap);
}

static void
test_header_conditions(void **state)
{
    (void)state;
    struct wal_segment_header got;
    assert_true(header_with(0, 0, 0, &got));
    for (size_t i = 0; i < 8; i++) /* S1 */
        assert_false(header_with(i, '*', 1, &got));
    assert_false(header_with(8, 0, 4, &got));   /* S3 */
    assert_false(header_with(12, 63, 4, &got)); /* S4 */
    assert_false(header_with(12, 72, 4, &got));
    assert_false(header_with(48, 2, 4, &got)); /* S5 */
    assert_false(header_with(48, 0x80000001u, 4, &got));
    for (size_t i = 52; i < 60; i++) /* S6 */
        assert_false(header_with(i, 1, 1, &got));
    assert_false(header_with(16, 0, 8, &got)); /* S7 */
}

static void
test_every_bit_of_a_header_counts(void **state)
{
    (void)state;
    struct wal_segment_header got;
    unsigned char bytes[WAL_SEGMENT_HEADER_BYTES];
    wal_segment_header_encode(&header, bytes);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) { /* S2 */
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_false(wal_segment_header_decode(bytes, &got));
        assert_int_equal(got.version, 0);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

static void
test_header_of_a_newer_version_says_so(void **state)
{
    (void)state;
    struct wal_segment_header got;
    assert_false(header_with(8, WAL_VERSION + 1, 4, &got));
    assert_int_equal(got.version, WAL_VERSION + 1);
    assert_true(header_with(8, 1, 4, &got)); /* the first version is still read */
    assert_int_equal(got.version, 1);
    assert_false(header_with(8, 0, 4, &got));
}

static void
test_marks_come_back(void **state)
{
    (void)state;
    unsigned char bytes[16];
    struct wal_mark got, mark = { DEADLINE_MS, UINT64_C(0x1122334455667788) };
    wal_mark_encode(&mark, bytes);
    assert_true(wal_mark_decode(attl_b(bytes, 16), &got));
    assert_int_equal(got.time_ms, mark.time_ms);
    assert_int_equal(got.durable_lsn, mark.durable_lsn);
    assert_false(wal_mark_decode(attl_b(bytes, 15), &got));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_goes_in_comes_out),
        cmocka_unit_test(test_kinds_without_deadline_ignore_one),
        cmocka_unit_test(test_a_body_leaves_the_first_words_alone),
        cmocka_unit_test(test_sealing_in_pieces_is_sealing),
        cmocka_unit_test(test_sizes_beyond_the_format_are_refused),
        cmocka_unit_test(test_lives_that_cannot_be_are_refused),
        cmocka_unit_test(test_header_comes_back),
        cmocka_unit_test(test_header_conditions),
        cmocka_unit_test(test_every_bit_of_a_header_counts),
        cmocka_unit_test(test_header_of_a_newer_version_says_so),
        cmocka_unit_test(test_marks_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
