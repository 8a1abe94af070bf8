/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names are collected and put in order, then each file is read whole. A file with a segment's name
 * and without a good header fails the test at once: the writer promises that this cannot be.
 */
#include "log_scan.h"

#include "check.h"

#include <string.h>

enum { NAMES_MAX = 512 };

struct names {
    uint64_t lsn[NAMES_MAX];
    unsigned len;
};

struct scan {
    struct sim_disk *disk;
    struct names names;
    log_frame_fn fn;
    void *ud;
    struct log_end *end;
    bool behind_gap;
};

static void
collect(void *ud, const char *name, uint64_t bytes, int64_t modified_ms)
{
    struct names *n = ud;
    unsigned long long lsn;
    char tail[8] = "";
    (void)bytes;
    (void)modified_ms;
    if (sscanf(name, "wal-%16llx%7s", &lsn, tail) != 2 || strcmp(tail, ".attl") != 0)
        return;
    CHECK(n->len < NAMES_MAX, "%u segments", n->len);
    unsigned at = n->len++;
    for (; at > 0 && n->lsn[at - 1] > lsn; at--)
        n->lsn[at] = n->lsn[at - 1];
    n->lsn[at] = lsn;
}

/* Frames of a segment up to `limit`; false: the expected frame is not there. */
static void
scan_frames(struct scan *s, const unsigned char *data, size_t len, uint64_t limit)
{
    size_t at = WAL_SEGMENT_HEADER_BYTES;
    while (s->end->next_lsn < limit && at < len) {
        struct wal_frame frame;
        struct wal_mark mark;
        uint32_t need;
        if (wal_frame_decode(data + at, len - at, &frame, &need) != WAL_FRAME ||
            frame.lsn != s->end->next_lsn)
            return;
        at += frame.bytes;
        s->end->next_lsn++;
        if (frame.op.kind == WAL_MARK && wal_mark_decode(frame.op.value, &mark) &&
            mark.durable_lsn > s->end->marked_lsn)
            s->end->marked_lsn = mark.durable_lsn;
        s->fn(s->ud, &frame, s->behind_gap);
        s->behind_gap = false;
    }
}

/* False: the log has ended. */
static bool
scan_segment(struct scan *s, unsigned i)
{
    char name[64];
    size_t len;
    struct wal_segment_header h;
    uint64_t limit = i + 1 < s->names.len ? s->names.lsn[i + 1] : UINT64_MAX;
    (void)snprintf(name, sizeof(name), "wal-%016llx.attl", (unsigned long long)s->names.lsn[i]);
    unsigned char *data = sim_disk_get(s->disk, name, &len);
    CHECK(data && len >= WAL_SEGMENT_HEADER_BYTES && wal_segment_header_decode(data, &h),
          "%s has no header", name);
    CHECK(h.first_lsn == s->names.lsn[i], "%s begins with %" PRIu64, name, h.first_lsn);
    bool more = i == 0 || h.first_lsn <= s->end->next_lsn;
    if (i == 0) {
        s->end->first_lsn = s->end->next_lsn = h.first_lsn;
    } else if (h.first_lsn > s->end->next_lsn && h.gap) {
        s->end->next_lsn = h.first_lsn;
        s->end->gaps++;
        s->behind_gap = more = true;
    }
    if (more) {
        CHECK(h.first_lsn == s->end->next_lsn, "%s hides frames", name);
        s->end->segments++;
        s->end->flagged += h.gap;
        scan_frames(s, data, len, limit);
    }
    free(data);
    return more;
}

void
log_scan(struct sim_disk *disk, log_frame_fn fn, void *ud, struct log_end *ret)
{
    struct scan s = { .disk = disk, .fn = fn, .ud = ud, .end = ret };
    struct disk *d = sim_disk_table(disk);
    *ret = (struct log_end){ 0 };
    CHECK(d->ops->list(d, collect, &s.names) == 0, "the directory cannot be listed");
    for (unsigned i = 0; i < s.names.len; i++)
        if (!scan_segment(&s, i))
            break;
}
