/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing a snapshot. Entries gather in a block; a full block is sealed with its checksum and goes
 * to the file in one piece of at least SNAPSHOT_BLOCK_BYTES. An entry as large as a block has one
 * of its own and is never copied: its value goes to the file from where it lies, or through the
 * packer, so that memory stays below 2 MiB whatever is written. Before the file gets its final name
 * all of it is read back: what a full or failing disk has kept from us must show now and not at
 * recovery. The writer belongs to one thread; only the count of bytes may be read by others.
 */
#include "persist/snapshot.h"

#include "base/assert.h"
#include "os/crc32c.h"
#include "os/zstd.h"
#include "persist/snapshot_format.h"
#include "persist/snapshot_readback.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

enum {
    ZSTD_LEVEL = 1, /* a snapshot competes with the server for the CPU */
    BLOCK_CAP_BYTES = 2 * SNAPSHOT_BLOCK_BYTES, /* nearly full, and the largest that shares      */
    WORTH_PACKING_SHARE = 16, /* less gained than this part is not worth unpacking */
};

struct snapshot_writer {
    struct disk *d;
    attl_allocator alloc;
    struct disk_file *file; /* NULL: not open */
    bool on_disk;           /* the temporary file is there, as far as we know */
    struct snapshot_meta meta;
    struct snapshot_trailer sum;
    struct zstd_packer *packer; /* NULL: blocks are stored as they are */
    int error;                  /* the first failure; nothing is written after one */
    char name[SEGMENT_NAME_MAX], temporary[SEGMENT_NAME_MAX];
    unsigned char *raw; /* the open block's entries: memory of its own if packed, else in `out` */
    size_t raw_bytes;
    uint32_t entries;
    unsigned char *out; /* what goes to the file next */
    size_t out_len, out_cap;
    _Atomic uint64_t written; /* bytes of the file before `out` */
};

/* ---- bytes on their way to the file --------------------------------------------------------- */

static uint64_t
written(const struct snapshot_writer *w)
{
    return atomic_load_explicit(&w->written, memory_order_relaxed);
}

static int
write_bytes(struct snapshot_writer *w, const void *data, size_t len)
{
    int r = w->d->ops->write(w->d, w->file, data, len, written(w));
    if (r == 0)
        atomic_store_explicit(&w->written, written(w) + len, memory_order_relaxed);
    return r;
}

static int
flush(struct snapshot_writer *w)
{
    int r = w->out_len > 0 ? write_bytes(w, w->out, w->out_len) : 0;
    if (r == 0)
        w->out_len = 0;
    return r;
}

/* Room for a block's header, and where its stored bytes go. */
static unsigned char *
begin_payload(struct snapshot_writer *w)
{
    ASSERT(w->out_len + SNAPSHOT_BLOCK_HEADER_BYTES + BLOCK_CAP_BYTES <= w->out_cap);
    return w->out + w->out_len + SNAPSHOT_BLOCK_HEADER_BYTES;
}

static void
add_zeros(struct snapshot_writer *w, size_t len)
{
    ASSERT(len <= w->out_cap - w->out_len);
    memset(w->out + w->out_len, 0, len);
    w->out_len += len;
}

/* Numbers the block, seals its header and counts it. */
static int
seal(struct snapshot_writer *w, struct snapshot_block_head *h, uint32_t payload_crc,
     unsigned char *head)
{
    if (w->sum.blocks > UINT32_MAX)
        return -EFBIG;
    h->index = (uint32_t)w->sum.blocks++;
    h->crc = snapshot_block_seal(h, payload_crc, head);
    w->sum.blocks_crc = crc32c(w->sum.blocks_crc, head, SNAPSHOT_BLOCK_HEADER_BYTES);
    return 0;
}

/* ---- blocks of many entries ----------------------------------------------------------------- */

/* Packs the open block to `to`. The bytes it has now; 0 if it is better stored as it is. */
static int64_t
pack_block(struct snapshot_writer *w, unsigned char *to)
{
    struct zstd_step s = {
        .in = w->raw,
        .in_bytes = w->raw_bytes,
        .out = to,
        .out_bytes = w->out_cap - (size_t)(to - w->out),
        .last = true,
    };
    int r = zstd_packer_begin(w->packer, w->raw_bytes);
    if (r == 0)
        r = zstd_packer_step(w->packer, &s);
    if (r < 0)
        return r;
    ASSERT(r == 1); /* there was room for the worst case */
    return s.out_used < w->raw_bytes - w->raw_bytes / WORTH_PACKING_SHARE ? (int64_t)s.out_used : 0;
}

static int
close_block(struct snapshot_writer *w)
{
    if (w->entries == 0)
        return 0;
    unsigned char *payload = begin_payload(w);
    struct snapshot_block_head h = {
        .stored_bytes = (uint32_t)w->raw_bytes,
        .raw_bytes = (uint32_t)w->raw_bytes,
        .entries = w->entries,
    };
    int64_t packed_bytes = w->packer ? pack_block(w, payload) : 0;
    if (packed_bytes < 0)
        return (int)packed_bytes;
    if (packed_bytes > 0) {
        h.stored_bytes = (uint32_t)packed_bytes;
        h.flags = SNAPSHOT_BLOCK_ZSTD;
    } else if (w->packer) {
        memcpy(payload, w->raw, w->raw_bytes);
    }
    w->out_len += SNAPSHOT_BLOCK_HEADER_BYTES + h.stored_bytes;
    add_zeros(w, snapshot_padding(h.stored_bytes));
    uint32_t crc = crc32c(0, payload, (size_t)snapshot_padded(h.stored_bytes));
    int r = seal(w, &h, crc, payload - SNAPSHOT_BLOCK_HEADER_BYTES);
    w->raw_bytes = 0;
    w->entries = 0;
    return r == 0 && w->out_len >= SNAPSHOT_BLOCK_BYTES ? flush(w) : r;
}

/* ---- a block of one large entry ------------------------------------------------------------- */

static int
store_large(struct snapshot_writer *w, const struct snapshot_entry *e, uint32_t bytes)
{
    struct snapshot_block_head h = { .stored_bytes = bytes, .raw_bytes = bytes, .entries = 1 };
    static const unsigned char zeros[SNAPSHOT_ALIGN];
    unsigned char *payload = begin_payload(w);
    size_t head_bytes = snapshot_entry_head(e, payload), padding = snapshot_padding(bytes);
    uint32_t crc = crc32c(crc32c(0, payload, head_bytes), e->value.data, e->value.len);
    int r = seal(w, &h, crc32c(crc, zeros, padding), payload - SNAPSHOT_BLOCK_HEADER_BYTES);
    w->out_len += SNAPSHOT_BLOCK_HEADER_BYTES + head_bytes;
    if (r == 0)
        r = flush(w);
    if (r == 0)
        r = write_bytes(w, e->value.data, e->value.len);
    if (r == 0)
        add_zeros(w, padding); /* go out with what follows */
    return r;
}

/* Packs `in` as the next part of the frame, writing whenever `out` is full. Adds to *crc and
 * *stored_bytes. */
static int
pack_part(struct snapshot_writer *w, attl_slice in, bool last, uint32_t *crc,
          uint64_t *stored_bytes)
{
    struct zstd_step s = { .in = in.data, .in_bytes = in.len, .last = last };
    int done = 0;
    while (done == 0) { /* each round fills `out`, and the frame is bounded by its input */
        s.out = w->out + w->out_len;
        s.out_bytes = w->out_cap - w->out_len;
        s.out_used = 0;
        done = zstd_packer_step(w->packer, &s);
        if (done < 0)
            return done;
        *crc = crc32c(*crc, s.out, s.out_used);
        *stored_bytes += s.out_used;
        w->out_len += s.out_used;
        int r = w->out_len >= SNAPSHOT_BLOCK_BYTES ? flush(w) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

/* The header is known only when all is packed; it is then put in front, on disk if need be. */
static int
pack_large(struct snapshot_writer *w, const struct snapshot_entry *e, uint32_t bytes)
{
    unsigned char head[SNAPSHOT_BLOCK_HEADER_BYTES];
    uint64_t head_at = written(w) + w->out_len, stored_bytes = 0;
    size_t entry_head_bytes = snapshot_entry_head(e, w->raw);
    uint32_t crc = 0;
    add_zeros(w, SNAPSHOT_BLOCK_HEADER_BYTES);
    int r = zstd_packer_begin(w->packer, bytes);
    if (r == 0)
        r = pack_part(w, attl_b(w->raw, entry_head_bytes), false, &crc, &stored_bytes);
    if (r == 0)
        r = pack_part(w, e->value, true, &crc, &stored_bytes);
    if (r < 0)
        return r;
    ASSERT(stored_bytes <= UINT32_MAX);
    struct snapshot_block_head h = {
        .stored_bytes = (uint32_t)stored_bytes,
        .raw_bytes = bytes,
        .entries = 1,
        .flags = SNAPSHOT_BLOCK_ZSTD,
    };
    size_t padding = snapshot_padding(h.stored_bytes);
    add_zeros(w, padding);
    r = seal(w, &h, crc32c(crc, w->out + w->out_len - padding, padding), head);
    if (r == 0 && head_at >= written(w))
        memcpy(w->out + (head_at - written(w)), head, sizeof(head));
    else if (r == 0)
        r = w->d->ops->write(w->d, w->file, head, sizeof(head), head_at);
    return r;
}

static int
add_large(struct snapshot_writer *w, const struct snapshot_entry *e, uint32_t bytes)
{
    int r = close_block(w);
    if (r == 0)
        r = w->packer ? pack_large(w, e, bytes) : store_large(w, e, bytes);
    return r == 0 && w->out_len >= SNAPSHOT_BLOCK_BYTES ? flush(w) : r;
}

/* ---- life ----------------------------------------------------------------------------------- */

static int
close_file(struct snapshot_writer *w)
{
    struct disk_file *f = w->file;
    w->file = NULL;
    return f ? w->d->ops->close(w->d, f) : 0;
}

/* Frees all but the file, which is closed, and removed if it is still there. NULL is allowed. */
static void
discard(struct snapshot_writer *w)
{
    if (!w)
        return;
    (void)close_file(w); /* it is not wanted any more */
    if (w->on_disk)
        (void)w->d->ops->remove(w->d, w->temporary); /* what is left says .tmp, and goes later */
    zstd_packer_close(&w->packer);
    alloc_free(&w->alloc, w->raw);
    alloc_free(&w->alloc, w->out);
    attl_allocator alloc = w->alloc;
    alloc_free(&alloc, w);
}

static int
allocate(struct snapshot_writer *w)
{
    size_t block_cap = BLOCK_CAP_BYTES;
    int r = w->meta.compressed ? zstd_packer_open(ZSTD_LEVEL, &w->packer) : 0;
    if (r < 0)
        return r;
    if (w->meta.compressed) {
        block_cap = zstd_packed_max_bytes(BLOCK_CAP_BYTES);
        w->raw = w->alloc.alloc(w->alloc.ud, BLOCK_CAP_BYTES);
    }
    /* A little less than a piece may wait in front of a block, and a trailer follow it. */
    w->out_cap = SNAPSHOT_BLOCK_BYTES + SNAPSHOT_BLOCK_HEADER_BYTES + block_cap + SNAPSHOT_ALIGN +
                 SNAPSHOT_TRAILER_BYTES;
    w->out = w->alloc.alloc(w->alloc.ud, w->out_cap);
    return w->out && (w->raw || !w->meta.compressed) ? 0 : -ENOMEM;
}

static int
create_file(struct snapshot_writer *w)
{
    snapshot_name(w->meta.cut_lsn, w->meta.created_ms, w->name);
    int n = snprintf(w->temporary, sizeof(w->temporary), "%s.tmp", w->name);
    ASSERT(n > 0 && (size_t)n < sizeof(w->temporary));
    int r = w->d->ops->open(w->d, w->temporary, DISK_CREATE, &w->file);
    if (r == -EEXIST) { /* of a run that is over */
        r = w->d->ops->remove(w->d, w->temporary);
        if (r == 0)
            r = w->d->ops->open(w->d, w->temporary, DISK_CREATE, &w->file);
    }
    w->on_disk = r == 0;
    return r;
}

int
snapshot_writer_open(struct disk *d, const attl_allocator *alloc, const struct snapshot_meta *meta,
                     struct snapshot_writer **ret_writer)
{
    ASSERT(meta->kind == SNAPSHOT_POINT_IN_TIME || meta->kind == SNAPSHOT_FUZZY);
    struct snapshot_writer *w = alloc_zero(alloc, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->d = d;
    w->alloc = *alloc;
    w->meta = *meta;
    w->meta.version = SNAPSHOT_VERSION;
    atomic_init(&w->written, 0);
    int r = allocate(w);
    if (r == 0)
        r = create_file(w);
    if (r < 0) {
        discard(w);
        return r;
    }
    w->sum.header_crc = snapshot_header_encode(&w->meta, w->out);
    w->out_len = SNAPSHOT_HEADER_BYTES;
    *ret_writer = w;
    return 0;
}

int
snapshot_writer_add(struct snapshot_writer *w, const struct snapshot_entry *e)
{
    if (w->error < 0)
        return w->error;
    uint64_t bytes = snapshot_entry_bytes(e);
    if (bytes == 0)
        return -EINVAL;
    w->sum.entries++;
    w->sum.raw_bytes += e->key.len + e->value.len;
    if (bytes >= SNAPSHOT_BLOCK_BYTES) {
        w->error = add_large(w, e, (uint32_t)bytes);
        return w->error;
    }
    unsigned char *block = w->packer ? w->raw : begin_payload(w);
    unsigned char *to = block + w->raw_bytes;
    to += snapshot_entry_head(e, to);
    if (e->value.len > 0)
        memcpy(to, e->value.data, e->value.len);
    w->raw_bytes += bytes;
    w->entries++;
    if (w->raw_bytes >= SNAPSHOT_BLOCK_BYTES)
        w->error = close_block(w);
    return w->error;
}

void
snapshot_writer_relax(struct snapshot_writer *w)
{
    w->meta.kind = SNAPSHOT_FUZZY; /* complete() writes the header again */
}

uint64_t
snapshot_writer_bytes(const struct snapshot_writer *w)
{
    return written(w);
}

/* The kind may have changed since the header was made, and most of the file be written. */
static int
renew_header(struct snapshot_writer *w)
{
    unsigned char header[SNAPSHOT_HEADER_BYTES];
    uint32_t crc = snapshot_header_encode(&w->meta, header);
    if (crc == w->sum.header_crc)
        return 0;
    w->sum.header_crc = crc;
    if (written(w) > 0)
        return w->d->ops->write(w->d, w->file, header, sizeof header, 0);
    memcpy(w->out, header, sizeof header);
    return 0;
}

/* The last block, the trailer and a sync. */
static int
complete(struct snapshot_writer *w, uint64_t end_lsn)
{
    int r = w->error < 0 ? w->error : close_block(w);
    if (r == 0)
        r = renew_header(w);
    if (r < 0)
        return r;
    w->sum.end_lsn = end_lsn;
    w->sum.file_bytes = written(w) + w->out_len + SNAPSHOT_TRAILER_BYTES;
    ASSERT(w->out_cap - w->out_len >= SNAPSHOT_TRAILER_BYTES);
    snapshot_trailer_encode(&w->sum, w->out + w->out_len);
    w->out_len += SNAPSHOT_TRAILER_BYTES;
    r = flush(w);
    return r < 0 ? r : w->d->ops->sync(w->d, w->file);
}

/* Gives the file its name, durably. If only the second part fails the name is taken back: the
 * caller is told that there is no snapshot. */
static int
publish(struct snapshot_writer *w)
{
    int r = w->d->ops->rename(w->d, w->temporary, w->name);
    if (r < 0)
        return r;
    w->on_disk = false;
    r = w->d->ops->sync_dir(w->d);
    if (r < 0)
        (void)w->d->ops->remove(w->d, w->name); /* it is whole: nothing is wrong if it stays */
    return r;
}

int
snapshot_writer_finish(struct snapshot_writer **w, uint64_t end_lsn, struct snapshot_meta *ret_meta,
                       char ret_name[SEGMENT_NAME_MAX])
{
    struct snapshot_writer *own = *w;
    *w = NULL;
    ASSERT(end_lsn >= own->meta.cut_lsn);
    ASSERT(own->meta.kind == SNAPSHOT_FUZZY || end_lsn == own->meta.cut_lsn);
    int r = complete(own, end_lsn);
    int closed = close_file(own);
    if (r == 0)
        r = closed;
    if (r == 0)
        r = snapshot_readback(own->d, own->temporary, &own->meta, &own->sum, own->out,
                              own->out_cap);
    if (r == 0)
        r = publish(own);
    if (r == 0) {
        *ret_meta = own->meta;
        ret_meta->end_lsn = end_lsn;
        ret_meta->entries = own->sum.entries;
        ret_meta->raw_bytes = own->sum.raw_bytes;
        ret_meta->file_bytes = own->sum.file_bytes;
        memcpy(ret_name, own->name, SEGMENT_NAME_MAX);
    }
    discard(own);
    return r;
}

void
snapshot_writer_close(struct snapshot_writer **w)
{
    discard(*w);
    *w = NULL;
}
