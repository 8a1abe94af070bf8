/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What recovery needs is the newest valid snapshot and the log from the segment on in which its cut
 * lies; everything before that is history, kept for rolling back. History is walked from its old
 * end by LSN, not by time, because clocks jump: a segment comes up when the next one begins, so
 * after the snapshots that could still use it and before those that cannot. The same walk serves
 * the budget and the removal. The decision reads only its arguments; nothing is locked, since the
 * caller alone knows the list, and a name is removed only if its first bytes are ours.
 */
#include "persist/retention.h"

#include "base/assert.h"

#include <errno.h>
#include <string.h>

/* The files of one kind, as indices of the list. */
struct run {
    size_t first, end;
};

static struct run
run_of(const struct store_list *l, enum store_kind kind)
{
    size_t len;
    const struct store_file *files = store_list_of(l, kind, &len);
    size_t first = len == 0 ? 0 : (size_t)(files - l->files);
    return (struct run){ first, first + len };
}

/* Segments and snapshots together, from the old end. */
struct walk {
    const struct store_list *list;
    struct run wal, snapshots;
};

static struct walk
walk_start(const struct store_list *l)
{
    return (struct walk){ l, run_of(l, STORE_WAL), run_of(l, STORE_SNAPSHOT) };
}

/* The next file; false at the end. The last segment ends nowhere. */
static bool
walk_next(struct walk *w, size_t *ret_file)
{
    const struct store_file *files = w->list->files;
    if (w->wal.first == w->wal.end && w->snapshots.first == w->snapshots.end)
        return false;
    bool is_wal = w->snapshots.first == w->snapshots.end;
    if (!is_wal && w->wal.first + 1 < w->wal.end)
        is_wal = files[w->wal.first + 1].lsn <= files[w->snapshots.first].lsn;
    *ret_file = is_wal ? w->wal.first++ : w->snapshots.first++;
    return true;
}

static bool
goes(const struct retention_verdict *v)
{
    return v->reason > RETENTION_NEEDED;
}

/* Whether a file of that time is as old as `ttl_ms`. What lies in the future is young. */
static bool
is_old(int64_t created_ms, int64_t ttl_ms, int64_t now_ms)
{
    if (created_ms < 0)
        created_ms = 0; /* a time of a file may be anything; the difference must not overflow */
    return ttl_ms > 0 && created_ms <= now_ms && now_ms - created_ms >= ttl_ms;
}

static void
judge_temporary(const struct store_list *l, const struct retention_rules *rules, int64_t now_ms,
                struct retention_verdict *verdicts)
{
    struct run run = run_of(l, STORE_TEMPORARY);
    for (size_t i = run.first; i < run.end; i++) {
        const struct store_file *f = &l->files[i];
        if (strcmp(f->name, SEGMENT_NEXT_NAME) == 0)
            continue; /* the flusher's, which replaces or reuses it; there is never more than one */
        if (rules->nothing_in_use || is_old(f->created_ms, RETENTION_TEMPORARY_MS, now_ms))
            verdicts[i].reason = RETENTION_LEFTOVER;
    }
}

static void
judge_snapshots(const struct store_list *l, size_t newest_valid,
                const struct retention_rules *rules, int64_t now_ms,
                struct retention_verdict *verdicts)
{
    struct run run = run_of(l, STORE_SNAPSHOT);
    verdicts[newest_valid].reason = RETENTION_NEEDED;
    for (size_t i = run.first; i < newest_valid; i++) {
        if (rules->emergency)
            verdicts[i].reason = RETENTION_EMERGENCY;
        else if (rules->snapshots_max > 0 && newest_valid - i >= rules->snapshots_max)
            verdicts[i].reason = RETENTION_COUNT;
        else if (is_old(l->files[i].created_ms, rules->snapshot_ttl_ms, now_ms))
            verdicts[i].reason = RETENTION_AGE;
    }
}

/* The first segment that must stay: the one with `cut_lsn` in it, or the one being written. */
static size_t
first_needed(const struct store_list *l, struct run wal, uint64_t cut_lsn, uint64_t open_lsn)
{
    size_t needed = wal.first;
    for (size_t i = wal.first; i < wal.end; i++)
        if (l->files[i].lsn <= cut_lsn && l->files[i].lsn <= open_lsn)
            needed = i;
    return needed;
}

/* `needed`: the first that must stay. Age counts only from the old end on: behind a segment that
 * stays for being young, all stay. */
static void
judge_segments(const struct store_list *l, size_t needed, const struct retention_rules *rules,
               int64_t now_ms, struct retention_verdict *verdicts)
{
    struct run wal = run_of(l, STORE_WAL);
    bool from_old_end = true;
    for (size_t i = wal.first; i < wal.end; i++) {
        if (i >= needed) {
            verdicts[i].reason = RETENTION_NEEDED;
            continue;
        }
        from_old_end = from_old_end && is_old(l->files[i].created_ms, rules->wal_ttl_ms, now_ms);
        if (rules->emergency)
            verdicts[i].reason = RETENTION_EMERGENCY;
        else if (from_old_end)
            verdicts[i].reason = RETENTION_AGE;
    }
}

static void
judge_asides(const struct store_list *l, const struct retention_rules *rules, int64_t now_ms,
             struct retention_verdict *verdicts)
{
    struct run run = run_of(l, STORE_ASIDE);
    for (size_t i = run.first; i < run.end; i++) {
        if (rules->emergency)
            verdicts[i].reason = RETENTION_EMERGENCY;
        else if (is_old(l->files[i].created_ms, rules->aside_ttl_ms, now_ms))
            verdicts[i].reason = RETENTION_AGE;
    }
}

/* What the budget takes, if `f` may go and has not been condemned before; what is left over. */
static uint64_t
judge_budget(const struct store_file *f, uint64_t left_bytes, uint64_t budget,
             struct retention_verdict *v)
{
    if (left_bytes <= budget || v->reason != RETENTION_KEEP)
        return left_bytes;
    v->reason = RETENTION_BUDGET;
    return left_bytes - f->bytes;
}

/* `newest_valid`: snapshots behind it are not known to be bad. */
static void
judge_by_budget(const struct store_list *l, size_t newest_valid, uint64_t budget,
                struct retention_verdict *verdicts)
{
    struct walk walk = walk_start(l);
    struct run asides = run_of(l, STORE_ASIDE);
    uint64_t left_bytes = l->total_bytes;
    size_t i;
    for (i = 0; i < l->len; i++)
        left_bytes -= goes(&verdicts[i]) ? l->files[i].bytes : 0;
    while (left_bytes > budget && walk_next(&walk, &i))
        if (l->files[i].kind == STORE_WAL || i < newest_valid)
            left_bytes = judge_budget(&l->files[i], left_bytes, budget, &verdicts[i]);
    for (i = asides.first; i < asides.end; i++)
        left_bytes = judge_budget(&l->files[i], left_bytes, budget, &verdicts[i]);
}

void
retention_decide(const struct store_list *l, size_t newest_valid, uint64_t open_lsn,
                 const struct retention_rules *rules, int64_t now_ms,
                 struct retention_verdict *verdicts)
{
    struct run wal = run_of(l, STORE_WAL), snapshots = run_of(l, STORE_SNAPSHOT);
    for (size_t i = 0; i < l->len; i++)
        verdicts[i] = (struct retention_verdict){ i, RETENTION_KEEP };
    judge_temporary(l, rules, now_ms, verdicts);
    if (newest_valid == SIZE_MAX) {
        for (size_t i = wal.first; i < wal.end; i++)
            verdicts[i].reason = RETENTION_NEEDED;
        return;
    }
    ASSERT(newest_valid >= snapshots.first && newest_valid < snapshots.end);
    size_t needed = first_needed(l, wal, l->files[newest_valid].lsn, open_lsn);
    judge_snapshots(l, newest_valid, rules, now_ms, verdicts);
    judge_segments(l, needed, rules, now_ms, verdicts);
    judge_asides(l, rules, now_ms, verdicts);
    if (rules->disk_budget > 0)
        judge_by_budget(l, newest_valid, rules->disk_budget, verdicts);
}

/* ---- removing ---- */

struct removal {
    struct disk *disk;
    const struct store_list *list;
    const struct retention_verdict *verdicts;
    size_t left; /* how many more may be removed */
    int64_t removed;
    uint64_t freed_bytes;
    int error;         /* the first one */
    bool log_is_stuck; /* an older segment could not be removed */
};

/* 1 if the file begins as ours do, 0 if it is a stranger or gone, or a negative errno. */
static int
has_magic(struct disk *d, const struct store_file *f)
{
    static const char wal[] = "ATTLWAL1", snapshot[] = "ATTLSNAP";
    char got[sizeof wal - 1];
    struct disk_file *file;
    int rc = d->ops->open(d, f->name, DISK_READ, &file);
    if (rc != 0)
        return rc == -ENOENT || rc == -ELOOP || rc == -EINVAL ? 0 : rc;
    rc = disk_read_exact(d, file, got, sizeof got, 0);
    (void)d->ops->close(d, file); /* it was only read */
    if (rc != 0)
        return rc == -ENODATA ? 0 : rc;
    return memcmp(got, f->kind == STORE_WAL ? wal : snapshot, sizeof got) == 0;
}

static void
remove_one(struct removal *r, size_t index)
{
    const struct store_file *f = &r->list->files[index];
    bool is_wal = f->kind == STORE_WAL;
    if (r->left == 0 || !goes(&r->verdicts[index]) || (is_wal && r->log_is_stuck))
        return;
    int rc = is_wal || f->kind == STORE_SNAPSHOT ? has_magic(r->disk, f) : 1;
    if (rc == 0)
        return;
    if (rc > 0)
        rc = r->disk->ops->remove(r->disk, f->name);
    if (rc == -ENOENT)
        return; /* somebody was faster, or this is a second attempt over an old list */
    if (rc != 0) {
        r->error = r->error == 0 ? rc : r->error;
        r->log_is_stuck = r->log_is_stuck || is_wal;
        return;
    }
    r->left--;
    r->removed++;
    r->freed_bytes += f->bytes;
}

int64_t
retention_apply(struct disk *d, const struct store_list *l,
                const struct retention_verdict *verdicts, size_t max_files, uint64_t *ret_bytes)
{
    struct removal r = { .disk = d, .list = l, .verdicts = verdicts, .left = max_files };
    struct walk walk = walk_start(l);
    struct run temporary = run_of(l, STORE_TEMPORARY), asides = run_of(l, STORE_ASIDE);
    size_t i;
    for (i = temporary.first; i < temporary.end; i++)
        remove_one(&r, i);
    while (walk_next(&walk, &i))
        remove_one(&r, i);
    for (i = asides.first; i < asides.end; i++)
        remove_one(&r, i);
    if (r.removed > 0) {
        int rc = d->ops->sync_dir(d);
        r.error = r.error == 0 ? rc : r.error;
    }
    if (r.error != 0)
        return r.error;
    *ret_bytes = r.freed_bytes;
    return r.removed;
}

const char *
retention_reason_text(enum retention_reason reason)
{
    switch (reason) {
    case RETENTION_KEEP: return "kept";
    case RETENTION_NEEDED: return "needed";
    case RETENTION_AGE: return "age";
    case RETENTION_COUNT: return "count";
    case RETENTION_BUDGET: return "budget";
    case RETENTION_EMERGENCY: return "emergency";
    case RETENTION_LEFTOVER: return "leftover";
    }
    return "unknown";
}
