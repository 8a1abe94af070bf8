/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader walks segment after segment. Where it reaches the LSN with which the next segment
 * begins, it changes over, even if the present one goes on: after a failed write or sync the
 * flusher writes frames anew to a fresh segment, which counts as soon as it has its first. The
 * invariant: the frames given out have consecutive LSNs, up to the end; what is behind the end is
 * searched for testimony (wal_behind.c), and only wal_reader_skip_damage() ever leads beyond it.
 * One thread at a time; the files are only read.
 */
#include "persist/wal_reader.h"

#include "base/assert.h"
#include "persist/wal_behind.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct wal_reader {
    struct disk *disk;
    attl_allocator alloc;
    struct store_list list;
    const struct store_file *segments; /* in `list` */
    size_t segments_len;
    uint64_t from_lsn;
    uint64_t total_bytes, done_bytes; /* done: of the segments behind us */

    size_t segment; /* the present one */
    bool entered;   /* its header is known */
    struct wal_window window;
    struct wal_segment_header header;
    uint64_t offset, lsn;  /* of the frame that comes next */
    uint64_t frame_offset; /* of the one given out last */
    uint64_t durable_lsn;  /* the highest any mark said so far */

    bool ended;
    struct wal_verdict verdict;
    struct wal_behind behind; /* of the end, if it has been searched */
};

/* The last segment that begins at or before `lsn`, else the first. */
static size_t
segment_for(const struct wal_reader *r, uint64_t lsn)
{
    size_t i = 0;
    while (i + 1 < r->segments_len && r->segments[i + 1].lsn <= lsn)
        i++;
    return i;
}

int
wal_reader_open(struct disk *d, const attl_allocator *alloc, uint64_t from_lsn,
                struct wal_reader **ret_reader)
{
    *ret_reader = NULL;
    struct wal_reader *r = alloc_zero(alloc, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->disk = d;
    r->alloc = *alloc;
    r->from_lsn = r->lsn = from_lsn > 0 ? from_lsn : 1;
    int rc = store_list_init(&r->list, &r->alloc, d);
    if (rc < 0) {
        wal_reader_close(&r);
        return rc;
    }
    r->segments = store_list_of(&r->list, STORE_WAL, &r->segments_len);
    if (r->segments_len > 0) {
        r->segment = segment_for(r, from_lsn);
        uint64_t first_lsn = r->segments[r->segment].lsn;
        r->lsn = first_lsn > 0 ? first_lsn : 1; /* no valid segment begins with 0, but a name may */
    }
    for (size_t i = r->segment; i < r->segments_len; i++)
        r->total_bytes += r->segments[i].bytes;
    *ret_reader = r;
    return 0;
}

void
wal_reader_close(struct wal_reader **r)
{
    if (!*r)
        return;
    attl_allocator alloc = (*r)->alloc;
    wal_window_close(&(*r)->window);
    store_list_fini(&(*r)->list);
    alloc_free(&alloc, *r);
    *r = NULL;
}

/* ---- the end ---- */

/* The place in the present segment, and what comes next. */
static void
end_here(struct wal_reader *r, enum wal_end end)
{
    struct wal_verdict *v = &r->verdict;
    *v = (struct wal_verdict){ .end = end, .offset = r->offset, .next_lsn = r->lsn };
    v->durable_lsn = r->durable_lsn;
    v->gap = r->header.gap && r->offset == WAL_SEGMENT_HEADER_BYTES;
    if (r->segments_len > 0)
        memcpy(v->name, r->segments[r->segment].name, sizeof v->name);
    r->ended = true;
}

/* The disk or the memory failed at segment `i`. */
static void
end_failed(struct wal_reader *r, size_t i, int error)
{
    const char *name = r->segments[i].name;
    end_here(r, error == -ENOMEM ? WAL_END_NOMEM : WAL_END_IO);
    r->behind.first_lsn = 0;
    r->behind.failed_segment = i;
    if (error == -ENOMEM) {
        (void)snprintf(r->verdict.reason, sizeof r->verdict.reason, "no memory to read %.40s",
                       name);
        return;
    }
    r->verdict.error = error;
    (void)snprintf(r->verdict.reason, sizeof r->verdict.reason,
                   "%.40s could not be read (errno %d)", name, -error);
}

/* Why an end without a bad frame is where it is. */
static void
explain_over(const struct wal_reader *r, char *out, size_t len)
{
    const struct wal_behind *b = &r->behind;
    const struct store_file *next = r->segment + 1 < r->segments_len ? &r->segments[r->segment + 1]
                                                                     : NULL;
    if (!b->remains && b->gap_lsn == 0)
        (void)snprintf(out, len, "the log ends at offset %" PRIu64, r->offset);
    else if (next && b->next_problem)
        (void)snprintf(out, len, "the next segment, %.40s, %s", next->name, b->next_problem);
    else if (next && b->gap_lsn == next->lsn)
        (void)snprintf(out, len, "changes from LSN %" PRIu64 " up to %" PRIu64 " were never logged",
                       r->lsn, next->lsn);
    else if (next && next->lsn > r->lsn)
        (void)snprintf(out, len, "LSN %" PRIu64 " is missing, the next segment begins at %" PRIu64,
                       r->lsn, next->lsn);
    else
        (void)snprintf(out, len,
                       "nothing was written at offset %" PRIu64 ", but something behind it",
                       r->offset);
}

/* Judges an end at the present place. Either the header or the frame there has a problem, or
 * neither, if nothing is there. */
static void
end_judged(struct wal_reader *r, const char *header_problem, const char *frame_problem)
{
    r->behind = (struct wal_behind){ .segments = r->segments,
                                     .segments_len = r->segments_len,
                                     .segment = r->segment,
                                     .offset = r->offset,
                                     .lsn = r->lsn };
    struct wal_behind *b = &r->behind;
    b->newer = r->header.version > WAL_VERSION;
    int rc = wal_behind_search(b, &r->window);
    if (rc < 0) {
        end_failed(r, b->failed_segment, rc);
        return;
    }
    bool lost = b->durable_lsn > r->lsn || b->newer;
    end_here(r, lost ? WAL_END_DAMAGED : b->remains ? WAL_END_TORN : WAL_END_CLEAN);
    struct wal_verdict *v = &r->verdict;
    v->lost_frames = b->frames;
    v->last_lsn = b->last_lsn;
    if (b->durable_lsn > v->durable_lsn)
        v->durable_lsn = b->durable_lsn;
    if (header_problem)
        (void)snprintf(v->reason, sizeof v->reason, "the segment %s", header_problem);
    else if (frame_problem)
        (void)snprintf(v->reason, sizeof v->reason,
                       "the %s of the frame at offset %" PRIu64 " is wrong", frame_problem,
                       r->offset);
    else
        explain_over(r, v->reason, sizeof v->reason);
    size_t len = strlen(v->reason);
    if (b->durable_lsn > r->lsn)
        (void)snprintf(v->reason + len, sizeof v->reason - len,
                       ", although all changes before LSN %" PRIu64 " were durable",
                       b->durable_lsn);
}

static void
end_without_segments(struct wal_reader *r)
{
    end_here(r, WAL_END_CLEAN);
    (void)snprintf(r->verdict.reason, sizeof r->verdict.reason, "there is no log");
}

/* ---- from frame to frame ---- */

/* Opens the present segment and reads its header. False if the log ends there. */
static bool
reader_enter(struct wal_reader *r)
{
    const struct store_file *file = &r->segments[r->segment];
    const char *problem = NULL;
    int rc = wal_window_open(&r->window, r->disk, &r->alloc, file->name);
    if (rc == 0)
        rc = wal_window_header(&r->window, file->lsn, &r->header, &problem);
    r->entered = true;
    if (rc < 0) {
        end_failed(r, r->segment, rc);
        return false;
    }
    if (problem) {
        end_judged(r, problem, NULL);
        return false;
    }
    r->offset = WAL_SEGMENT_HEADER_BYTES;
    return true;
}

/*
 * The next segment begins with the LSN that comes next. Changes over to it if its header and its
 * first frame are good and it does not stand behind a gap. 0 or a negative errno.
 */
static int
reader_change_over(struct wal_reader *r)
{
    const struct store_file *next = &r->segments[r->segment + 1];
    struct wal_window w;
    struct wal_segment_header header;
    struct wal_frame frame;
    const char *problem;
    int rc = wal_window_open(&w, r->disk, &r->alloc, next->name);
    if (rc < 0)
        return rc;
    rc = wal_window_header(&w, next->lsn, &header, &problem);
    if (rc < 0 || problem || header.gap)
        goto out;
    rc = wal_window_frame(&w, WAL_SEGMENT_HEADER_BYTES, r->lsn, &frame, &problem);
    if (rc != WAL_PLACE_FRAME)
        goto out;
    wal_window_close(&r->window);
    r->done_bytes += r->segments[r->segment].bytes;
    r->segment++;
    r->window = w;
    r->header = header;
    r->offset = WAL_SEGMENT_HEADER_BYTES;
    return 0;
out:
    wal_window_close(&w);
    return rc < 0 ? rc : 0;
}

/* The next good frame, whatever from_lsn says; false at the end. */
static bool
reader_step(struct wal_reader *r, struct wal_frame *ret_frame)
{
    if (!r->entered && !reader_enter(r))
        return false;
    size_t next = r->segment + 1;
    int rc = 0;
    if (next < r->segments_len && r->segments[next].lsn == r->lsn)
        rc = reader_change_over(r);
    if (rc < 0) {
        end_failed(r, next, rc);
        return false;
    }
    const char *problem = NULL;
    rc = wal_window_frame(&r->window, r->offset, r->lsn, ret_frame, &problem);
    if (rc < 0) {
        end_failed(r, r->segment, rc);
        return false;
    }
    if (rc != WAL_PLACE_FRAME) {
        end_judged(r, NULL, rc == WAL_PLACE_BAD ? problem : NULL);
        return false;
    }
    r->frame_offset = r->offset;
    r->offset += ret_frame->bytes;
    r->lsn++;
    return true;
}

bool
wal_reader_next(struct wal_reader *r, struct wal_frame *ret_frame)
{
    struct wal_mark mark;
    if (!r->ended && r->segments_len == 0)
        end_without_segments(r);
    while (!r->ended && reader_step(r, ret_frame)) {
        if (ret_frame->op.kind == WAL_MARK && wal_mark_decode(ret_frame->op.value, &mark) &&
            mark.durable_lsn <= ret_frame->lsn && mark.durable_lsn > r->durable_lsn)
            r->durable_lsn = mark.durable_lsn;
        if (ret_frame->lsn >= r->from_lsn)
            return true;
    }
    return false;
}

/* ---- behind the end ---- */

/* Searches the segments behind the one that could not be read; others may fail, too. */
static void
search_past_failure(struct wal_reader *r)
{
    struct wal_behind *b = &r->behind;
    int rc = -EIO;
    while (rc < 0 && rc != -ENOMEM && b->first_lsn == 0) {
        *b = (struct wal_behind){ .segments = r->segments,
                                  .segments_len = r->segments_len,
                                  .segment = b->failed_segment,
                                  .offset = UINT64_MAX, /* nothing of it */
                                  .lsn = r->lsn };
        rc = wal_behind_search(b, &r->window);
    }
}

bool
wal_reader_skip_damage(struct wal_reader *r)
{
    struct wal_behind *b = &r->behind;
    if (r->ended && r->verdict.end == WAL_END_IO)
        search_past_failure(r);
    if (!r->ended || b->first_lsn == 0)
        return false;
    for (; r->segment < b->first_segment; r->segment++)
        r->done_bytes += r->segments[r->segment].bytes;
    const struct store_file *file = &r->segments[r->segment];
    const char *problem; /* its frames are good, whatever its header is */
    wal_window_close(&r->window);
    int rc = wal_window_open(&r->window, r->disk, &r->alloc, file->name);
    if (rc == 0)
        rc = wal_window_header(&r->window, file->lsn, &r->header, &problem);
    if (rc < 0) {
        end_failed(r, r->segment, rc);
        return false;
    }
    r->entered = true;
    r->offset = b->first_offset;
    r->lsn = b->first_lsn;
    r->ended = false;
    b->first_lsn = 0;
    return true;
}

const struct wal_verdict *
wal_reader_verdict(const struct wal_reader *r)
{
    return &r->verdict;
}

void
wal_reader_progress(const struct wal_reader *r, uint64_t *ret_done, uint64_t *ret_total)
{
    *ret_done = r->ended ? r->total_bytes : r->done_bytes + r->offset;
    *ret_total = r->total_bytes;
}

void
wal_reader_place(const struct wal_reader *r, const char **ret_name, uint64_t *ret_offset,
                 bool *ret_gap)
{
    ASSERT(r->segments_len > 0);
    *ret_name = r->segments[r->segment].name;
    *ret_offset = r->frame_offset;
    *ret_gap = r->header.gap;
}
