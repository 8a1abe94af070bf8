/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The search takes a place for a frame only if header, number and checksum agree: the number must
 * be above those found before it in the file, and no larger than the file has room for. While the
 * search knows where a frame begins, because the one before it was good, a frame whose body alone
 * is damaged is stepped over as a whole: so values, which clients choose, are not searched for
 * frames as long as that can be avoided. Bodies that fail their checksum are paid for from a
 * budget, so that no contents of a file make the search quadratic. The invariant: whatever is found
 * lies behind the end that was asked about. No state outlives a call.
 */
#include "persist/wal_behind.h"

#include "persist/le.h"

enum {
    STEP_BYTES = WAL_FRAME_ALIGN,
    FRAME_LSN_AT = 8,
    BUDGET_FILES = 4,        /* so many times its size may be checksummed in vain in one file */
    SMALL_FRAME_BYTES = 4096 /* shorter frames, marks above all, are looked at even then */
};

struct search {
    struct wal_behind *b;
    struct wal_window *w;
    size_t segment;
    uint64_t ceiling;    /* a file of this size has no higher LSN */
    uint64_t last_lsn;   /* found last in this file */
    uint64_t synced_lsn; /* a frame with this LSN begins exactly here, if any does; 0: unknown */
    uint64_t budget_bytes;
    bool testimony; /* marks count */
};

static void
note_frame(struct search *s, const struct wal_frame *frame, uint64_t at)
{
    struct wal_behind *b = s->b;
    struct wal_mark mark;
    if (b->first_lsn == 0) {
        b->first_segment = s->segment;
        b->first_offset = at;
        b->first_lsn = frame->lsn;
    }
    b->frames++;
    b->last_lsn = frame->lsn > b->last_lsn ? frame->lsn : b->last_lsn;
    s->last_lsn = frame->lsn;
    if (!s->testimony || frame->op.kind != WAL_MARK || !wal_mark_decode(frame->op.value, &mark))
        return;
    /* A mark knows nothing of the future. */
    if (mark.durable_lsn <= frame->lsn && mark.durable_lsn > b->durable_lsn)
        b->durable_lsn = mark.durable_lsn;
}

static bool
plausible(const struct search *s, uint64_t lsn)
{
    return lsn >= s->b->lsn && lsn > s->last_lsn && lsn <= s->ceiling;
}

/*
 * At a frame header that is consistent in itself, of a frame of `bytes` bytes. How far to go on, or
 * a negative errno.
 */
static int64_t
try_frame(struct search *s, uint64_t at, uint64_t lsn, uint32_t bytes)
{
    bool synced = lsn == s->synced_lsn;
    s->synced_lsn = 0;
    if (!plausible(s, lsn) || bytes > s->w->file_bytes - at ||
        (!synced && bytes > SMALL_FRAME_BYTES && bytes > s->budget_bytes))
        return STEP_BYTES;
    const unsigned char *in;
    size_t len;
    int rc = wal_window_get(s->w, at, bytes, &in, &len);
    if (rc < 0)
        return rc;
    struct wal_frame frame;
    uint32_t need;
    bool good = wal_frame_decode(in, len, &frame, &need) == WAL_FRAME;
    if (good)
        note_frame(s, &frame, at);
    if (good || synced) {
        s->synced_lsn = lsn + 1;
        return bytes;
    }
    s->budget_bytes -= bytes < s->budget_bytes ? bytes : s->budget_bytes;
    return STEP_BYTES;
}

/* How many whole steps of zeros `in` begins with. */
static size_t
zero_steps(const unsigned char *in, size_t len)
{
    size_t n = 0;
    while (n + STEP_BYTES <= len && le_get_u64(in + n) == 0)
        n += STEP_BYTES;
    return n;
}

/* Looks at one place. How far to go on, or a negative errno. */
static int64_t
search_step(struct search *s, uint64_t at)
{
    uint64_t left = s->w->file_bytes - at;
    const unsigned char *in;
    size_t len;
    int rc = wal_window_get(s->w, at, left < STEP_BYTES ? (size_t)left : STEP_BYTES, &in, &len);
    if (rc < 0)
        return rc;
    size_t zeros = zero_steps(in, len);
    if (zeros > 0) {
        s->synced_lsn = 0;
        return (int64_t)zeros;
    }
    for (size_t i = 0; i < len && i < STEP_BYTES; i++)
        s->b->remains |= in[i] != 0;
    if (left < WAL_FRAME_HEADER_BYTES)
        return STEP_BYTES;
    rc = wal_window_get(s->w, at, WAL_FRAME_HEADER_BYTES, &in, &len);
    if (rc < 0)
        return rc;
    struct wal_frame frame;
    uint32_t bytes;
    enum wal_decode d = wal_frame_decode(in, WAL_FRAME_HEADER_BYTES, &frame, &bytes);
    if (d == WAL_NEED_MORE || d == WAL_FRAME)
        return try_frame(s, at, le_get_u64(in + FRAME_LSN_AT), bytes);
    s->synced_lsn = 0;
    return STEP_BYTES;
}

static int
search_file(struct search *s, uint64_t at, uint64_t synced_lsn)
{
    uint64_t bytes = s->w->file_bytes;
    s->ceiling = s->b->segments[s->segment].lsn + bytes / WAL_FRAME_HEADER_BYTES;
    s->last_lsn = 0;
    s->synced_lsn = synced_lsn;
    s->budget_bytes = BUDGET_FILES * bytes;
    s->b->failed_segment = s->segment;
    while (at < bytes) {
        int64_t step = search_step(s, at);
        if (step < 0)
            return (int)step;
        at += (uint64_t)step;
    }
    return 0;
}

/* A segment behind the one in which the log ended. */
static int
search_later(struct search *s, const attl_allocator *alloc)
{
    struct wal_behind *b = s->b;
    const struct store_file *file = &b->segments[s->segment];
    struct wal_segment_header header;
    const char *problem = NULL;
    struct disk *d = s->w->disk;
    b->failed_segment = s->segment;
    wal_window_close(s->w);
    int rc = wal_window_open(s->w, d, alloc, file->name);
    if (rc == 0)
        rc = wal_window_header(s->w, file->lsn, &header, &problem);
    if (rc < 0)
        return rc;
    if (s->segment == b->segment + 1)
        b->next_problem = problem;
    b->newer |= header.version > WAL_VERSION;
    if (!problem && header.gap) {
        b->gap_lsn = b->gap_lsn ? b->gap_lsn : file->lsn;
        s->testimony = false; /* its marks know nothing of the frames before the gap */
    }
    bool remains = b->remains;
    rc = search_file(s, problem ? 0 : WAL_SEGMENT_HEADER_BYTES, problem ? 0 : file->lsn);
    if (b->gap_lsn > 0)
        b->remains = remains;
    else if (file->lsn > b->lsn)
        b->remains = true; /* even if it is empty: there were changes in between */
    return rc;
}

int
wal_behind_search(struct wal_behind *b, struct wal_window *w)
{
    struct search s = { .b = b, .w = w, .segment = b->segment, .testimony = true };
    attl_allocator alloc = w->alloc;
    int rc = search_file(&s, b->offset, b->lsn);
    while (rc == 0 && ++s.segment < b->segments_len)
        rc = search_later(&s, &alloc);
    return rc;
}
