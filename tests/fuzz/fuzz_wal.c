/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzing what reads the log. The bytes are decoded as one frame and as a group: what is accepted
 * must encode to the same bytes again, since the format leaves no choice. Then they are one or two
 * segment files on a simulated disk, with checksums mended if the first byte says so, and are read,
 * salvaged, cut and read again: numbers are consecutive, every loop ends, and after the cut the
 * same frames are there and the end is clean.
 */
#include "base/assert.h"
#include "os/crc32c.h"
#include "persist/le.h"
#include "persist/wal_reader.h"
#include "support/sim_disk.h"

#include <stdlib.h>

enum { CONTROL_BYTES = 4, MEND = 1, TWO = 2, CRC_AT = 4, HEADER_CRC_AT = 60 };

#define NOW_MS INT64_C(1735689600123)

/* ---- frames and groups ---- */

static void
check_frame(const uint8_t *data, size_t len)
{
    struct wal_frame frame;
    uint32_t need = 0;
    enum wal_decode d = wal_frame_decode(data, len, &frame, &need);
    ASSERT((d == WAL_BAD) == (wal_frame_problem(data, len) != NULL));
    ASSERT(d != WAL_NEED_MORE || (need > len && need <= WAL_FRAME_MAX_BYTES));
    if (d != WAL_FRAME)
        return;
    ASSERT(frame.bytes <= len && wal_frame_bytes(&frame.op) == frame.bytes);
    unsigned char *again = malloc(frame.bytes);
    ASSERT(again);
    wal_frame_encode(&frame.op, frame.lsn, again);
    ASSERT(memcmp(again, data, frame.bytes) == 0);
    free(again);
}

static void
check_group(const uint8_t *data, size_t len)
{
    size_t at = 0, before = 0;
    struct wal_op op;
    unsigned char *again = malloc(len + 1);
    ASSERT(again);
    while (wal_op_next(attl_b(data, len), &at, &op)) {
        ASSERT(at > before && at <= len && wal_op_bytes(&op) == at - before);
        wal_op_encode(&op, again);
        ASSERT(memcmp(again, data + before, at - before) == 0);
        before = at;
    }
    ASSERT(at == before);
    free(again);
}

/* ---- segments ---- */

/* Gives the header and everything that could be a frame the checksum it should have. */
static void
mend(unsigned char *bytes, size_t len)
{
    if (len < WAL_SEGMENT_HEADER_BYTES)
        return;
    le_put_u32(bytes + HEADER_CRC_AT, crc32c(0, bytes, HEADER_CRC_AT));
    for (size_t at = WAL_SEGMENT_HEADER_BYTES; at + WAL_FRAME_HEADER_BYTES <= len;) {
        uint32_t frame = le_get_u32(bytes + at);
        if (frame < WAL_FRAME_HEADER_BYTES || frame > len - at) {
            at += WAL_FRAME_ALIGN;
            continue;
        }
        le_put_u32(bytes + at + CRC_AT, crc32c(0, bytes + at + 8, frame - 8));
        at += (frame + 7) & ~7u;
    }
}

static void
put_segment(struct sim_disk *sim, const uint8_t *data, size_t len, uint64_t lsn, bool mended)
{
    char name[SEGMENT_NAME_MAX];
    unsigned char *copy = malloc(len + 1);
    ASSERT(copy);
    if (len)
        memcpy(copy, data, len);
    if (mended)
        mend(copy, len);
    segment_name(lsn, name);
    sim_disk_put(sim, name, copy, len);
    free(copy);
}

/* Reads up to the end; the number of frames. */
static uint64_t
read_frames(struct wal_reader *r, uint64_t *ret_lsn)
{
    struct wal_frame frame;
    uint64_t frames = 0;
    for (; wal_reader_next(r, &frame); frames++) {
        ASSERT(frames == 0 || frame.lsn == *ret_lsn + 1);
        ASSERT(wal_frame_bytes(&frame.op) == frame.bytes);
        *ret_lsn = frame.lsn;
    }
    return frames;
}

/* The same over all damage; the verdict of the first end. */
static uint64_t
read_log(struct sim_disk *sim, struct wal_verdict *ret)
{
    attl_allocator alloc = alloc_default();
    struct wal_reader *r;
    ASSERT(wal_reader_open(sim_disk_table(sim), &alloc, 0, &r) == 0);
    uint64_t last = 0, frames = read_frames(r, &last);
    *ret = *wal_reader_verdict(r);
    ASSERT(ret->end <= WAL_END_DAMAGED);
    ASSERT(frames == 0 || ret->next_lsn == last + 1);
    while (wal_reader_skip_damage(r)) {
        uint64_t end = last;
        ASSERT(read_frames(r, &last) > 0 && last > end);
    }
    wal_reader_close(&r);
    return frames;
}

static void
check_log(const uint8_t *control, const uint8_t *data, size_t len)
{
    struct sim_disk *sim = sim_disk_new(1);
    ASSERT(sim);
    size_t first = len;
    if (control[0] & TWO)
        first = len * control[1] / 255;
    put_segment(sim, data, first, control[2], control[0] & MEND);
    if (first < len && control[3] > control[2])
        put_segment(sim, data + first, len - first, control[3], control[0] & MEND);
    struct wal_verdict before, after;
    uint64_t frames = read_log(sim, &before);
    attl_allocator alloc = alloc_default();
    ASSERT(wal_cut(sim_disk_table(sim), &alloc, &before, NOW_MS) == 0);
    ASSERT(read_log(sim, &after) == frames);
    ASSERT(after.end == WAL_END_CLEAN);
    ASSERT(frames == 0 || after.next_lsn == before.next_lsn);
    sim_disk_free(&sim);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < CONTROL_BYTES)
        return 0;
    check_frame(data + CONTROL_BYTES, size - CONTROL_BYTES);
    check_group(data + CONTROL_BYTES, size - CONTROL_BYTES);
    check_log(data, data + CONTROL_BYTES, size - CONTROL_BYTES);
    return 0;
}
