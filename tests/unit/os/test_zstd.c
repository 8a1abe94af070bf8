/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packing and unpacking: at once and in steps of any size the result unpacks to what went in; what
 * is not a frame, or one of another length, is refused and nothing is written beyond the place for
 * it. In a build without zstd everything refuses.
 */
#include "os/zstd.h"

#include "support/rng.h"
#include "support/unit.h"

#include <errno.h>

enum { RAW_BYTES = 300000, PACKED_BYTES = 400000, STEP_MAX = 50000 };

struct bytes {
    unsigned char raw[RAW_BYTES], packed[PACKED_BYTES], again[RAW_BYTES];
};

static struct bytes *
some_text(struct rng *r)
{
    struct bytes *b = malloc(sizeof(*b));
    assert_non_null(b);
    for (size_t i = 0; i < RAW_BYTES; i++)
        b->raw[i] = (unsigned char)('a' + rng_below(r, 6));
    return b;
}

/* Packs `len` bytes in steps of up to `step_max`; the packed length. */
static size_t
pack(struct zstd_packer *p, struct bytes *b, size_t len, size_t step_max, struct rng *r)
{
    size_t in_at = 0, out_at = 0;
    assert_int_equal(zstd_packer_begin(p, len), 0);
    for (;;) {
        size_t in_bytes = len - in_at, out_bytes = PACKED_BYTES - out_at;
        if (step_max > 0) {
            in_bytes = in_bytes > step_max ? rng_range(r, 1, step_max) : in_bytes;
            out_bytes = rng_range(r, 1, step_max);
        }
        struct zstd_step s = {
            .in = b->raw + in_at,
            .in_bytes = in_bytes,
            .out = b->packed + out_at,
            .out_bytes = out_bytes,
            .last = in_at + in_bytes == len,
        };
        int done = zstd_packer_step(p, &s);
        assert_true(done >= 0 && s.in_used <= in_bytes && s.out_used <= out_bytes);
        in_at += s.in_used;
        out_at += s.out_used;
        if (s.last && done == 1)
            return out_at;
    }
}

static void
test_what_is_packed_unpacks(void **state)
{
    (void)state;
    if (!zstd_supported())
        skip();
    uint64_t seed = test_seed();
    struct rng r = rng_from_seed(seed);
    test_announce("zstd", seed);
    struct bytes *b = some_text(&r);
    struct zstd_packer *p;
    struct zstd_unpacker *u;
    assert_int_equal(zstd_packer_open(1, &p), 0);
    assert_int_equal(zstd_unpacker_open(&u), 0);
    static const size_t lengths[] = { 0, 1, 100, 65536, RAW_BYTES };
    for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t len = lengths[i / 2];
        size_t packed_bytes = pack(p, b, len, i % 2 ? STEP_MAX : 0, &r);
        assert_true(packed_bytes <= zstd_packed_max_bytes(len));
        assert_true(zstd_raw_bytes(b->packed, packed_bytes) == (int64_t)len);
        assert_int_equal(zstd_unpack(u, b->packed, packed_bytes, b->again, len), 0);
        assert_memory_equal(b->again, b->raw, len);
    }
    zstd_packer_close(&p);
    zstd_unpacker_close(&u);
    assert_null(p);
    assert_null(u);
    free(b);
}

static void
test_wrong_frames_are_refused(void **state)
{
    (void)state;
    if (!zstd_supported())
        skip();
    struct rng r = rng_from_seed(1);
    struct bytes *b = some_text(&r);
    struct zstd_packer *p;
    struct zstd_unpacker *u;
    assert_int_equal(zstd_packer_open(1, &p), 0);
    assert_int_equal(zstd_unpacker_open(&u), 0);
    size_t packed_bytes = pack(p, b, 1000, 0, &r);
    assert_int_equal(zstd_unpack(u, b->packed, packed_bytes, b->again, 999), -EBADMSG);
    assert_int_equal(zstd_unpack(u, b->packed, packed_bytes, b->again, 1001), -EBADMSG);
    for (size_t cut = 0; cut < packed_bytes; cut++)
        assert_int_equal(zstd_unpack(u, b->packed, cut, b->again, 1000), -EBADMSG);
    assert_true(zstd_raw_bytes(b->packed, 2) == -1);
    assert_true(zstd_raw_bytes("not a frame at all", 18) == -1);
    assert_int_equal(zstd_unpack(u, "not a frame at all", 18, b->again, 1000), -EBADMSG);
    zstd_packer_close(&p);
    zstd_unpacker_close(&u);
    free(b);
}

static void
test_more_or_less_than_announced_is_refused(void **state)
{
    (void)state;
    if (!zstd_supported())
        skip();
    struct zstd_packer *p;
    char out[1000];
    assert_int_equal(zstd_packer_open(1, &p), 0);
    for (size_t announced = 4; announced <= 6; announced++) {
        struct zstd_step s = { .in = "fi", .in_bytes = 2, .out = out, .out_bytes = sizeof(out) };
        assert_int_equal(zstd_packer_begin(p, announced), 0);
        assert_int_equal(zstd_packer_step(p, &s), 1);
        s.in = "ves";
        s.in_bytes = 3;
        s.in_used = 0;
        s.last = true;
        assert_int_equal(zstd_packer_step(p, &s), announced == 5 ? 1 : -EINVAL);
    }
    zstd_packer_close(&p);
}

static void
test_without_the_library_all_refuse(void **state)
{
    (void)state;
    if (zstd_supported())
        skip();
    struct zstd_packer *p = NULL;
    struct zstd_unpacker *u = NULL;
    assert_int_equal(zstd_packer_open(1, &p), -ENOTSUP);
    assert_int_equal(zstd_unpacker_open(&u), -ENOTSUP);
    zstd_packer_close(&p);
    zstd_unpacker_close(&u);
    assert_true(zstd_raw_bytes("", 0) == -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_packed_unpacks),
        cmocka_unit_test(test_wrong_frames_are_refused),
        cmocka_unit_test(test_more_or_less_than_announced_is_refused),
        cmocka_unit_test(test_without_the_library_all_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
