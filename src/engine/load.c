/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recovery: the newest whole snapshot, then the log from its cut on. What comes out is always the
 * state after some prefix of the changes that were made, unless the operator has asked for more
 * (persist.recover = salvage). A snapshot that turns out to be damaged is set aside and the one
 * before it is used with a longer piece of the log; a log that ends in the remains of an
 * interrupted write is cut there; a log that lacks what had been durable is the operator's
 * decision, because it means that something promised is lost.
 */
#include "engine/replay.h"
#include "engine/store.h"

#include <stdarg.h>
#include <stdio.h>

enum { LSN_FIRST = 1, NS_PER_MS = 1000000 };

struct load {
    struct store *store;
    enum choice_recover recover;
    struct snapshot_meta base; /* of the snapshot that was loaded; cut_lsn LSN_FIRST: none */
    bool has_base;
    struct replay_sums sums;
    uint64_t frames, changes, bytes, lost;
    uint64_t next_lsn;
    bool gap, salvaged;
};

static int fail(struct load *l, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int
fail(struct load *l, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(l->store->problem, sizeof l->store->problem, format, args); /* cut is fine */
    va_end(args);
    return status;
}

/* ---- the snapshot ---------------------------------------------------------------------------- */

/*
 * Renames what was tried in vain. Only when all else has gone well, because a refusal alters
 * nothing; and before anything is written, because a snapshot whose log was given up would fit the
 * log again once that has grown past its end.
 */
static int
set_aside(struct load *l, const struct store_file *files, size_t from, size_t end)
{
    struct disk *d = l->store->disk;
    for (size_t i = from; i < end; i++) {
        char aside[SEGMENT_NAME_MAX];
        aside_name(engine_now_ms(l->store->a), files[i].name, aside);
        int error = d->ops->rename(d, files[i].name, aside);
        if (error == 0)
            error = d->ops->sync_dir(d);
        if (error)
            return fail(l, store_status(error), "%s cannot be renamed to %s: %s", files[i].name,
                        aside, strerror(-error));
        store_log(l->store, 2, "set_aside", "%s is kept as %s", files[i].name, aside);
        scrub_note_loaded(l->store, files[i].name, 0,
                          "a start could not use it: it is damaged, or the log it needs is; what "
                          "was loaded instead is %s and the log",
                          l->store->newest[0] ? l->store->newest : "no snapshot");
    }
    return ATTL_OK;
}

/* Nothing has been read yet. */
static void
start_over(struct load *l)
{
    cache_clear(&l->store->a->cache, NULL, NULL);
    *l = (struct load){ .store = l->store, .recover = l->recover };
    l->store->cuts_log = false;
    l->store->newest[0] = '\0';
}

/* Loads one snapshot. ATTL_DONE: it is damaged, and the cache is empty again. */
static int
load_snapshot(struct load *l, const struct store_file *f)
{
    struct store *s = l->store;
    struct snapshot_reader *reader;
    char err[256];
    enum snapshot_result result =
        snapshot_reader_open(s->disk, &s->alloc, f->name, &reader, err, sizeof err);
    if (result == SNAPSHOT_OK) {
        l->base = *snapshot_reader_meta(reader);
        result = replay_snapshot(s->a, reader, &s->load_done_bytes, &l->sums);
        if (result == SNAPSHOT_DAMAGED || result == SNAPSHOT_IO)
            (void)snprintf(err, sizeof err, "%s",
                           snapshot_reader_problem(reader)); /* cut is fine */
        snapshot_reader_close(&reader);
    }
    switch (result) {
    case SNAPSHOT_OK:
    case SNAPSHOT_END: break;
    case SNAPSHOT_NEWER:
        return fail(l, ATTL_E_UNSUPPORTED, "%s was written by a newer release: %s", f->name, err);
    case SNAPSHOT_IO: return fail(l, ATTL_E_IO, "%s cannot be read: %s", f->name, err);
    case SNAPSHOT_NOMEM: return fail(l, ATTL_E_NOMEM, "no memory to load %s", f->name);
    case SNAPSHOT_DAMAGED:
        store_log(s, 3, "snapshot_damaged", "%s is damaged (%s); the one before it is tried",
                  f->name, err);
        start_over(l);
        return ATTL_DONE;
    }
    l->has_base = true;
    (void)snprintf(s->newest, sizeof s->newest, "%s", f->name);
    return ATTL_OK;
}

/* The newest of the first *len that is whole; *len becomes the number before it. 0 and no base:
 * there is none. */
static int
load_newest(struct load *l, const struct store_file *files, size_t *len)
{
    int status = ATTL_DONE;
    while (status == ATTL_DONE && *len > 0)
        status = load_snapshot(l, &files[--*len]);
    return status == ATTL_DONE ? ATTL_OK : status;
}

/* ---- the log --------------------------------------------------------------------------------- */

static int
apply_op(struct load *l, struct replay *r, const struct wal_op *op)
{
    if (op->kind != WAL_CLEAR)
        return replay_op(r, op) ? ATTL_OK : ATTL_E_NOMEM;
    int status = replay_wait(r);
    cache_clear(&l->store->a->cache, NULL, NULL);
    return status;
}

static int
apply_frame(struct load *l, struct replay *r, const struct wal_frame *f)
{
    struct wal_op op;
    size_t offset = 0;
    int status = ATTL_OK;
    l->frames++;
    l->changes += f->op.kind != WAL_MARK && f->op.kind != WAL_NOTE;
    switch (f->op.kind) {
    case WAL_MARK:
    case WAL_NOTE: return ATTL_OK;
    case WAL_GROUP:
        while (status == ATTL_OK && wal_op_next(f->op.value, &offset, &op))
            status = apply_op(l, r, &op);
        return status;
    default: return apply_op(l, r, &f->op);
    }
}

/* Reads on to the end, or the next damage. */
static int
read_frames(struct load *l, struct wal_reader *reader, struct replay *r)
{
    struct store *s = l->store;
    struct wal_frame frame;
    int status = ATTL_OK;
    uint64_t before = atomic_load(&s->load_done_bytes);
    while (status == ATTL_OK && !atomic_load(&s->stopping) && wal_reader_next(reader, &frame)) {
        status = apply_frame(l, r, &frame);
        l->bytes += frame.bytes;
        l->next_lsn = frame.lsn + 1;
        if (l->frames % 1024 == 0)
            atomic_store(&s->load_done_bytes, before + l->bytes);
    }
    int applied = replay_wait(r);
    if (status == ATTL_OK)
        status = applied;
    if (status != ATTL_OK)
        return fail(l, status, "the log cannot be applied: %s", attl_strerror(status));
    /* Where reading was broken off the log does not end: it must not be cut there. */
    return atomic_load(&s->stopping) ? fail(l, ATTL_E_BUSY, "closed while loading") : ATTL_OK;
}

static int
refuse(struct load *l, const struct wal_verdict *v)
{
    return fail(l, ATTL_E_DAMAGED,
                "the log is damaged in %s at offset %llu (change %llu): %s. Behind it %llu changes "
                "can be read, up to %llu. Nothing was altered. Start with --recover=prefix to go "
                "on with what lies before the damage, or --recover=salvage with everything that "
                "can be read; the files are kept aside",
                v->name, (unsigned long long)v->offset, (unsigned long long)v->next_lsn, v->reason,
                (unsigned long long)v->lost_frames, (unsigned long long)v->last_lsn);
}

/* The log is to end here; it is cut when it is opened for writing. */
static int
end_here(struct load *l, const struct wal_verdict *v)
{
    struct store *s = l->store;
    s->log_end = *v;
    s->cuts_log = true;
    l->gap |= v->gap;
    if (v->end == WAL_END_CLEAN && v->lost_frames == 0)
        return ATTL_OK;
    l->lost += v->lost_frames;
    if (v->end == WAL_END_DAMAGED)
        scrub_note_loaded(
            s, v->name, v->offset,
            "the log was damaged (%s): changes from %llu up to %llu are lost, of which "
            "%llu could be read and are kept aside",
            v->reason, (unsigned long long)v->next_lsn, (unsigned long long)v->last_lsn,
            (unsigned long long)v->lost_frames);
    store_log(s, v->end == WAL_END_DAMAGED ? 3 : 1, "log_ends",
              "the log ends in %s at offset %llu, before change %llu (%s); %llu later changes are "
              "kept aside",
              v->name, (unsigned long long)v->offset, (unsigned long long)v->next_lsn, v->reason,
              (unsigned long long)v->lost_frames);
    return ATTL_OK;
}

/* What to do where the log ends. ATTL_DONE: read on behind the damage. */
static int
judge(struct load *l, struct wal_reader *reader, const struct wal_verdict *v)
{
    switch (v->end) {
    case WAL_END_CLEAN:
    case WAL_END_TORN: return end_here(l, v);
    case WAL_END_IO:
        return fail(l, ATTL_E_IO, "%s cannot be read at offset %llu: %s", v->name,
                    (unsigned long long)v->offset, strerror(-v->error));
    case WAL_END_NOMEM: return fail(l, ATTL_E_NOMEM, "no memory to read the log");
    case WAL_END_DAMAGED: break;
    }
    if (l->recover == CHOICE_RECOVER_STRICT)
        return refuse(l, v);
    if (l->recover == CHOICE_RECOVER_PREFIX)
        return end_here(l, v);
    store_log(l->store, 3, "log_salvage", "%s is damaged at offset %llu (%s): reading on behind it",
              v->name, (unsigned long long)v->offset, v->reason);
    scrub_note_loaded(l->store, v->name, v->offset,
                      "the log was damaged (%s): changes from %llu on are lost, up to where it can "
                      "be read again",
                      v->reason, (unsigned long long)v->next_lsn);
    l->salvaged = true; /* whoever reads this log next must not take it for whole */
    return wal_reader_skip_damage(reader) ? ATTL_DONE : ATTL_OK;
}

/* `first_lsn` is that of the first change there is, or would be. */
static int
check_start(struct load *l, uint64_t first_lsn, uint64_t from_lsn)
{
    if (first_lsn <= from_lsn)
        return ATTL_OK;
    if (l->recover != CHOICE_RECOVER_STRICT) {
        l->salvaged = true;
        return ATTL_OK;
    }
    return fail(l, ATTL_E_DAMAGED,
                "the log begins with change %llu, but the newest whole snapshot ends before change "
                "%llu: what lies between is missing. Start with --recover=salvage to go on without "
                "it",
                (unsigned long long)first_lsn, (unsigned long long)from_lsn);
}

/* Reads from the first frame to the end, and on behind damage if that is wanted. */
static int
read_log(struct load *l, struct wal_reader *reader, struct replay *r, uint64_t from_lsn)
{
    struct wal_frame first;
    int status = ATTL_OK;
    if (wal_reader_next(reader, &first)) {
        status = check_start(l, first.lsn, from_lsn);
        if (status == ATTL_OK)
            status = apply_frame(l, r, &first);
        l->next_lsn = first.lsn + 1;
        if (status == ATTL_OK)
            status = read_frames(l, reader, r);
    } else {
        const struct wal_verdict *v = wal_reader_verdict(reader);
        if (v->end != WAL_END_IO && v->end != WAL_END_NOMEM)
            status = check_start(l, v->next_lsn, from_lsn);
    }
    while (status == ATTL_OK) {
        status = judge(l, reader, wal_reader_verdict(reader));
        if (status != ATTL_DONE)
            break;
        status = read_frames(l, reader, r);
    }
    return status;
}

/* What the end of the log means for the one that will be written. */
static void
note_end(struct load *l, const struct wal_verdict *v, uint64_t from_lsn)
{
    if (v->next_lsn > l->next_lsn)
        l->next_lsn = v->next_lsn;
    if (l->salvaged && v->last_lsn >= l->next_lsn)
        l->next_lsn = v->last_lsn + 1;
    l->store->durable_lsn = v->durable_lsn;
    /* The log has lost what the snapshot still has: it goes on where the snapshot ends. */
    l->gap |= v->next_lsn < from_lsn;
}

static int
load_log(struct load *l)
{
    struct store *s = l->store;
    uint64_t from_lsn = l->has_base ? l->base.cut_lsn : LSN_FIRST;
    struct wal_reader *reader;
    int error = wal_reader_open(s->disk, &s->alloc, from_lsn, &reader);
    if (error)
        return fail(l, store_status(error), "the log cannot be opened: %s", strerror(-error));
    struct replay *r = replay_new(s->a, 0);
    int status = r ? read_log(l, reader, r, from_lsn)
                   : fail(l, ATTL_E_NOMEM, "no memory to read the log");
    if (status == ATTL_OK)
        note_end(l, wal_reader_verdict(reader), from_lsn);
    if (r) {
        struct replay_sums sums;
        replay_sums_get(r, &sums);
        l->sums.expired += sums.expired;
    }
    replay_free(&r);
    wal_reader_close(&reader);
    return status;
}

/* ---- both ------------------------------------------------------------------------------------ */

static int
load_files(struct load *l, const struct store_list *list)
{
    size_t count;
    const struct store_file *files = store_list_of(list, STORE_SNAPSHOT, &count);
    size_t len = count;
    for (;;) {
        int status = load_newest(l, files, &len);
        l->next_lsn = l->has_base ? l->base.cut_lsn : LSN_FIRST;
        if (status == ATTL_OK)
            status = load_log(l);
        if (status != ATTL_OK)
            return status;
        if (!l->has_base || l->next_lsn >= l->base.end_lsn)
            break;
        store_log(l->store, 3, "snapshot_unusable",
                  "%s needs the log up to change %llu, which ends before %llu; the one before it "
                  "is tried",
                  l->store->newest, (unsigned long long)l->base.end_lsn,
                  (unsigned long long)l->next_lsn);
        start_over(l);
    }
    return set_aside(l, files, l->has_base ? len + 1 : 0, count);
}

static void
note_result(struct load *l, int64_t took_ns)
{
    struct store *s = l->store;
    uint64_t entries = cache_items(&s->a->cache);
    int64_t took_ms = took_ns / NS_PER_MS;
    atomic_store(&s->recovered_entries, entries);
    atomic_store(&s->recovered_frames, l->frames);
    atomic_store(&s->recovered_changes, l->changes);
    atomic_store(&s->recovered_lost_frames, l->lost);
    atomic_store(&s->recovery_ms, took_ms);
    engine_slow_took(s->a, ATTL_SLOW_LOADING, took_ms * 1000000);
    if (l->has_base) {
        atomic_store(&s->last_ms, l->base.created_ms);
        atomic_store(&s->last_bytes, l->base.file_bytes);
        atomic_store(&s->last_entries, l->base.entries);
        atomic_store(&s->last_lsn, l->base.cut_lsn);
    }
    if (took_ns > 0)
        atomic_store(&s->replay_rate, (l->bytes + l->base.file_bytes) * UINT64_C(1000000) /
                                          ((uint64_t)took_ns / 1000 + 1));
    if (l->has_base || l->frames > 0)
        store_log(s, 1, "loaded",
                  "%llu entries in %lld ms, from %s and %llu changes of the log; next change is "
                  "%llu",
                  (unsigned long long)entries, (long long)took_ms,
                  l->has_base ? s->newest : "no snapshot", (unsigned long long)l->frames,
                  (unsigned long long)l->next_lsn);
}

int
store_load(struct store *s)
{
    struct load l = { .store = s };
    struct store_list list;
    l.recover = (enum choice_recover)config_i64(s->a->config, OPT_PERSIST_RECOVER);
    s->load_started_ns = clock_mono_ns();
    int error = store_list_init(&list, &s->alloc, s->disk);
    if (error)
        return fail(&l, store_status(error), "the data directory cannot be listed: %s",
                    strerror(-error));
    atomic_store(&s->load_total_bytes, list.total_bytes);
    atomic_store(&s->disk_bytes, list.total_bytes);
    atomic_store(&s->a->cache.ageless, true);
    int status = load_files(&l, &list);
    atomic_store(&s->a->cache.ageless, false);
    store_list_fini(&list);
    if (status != ATTL_OK)
        return status;
    s->next_lsn = l.next_lsn;
    note_result(&l, clock_mono_ns() - s->load_started_ns);
    s->log_gap = l.gap || l.salvaged;
    if (l.salvaged) {
        s->cuts_log = false; /* it stays as it is, behind the gap and the snapshot that follows */
    } else {
        atomic_store(&s->gaps_bridged, s->log_gap); /* by the one that was loaded */
    }
    return ATTL_OK;
}
