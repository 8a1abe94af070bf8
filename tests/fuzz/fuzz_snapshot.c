/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzing the reader of snapshots. The first byte says whether the checksums are made right first,
 * without which hardly anything but checksums would be tested; the rest is the file. Whatever it
 * is, the reader ends, its entries are such as a snapshot may hold and lie in the block, two
 * readings agree, and the memory it takes follows the length of the file.
 */
#include "base/assert.h"
#include "os/crc32c.h"
#include "persist/snapshot_format.h"
#include "support/sim_disk.h"
#include "support/snapshot_sample.h"

#include <stdlib.h>

enum { MAKE_RIGHT = 1, SLACK_BYTES = 4 << 20 };

struct outcome {
    enum snapshot_result opened, end;
    uint64_t entries;
    uint32_t digest;
};

static void
digest_block(struct outcome *o, struct snapshot_block *b)
{
    struct snapshot_entry e;
    uint64_t end = (uintptr_t)b->raw + b->raw_bytes;
    while (snapshot_block_next(b, &e)) {
        ASSERT(snapshot_entry_bytes(&e) > 0);
        ASSERT((uintptr_t)e.key.data >= (uintptr_t)b->raw);
        ASSERT((uintptr_t)e.value.data + e.value.len <= end);
        o->digest = crc32c(o->digest, e.key.data, e.key.len);
        o->digest = crc32c(o->digest, e.value.data, e.value.len);
        o->entries++;
    }
    ASSERT(b->offset == b->raw_bytes);
}

static struct outcome
read_all(struct disk *d, const attl_allocator *alloc)
{
    struct outcome o = { .end = SNAPSHOT_END };
    struct snapshot_reader *r = NULL;
    struct snapshot_block b;
    char err[160] = "";
    o.opened = snapshot_reader_open(d, alloc, "file", &r, err, sizeof(err));
    if (o.opened != SNAPSHOT_OK) {
        ASSERT(r == NULL && err[0] != '\0');
        ASSERT(o.opened == SNAPSHOT_DAMAGED || o.opened == SNAPSHOT_NEWER);
        return o;
    }
    snapshot_block_init(&b);
    while ((o.end = snapshot_reader_next(r, &b)) == SNAPSHOT_OK)
        digest_block(&o, &b);
    ASSERT(o.end == SNAPSHOT_DAMAGED ||
           (o.end == SNAPSHOT_END && o.entries == snapshot_reader_meta(r)->entries));
    ASSERT(o.end == SNAPSHOT_END || snapshot_reader_problem(r)[0] != '\0');
    snapshot_block_fini(&b);
    snapshot_reader_close(&r);
    return o;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct sim_disk *sim = sim_disk_new(1);
    struct sample_alloc a;
    uint8_t *file = malloc(size);
    ASSERT(file);
    memcpy(file, data + 1, size - 1);
    if (data[0] & MAKE_RIGHT)
        sample_reseal(file, size - 1);
    sim_disk_put(sim, "file", file, size - 1);
    sample_alloc_init(&a);
    struct outcome one = read_all(sim_disk_table(sim), &a.hooks);
    struct outcome two = read_all(sim_disk_table(sim), &a.hooks);
    ASSERT(one.opened == two.opened && one.end == two.end);
    ASSERT(one.entries == two.entries && one.digest == two.digest);
    ASSERT(a.live_bytes == 0);
    ASSERT((uint64_t)a.peak_bytes <= SLACK_BYTES + size * (uint64_t)SNAPSHOT_RATIO_MAX);
    free(file);
    sim_disk_free(&sim);
    return 0;
}
