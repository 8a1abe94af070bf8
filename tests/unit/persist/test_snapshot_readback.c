/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading back directly, on files made by hand: the good one is accepted with scratch memory of any
 * size, and nothing else is, be it a byte, an end, or a whole other snapshot that is good itself.
 * A disk that fails is reported as such and not as a difference.
 */
#include "persist/snapshot_readback.h"

#include "os/zstd.h"
#include "support/sim_disk.h"
#include "support/snapshot_sample.h"
#include "support/unit.h"

#include <errno.h>

enum { BLOCKS = 3, PER_BLOCK = 4, SCRATCH_BYTES = 4096, WALK_MOST = 100 };

/* A file, and what its writer would know of it. */
struct made {
    unsigned char *file;
    size_t len;
    struct snapshot_meta meta;
    struct snapshot_trailer trailer;
};

static void
make(struct made *m, bool compressed)
{
    uint32_t crc = 0;
    m->file = sample_build(compressed, BLOCKS, PER_BLOCK, &m->len);
    assert_int_equal(snapshot_header_decode(m->file, &m->meta, &crc), SNAPSHOT_OK);
    assert_true(snapshot_trailer_decode(m->file + m->len - SNAPSHOT_TRAILER_BYTES, &m->meta, crc,
                                        m->len, &m->trailer));
}

static int
readback(struct sim_disk *sim, const struct made *m, size_t scratch_bytes)
{
    unsigned char scratch[SCRATCH_BYTES];
    return snapshot_readback(sim_disk_table(sim), "file", &m->meta, &m->trailer, scratch,
                             scratch_bytes);
}

static int
readback_bytes(const struct made *m, const unsigned char *file, size_t len)
{
    struct sim_disk *sim = sim_disk_new(1);
    sim_disk_put(sim, "file", file, len);
    int result = readback(sim, m, SCRATCH_BYTES);
    sim_disk_free(&sim);
    return result;
}

static void
test_what_was_written_is_accepted(void **state)
{
    (void)state;
    static const size_t scratch_bytes[] = { 1, 7, 64, SCRATCH_BYTES };
    for (int compressed = 0; compressed <= zstd_supported(); compressed++) {
        struct made m;
        struct sim_disk *sim = sim_disk_new(1);
        make(&m, compressed);
        sim_disk_put(sim, "file", m.file, m.len);
        for (size_t i = 0; i < sizeof(scratch_bytes) / sizeof(scratch_bytes[0]); i++)
            assert_int_equal(readback(sim, &m, scratch_bytes[i]), 0);
        sim_disk_free(&sim);
        free(m.file);
    }
}

static void
test_every_difference_is_noticed(void **state)
{
    (void)state;
    struct made m, other;
    make(&m, zstd_supported());
    for (size_t i = 0; i < m.len; i++) {
        m.file[i] ^= 0x20;
        assert_int_equal(readback_bytes(&m, m.file, m.len), -EBADMSG);
        m.file[i] ^= 0x20;
    }
    for (size_t cut = 0; cut < m.len; cut++)
        assert_int_equal(readback_bytes(&m, m.file, cut), -EBADMSG);
    make(&other, false);
    assert_int_equal(readback_bytes(&other, other.file, other.len), 0);
    other.file[SNAPSHOT_HEADER_BYTES + SNAPSHOT_BLOCK_HEADER_BYTES + 9] ^= 1; /* in a key */
    sample_reseal(other.file, other.len);
    assert_int_equal(readback_bytes(&other, other.file, other.len), -EBADMSG);
    free(other.file);
    free(m.file);
}

static void
test_a_failing_disk_is_no_difference(void **state)
{
    (void)state;
    struct made m;
    bool failed = true;
    uint64_t n = 1;
    make(&m, false);
    for (; failed && n < WALK_MOST; n++) {
        struct sim_disk *sim = sim_disk_new(n);
        sim_disk_put(sim, "file", m.file, m.len);
        sim_disk_fail(sim, SIM_ANY, n, -EIO, SIM_ONCE);
        int result = readback(sim, &m, SCRATCH_BYTES);
        failed = sim_disk_failures(sim) > 0;
        assert_int_equal(result, failed ? -EIO : 0);
        sim_disk_free(&sim);
    }
    assert_in_range(n, 5 + 2 * BLOCKS, WALK_MOST - 1);
    free(m.file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_accepted),
        cmocka_unit_test(test_every_difference_is_noticed),
        cmocka_unit_test(test_a_failing_disk_is_no_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
