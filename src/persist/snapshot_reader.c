/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a snapshot with any number of threads. Where a block begins is known only from the header
 * of the one before it, so headers are read in turn, under the lock, and summed up for the
 * comparison with the trailer; payloads are read, checked and unpacked outside of it. A disk's file
 * belongs to one thread at a time, so each call borrows an open file from a small stock. The first
 * failure stays: whoever asks later is told the same, because a snapshot with a hole is none.
 */
#include "persist/snapshot.h"

#include "base/assert.h"
#include "os/crc32c.h"
#include "os/lock.h"
#include "os/zstd.h"
#include "persist/snapshot_format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

enum {
    PROBLEM_BYTES = 160,
    FILES_MAX = 32,              /* open files in stock; further threads open and close */
    BLOCK_STEP_BYTES = 64 << 10, /* blocks differ by a few bytes: one piece of memory fits all */
    BLOCK_KEEP_BYTES = 2 << 20,  /* a block gives back what a large value had needed */
};

struct snapshot_reader {
    struct disk *d;
    attl_allocator alloc;
    char name[SEGMENT_NAME_MAX];
    struct snapshot_meta meta;
    struct snapshot_trailer trailer;
    _Atomic uint64_t bytes_done;
    struct lock lock; /* for all that follows */
    struct disk_file *files[FILES_MAX];
    unsigned files_len;
    uint64_t at;                    /* of the next block */
    struct snapshot_trailer chosen; /* sums over the headers of blocks handed out */
    uint64_t finished;              /* blocks read completely */
    uint64_t raw_bytes;             /* in them */
    enum snapshot_result failed;    /* SNAPSHOT_OK: not */
    uint64_t failed_at;             /* the block */
    char problem[PROBLEM_BYTES];
};

/* A failure on its way up. */
struct trouble {
    const char *what;
    int error; /* negative errno, or 0 */
};

static enum snapshot_result
trouble(struct trouble *t, enum snapshot_result result, const char *what, int error)
{
    *t = (struct trouble){ what, error };
    return result;
}

/* What a failed call of the disk means. A file that ends too early has changed under us. */
static enum snapshot_result
disk_trouble(struct trouble *t, int error)
{
    if (error == -ENOMEM)
        return trouble(t, SNAPSHOT_NOMEM, "out of memory", 0);
    if (error == -ENODATA)
        return trouble(t, SNAPSHOT_DAMAGED, "the file ends too early", 0);
    return trouble(t, SNAPSHOT_IO, "the disk failed", error);
}

static void __attribute__((format(printf, 3, 4)))
say(char *text, size_t len, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, len, format, args);
    va_end(args);
    if (n < 0 && len > 0)
        text[0] = '\0';
}

static void
say_trouble(char *text, size_t len, const struct trouble *t)
{
    if (t->error < 0)
        say(text, len, "%s (errno %d)", t->what, -t->error);
    else
        say(text, len, "%s", t->what);
}

/* ---- blocks --------------------------------------------------------------------------------- */

void
snapshot_block_init(struct snapshot_block *b)
{
    *b = (struct snapshot_block){ 0 };
}

void
snapshot_block_fini(struct snapshot_block *b)
{
    zstd_unpacker_close(&b->unpacker);
    if (b->alloc.free) { /* otherwise it was never filled */
        alloc_free(&b->alloc, b->raw);
        alloc_free(&b->alloc, b->packed);
    }
    snapshot_block_init(b);
}

/* Makes *p hold `need` bytes; what it held is lost. */
static bool
make_room(const attl_allocator *alloc, unsigned char **p, size_t *cap, size_t need)
{
    size_t want = (need / BLOCK_STEP_BYTES + 1) * BLOCK_STEP_BYTES;
    if (*p && *cap >= need && (*cap <= BLOCK_KEEP_BYTES || *cap == want))
        return true;
    alloc_free(alloc, *p);
    *p = alloc->alloc(alloc->ud, want);
    *cap = *p ? want : 0;
    return *p;
}

static enum snapshot_result
unpack(struct snapshot_block *b, const struct snapshot_block_head *h, struct trouble *t)
{
    int64_t raw_bytes = zstd_raw_bytes(b->packed, h->stored_bytes);
    if (raw_bytes < 0 || (uint64_t)raw_bytes != h->raw_bytes)
        return trouble(t, SNAPSHOT_DAMAGED, "it unpacks to another length", 0);
    int r = b->unpacker ? 0 : zstd_unpacker_open(&b->unpacker);
    if (r < 0 || !make_room(&b->alloc, &b->raw, &b->raw_cap, h->raw_bytes))
        return trouble(t, SNAPSHOT_NOMEM, "out of memory", 0);
    r = zstd_unpack(b->unpacker, b->packed, h->stored_bytes, b->raw, h->raw_bytes);
    if (r == -ENOMEM)
        return trouble(t, SNAPSHOT_NOMEM, "out of memory", 0);
    return r < 0 ? trouble(t, SNAPSHOT_DAMAGED, "it cannot be unpacked", 0) : SNAPSHOT_OK;
}

/* Reads the stored bytes of the block, which begin at `at`, and makes entries of them. */
static enum snapshot_result
fill(struct snapshot_reader *r, struct disk_file *f, const struct snapshot_block_head *h,
     uint64_t at, struct snapshot_block *b, struct trouble *t)
{
    bool packed = h->flags & SNAPSHOT_BLOCK_ZSTD;
    unsigned char **to = packed ? &b->packed : &b->raw;
    size_t len = (size_t)snapshot_padded(h->stored_bytes);
    if (!make_room(&b->alloc, to, packed ? &b->packed_cap : &b->raw_cap, len))
        return trouble(t, SNAPSHOT_NOMEM, "out of memory", 0);
    int error = disk_read_exact(r->d, f, *to, len, at);
    if (error < 0)
        return disk_trouble(t, error);
    if (!snapshot_block_check(h, *to))
        return trouble(t, SNAPSHOT_DAMAGED, "its checksum is wrong", 0);
    return packed ? unpack(b, h, t) : SNAPSHOT_OK;
}

bool
snapshot_block_next(struct snapshot_block *b, struct snapshot_entry *ret)
{
    size_t bytes;
    if (b->taken == b->entries)
        return false;
    bool ok = snapshot_entry_decode(b->raw + b->offset, b->raw_bytes - b->offset, ret, &bytes);
    ASSERT(ok); /* all of them were checked when the block was read */
    b->offset += bytes;
    b->taken++;
    return true;
}

/* ---- the stock of open files ---------------------------------------------------------------- */

static enum snapshot_result
borrow_file(struct snapshot_reader *r, struct disk_file **ret_file, struct trouble *t)
{
    struct disk_file *f = NULL;
    lock_acquire(&r->lock);
    if (r->files_len > 0)
        f = r->files[--r->files_len];
    lock_release(&r->lock);
    int error = f ? 0 : r->d->ops->open(r->d, r->name, DISK_READ, &f);
    if (error < 0)
        return disk_trouble(t, error);
    *ret_file = f;
    return SNAPSHOT_OK;
}

static void
return_file(struct snapshot_reader *r, struct disk_file *f)
{
    lock_acquire(&r->lock);
    bool kept = r->files_len < FILES_MAX;
    if (kept)
        r->files[r->files_len++] = f;
    lock_release(&r->lock);
    if (!kept)
        (void)r->d->ops->close(r->d, f); /* only read from */
}

/* ---- opening -------------------------------------------------------------------------------- */

static enum snapshot_result
read_ends(struct snapshot_reader *r, struct disk_file *f, struct trouble *t)
{
    unsigned char head[SNAPSHOT_HEADER_BYTES], tail[SNAPSHOT_TRAILER_BYTES];
    uint32_t crc = 0;
    int64_t bytes = r->d->ops->size(r->d, f);
    if (bytes < 0)
        return disk_trouble(t, (int)bytes);
    if (bytes < SNAPSHOT_HEADER_BYTES)
        return trouble(t, SNAPSHOT_DAMAGED, "it is shorter than a header", 0);
    int error = disk_read_exact(r->d, f, head, sizeof(head), 0);
    if (error < 0)
        return disk_trouble(t, error);
    enum snapshot_result result = snapshot_header_decode(head, &r->meta, &crc);
    if (result == SNAPSHOT_NEWER)
        return trouble(t, result, "a newer release wrote it", 0);
    if (result != SNAPSHOT_OK)
        return trouble(t, result, "its header is not that of a snapshot, or damaged", 0);
    if (bytes < SNAPSHOT_HEADER_BYTES + SNAPSHOT_TRAILER_BYTES)
        return trouble(t, SNAPSHOT_DAMAGED, "it is shorter than header and trailer", 0);
    error = disk_read_exact(r->d, f, tail, sizeof(tail), (uint64_t)bytes - sizeof(tail));
    if (error < 0)
        return disk_trouble(t, error);
    if (!snapshot_trailer_decode(tail, &r->meta, crc, (uint64_t)bytes, &r->trailer))
        return trouble(t, SNAPSHOT_DAMAGED, "its trailer is missing, of another file, or damaged",
                       0);
    if (r->meta.compressed && !zstd_supported())
        return trouble(t, SNAPSHOT_NEWER, "it is compressed, and this build has no zstd", 0);
    return SNAPSHOT_OK;
}

static void
begin_reading(struct snapshot_reader *r)
{
    r->meta.end_lsn = r->trailer.end_lsn;
    r->meta.entries = r->trailer.entries;
    r->meta.raw_bytes = r->trailer.raw_bytes;
    r->meta.file_bytes = r->trailer.file_bytes;
    r->at = SNAPSHOT_HEADER_BYTES;
    atomic_store_explicit(&r->bytes_done, SNAPSHOT_HEADER_BYTES + SNAPSHOT_TRAILER_BYTES,
                          memory_order_relaxed);
}

enum snapshot_result
snapshot_reader_open(struct disk *d, const attl_allocator *alloc, const char *name,
                     struct snapshot_reader **ret_reader, char *err, size_t err_len)
{
    struct trouble t = { "out of memory", 0 };
    struct disk_file *f;
    struct snapshot_reader *r = alloc_zero(alloc, sizeof(*r));
    if (!r) {
        say_trouble(err, err_len, &t);
        return SNAPSHOT_NOMEM;
    }
    ASSERT(strlen(name) < sizeof(r->name));
    memcpy(r->name, name, strlen(name));
    r->d = d;
    r->alloc = *alloc;
    lock_init(&r->lock);
    atomic_init(&r->bytes_done, 0);
    enum snapshot_result result = borrow_file(r, &f, &t);
    if (result == SNAPSHOT_OK) {
        result = read_ends(r, f, &t);
        return_file(r, f);
    }
    if (result != SNAPSHOT_OK) {
        say_trouble(err, err_len, &t);
        snapshot_reader_close(&r);
        return result;
    }
    begin_reading(r);
    *ret_reader = r;
    return SNAPSHOT_OK;
}

void
snapshot_reader_close(struct snapshot_reader **r)
{
    struct snapshot_reader *own = *r;
    *r = NULL;
    if (!own)
        return;
    while (own->files_len > 0)
        (void)own->d->ops->close(own->d, own->files[--own->files_len]); /* only read from */
    attl_allocator alloc = own->alloc;
    alloc_free(&alloc, own);
}

/* ---- reading -------------------------------------------------------------------------------- */

static enum snapshot_result
check_sums(const struct snapshot_reader *r, struct trouble *t)
{
    const struct snapshot_trailer *c = &r->chosen, *want = &r->trailer;
    bool same = c->blocks == want->blocks && c->entries == want->entries &&
                c->blocks_crc == want->blocks_crc;
    /* Whoever comes last sees the sum over all blocks. */
    if (r->finished == c->blocks && r->raw_bytes != want->raw_bytes)
        same = false;
    return same ? SNAPSHOT_END
                : trouble(t, SNAPSHOT_DAMAGED, "the blocks are not those of the trailer", 0);
}

/* Under the lock: the header of the next block, and where the block begins. */
static enum snapshot_result
choose(struct snapshot_reader *r, struct disk_file *f, struct snapshot_block_head *ret_head,
       uint64_t *ret_at, struct trouble *t)
{
    unsigned char head[SNAPSHOT_BLOCK_HEADER_BYTES];
    uint64_t left = r->trailer.file_bytes - SNAPSHOT_TRAILER_BYTES - r->at;
    *ret_at = r->at;
    if (r->failed != SNAPSHOT_OK)
        return r->failed;
    if (left == 0)
        return check_sums(r, t);
    if (left < sizeof(head))
        return trouble(t, SNAPSHOT_DAMAGED, "there is no room for a block", 0);
    int error = disk_read_exact(r->d, f, head, sizeof(head), r->at);
    if (error < 0)
        return disk_trouble(t, error);
    if (!snapshot_block_head_decode(head, r->meta.compressed, (uint32_t)r->chosen.blocks, left,
                                    ret_head))
        return trouble(t, SNAPSHOT_DAMAGED, "its header is wrong", 0);
    r->at += sizeof(head) + snapshot_padded(ret_head->stored_bytes);
    r->chosen.blocks++;
    r->chosen.entries += ret_head->entries;
    r->chosen.blocks_crc = crc32c(r->chosen.blocks_crc, head, sizeof(head));
    return SNAPSHOT_OK;
}

/* Accounts for a call that went as `result` says; what is returned to the caller. */
static enum snapshot_result
conclude(struct snapshot_reader *r, enum snapshot_result result, uint64_t at, uint64_t raw_bytes,
         const struct trouble *t)
{
    lock_acquire(&r->lock);
    if (result == SNAPSHOT_OK) {
        r->finished++;
        r->raw_bytes += raw_bytes;
    } else if (result != SNAPSHOT_END && r->failed == SNAPSHOT_OK) {
        char what[PROBLEM_BYTES / 2];
        say_trouble(what, sizeof(what), t);
        say(r->problem, sizeof(r->problem), "block at offset %" PRIu64 ": %s", at, what);
        r->failed = result;
        r->failed_at = at;
    }
    lock_release(&r->lock);
    return result;
}

enum snapshot_result
snapshot_reader_next(struct snapshot_reader *r, struct snapshot_block *b)
{
    struct snapshot_block_head h = { 0 };
    struct trouble t = { "", 0 };
    struct disk_file *f = NULL;
    uint64_t at = 0, raw_bytes = 0;
    if (!b->alloc.alloc)
        b->alloc = r->alloc;
    b->entries = b->taken = 0;
    enum snapshot_result result = borrow_file(r, &f, &t);
    if (result != SNAPSHOT_OK)
        return conclude(r, result, at, 0, &t);
    lock_acquire(&r->lock);
    result = choose(r, f, &h, &at, &t);
    lock_release(&r->lock);
    if (result == SNAPSHOT_OK)
        result = fill(r, f, &h, at + SNAPSHOT_BLOCK_HEADER_BYTES, b, &t);
    return_file(r, f);
    if (result == SNAPSHOT_OK &&
        !snapshot_entries_check(b->raw, h.raw_bytes, h.entries, &raw_bytes))
        result = trouble(&t, SNAPSHOT_DAMAGED, "its entries are wrong", 0);
    if (result == SNAPSHOT_OK) {
        b->entries = h.entries;
        b->raw_bytes = h.raw_bytes;
        b->offset = 0;
        atomic_fetch_add_explicit(&r->bytes_done,
                                  SNAPSHOT_BLOCK_HEADER_BYTES + snapshot_padded(h.stored_bytes),
                                  memory_order_relaxed);
    }
    return conclude(r, result, at, raw_bytes, &t);
}

const struct snapshot_meta *
snapshot_reader_meta(const struct snapshot_reader *r)
{
    return &r->meta;
}

const char *
snapshot_reader_problem(const struct snapshot_reader *r)
{
    return r->problem;
}

uint64_t
snapshot_reader_at(const struct snapshot_reader *r)
{
    return r->failed_at;
}

uint64_t
snapshot_reader_bytes_done(const struct snapshot_reader *r)
{
    return atomic_load_explicit(&r->bytes_done, memory_order_relaxed);
}

enum snapshot_result
snapshot_verify(struct disk *d, const attl_allocator *alloc, const char *name,
                struct snapshot_meta *ret_meta, char *err, size_t err_len)
{
    struct snapshot_reader *r;
    enum snapshot_result result = snapshot_reader_open(d, alloc, name, &r, err, err_len);
    if (result != SNAPSHOT_OK)
        return result;
    struct snapshot_block b;
    snapshot_block_init(&b);
    while ((result = snapshot_reader_next(r, &b)) == SNAPSHOT_OK) { /* as long as the file has */
    }
    snapshot_block_fini(&b);
    if (result == SNAPSHOT_END)
        *ret_meta = r->meta;
    else
        say(err, err_len, "%s", snapshot_reader_problem(r));
    snapshot_reader_close(&r);
    return result == SNAPSHOT_END ? SNAPSHOT_OK : result;
}
