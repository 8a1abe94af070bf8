/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking a snapshot: cut, walk, verify, and then what old files it has made superfluous. The cut is
 * a frame in the log, appended while all partitions are locked, so a snapshot is exactly the state
 * before one change. If what is kept for it grows beyond a bound, because a great deal is changed
 * meanwhile, the cut is given up: the rest is taken as it is when it is walked, and the log between
 * cut and end makes it whole (a fuzzy snapshot). Without a log such a snapshot fails instead.
 */
#include "base/sized.h"
#include "cache/freeze.h"
#include "engine/durability.h"
#include "engine/store.h"

#include <errno.h>
#include <stdio.h>

enum { CUT_WAIT_MS = 30000, TELL_TRIES = 1000, SYNC_WAIT_MS = 60000, NS_PER_MS = 1000000 };

/* What may be kept for a snapshot beyond what the cache holds anyway. */
#define KEPT_MIN_BYTES (UINT64_C(64) << 20)
enum { KEPT_SHARE = 8 };

struct checkpoint {
    struct store *store;
    struct snapshot_writer *writer;
    struct snapshot_meta meta;
    _Atomic uint64_t cut_lsn;
    uint64_t position; /* of the cut in the log */
    int64_t cut_ms;    /* the cache's time */
    int64_t skew_ms;
    int error;
    uint64_t entries;
    uint64_t changes;         /* before the cut */
    uint64_t gaps, log_bytes; /* of the log, before it */
    struct checkpoint *next;  /* in store.late */
};

static void
at_cut(void *ud)
{
    struct checkpoint *c = ud;
    struct store *s = c->store;
    c->cut_ms = engine_now_ms(s->a);
    c->changes = cache_counter_sum(&s->a->cache, COUNT_CHANGES);
    if (!s->wal) {
        /* Behind the log's end: what led here is not in it, so the next log begins with a gap. */
        atomic_store(&c->cut_lsn, s->next_lsn + 1);
        return;
    }
    static const char note[] = "snapshot";
    struct wal_op op = { .kind = WAL_NOTE,
                         .value = attl_b(note, sizeof note - 1),
                         .deadline_ms = ATTL_NO_DEADLINE };
    c->position = wal_append(s->wal, &op, NULL, &c->cut_lsn);
}

static bool
add_entry(void *ud, const struct freeze_entry *e)
{
    struct checkpoint *c = ud;
    if (durability_of(c->store->a, e->key) == CHOICE_DURABILITY_NONE)
        return true;
    struct snapshot_entry out = {
        .key = e->key, .value = e->value, .deadline_ms = e->deadline_ms, .is_integer = e->is_integer
    };
    if (out.deadline_ms != ATTL_NO_DEADLINE)
        out.deadline_ms += c->skew_ms;
    out.has_life = e->has_life;
    if (e->has_life) {
        out.life = e->life;
        life_shift(&out.life, c->skew_ms);
    }
    c->error = snapshot_writer_add(c->writer, &out);
    c->entries++;
    return c->error == 0;
}

static uint64_t
kept_max_bytes(const struct store *s)
{
    uint64_t set = atomic_load(&s->kept_max_bytes);
    if (set)
        return set;
    uint64_t share = cache_used_bytes(&s->a->cache) / KEPT_SHARE;
    return share > KEPT_MIN_BYTES ? share : KEPT_MIN_BYTES;
}

/* Writes all entries. 0 or a negative errno. */
static int
walk(struct checkpoint *c)
{
    struct store *s = c->store;
    struct cache *cache = &s->a->cache;
    uint64_t max_bytes = kept_max_bytes(s);
    for (unsigned i = 0; i < 1u << cache->partition_bits; i++) {
        if (atomic_load(&s->stopping))
            return -ECANCELED;
        if (!freeze_walk(cache, i, c->cut_ms, add_entry, c))
            return c->error ? c->error : -ENOMEM;
        atomic_store_explicit(&s->running_done, c->entries, memory_order_relaxed);
        if (c->meta.kind == SNAPSHOT_FUZZY || freeze_kept_bytes(cache) <= max_bytes)
            continue;
        if (!s->wal)
            return -ENOMEM;
        freeze_relax(cache);
        snapshot_writer_relax(c->writer);
        c->meta.kind = SNAPSHOT_FUZZY;
    }
    return 0;
}

static void
wait_a_little(struct wal *w)
{
    struct parker parker;
    parker_init(&parker);
    wal_hurry(w);
    parker_sleep(&parker, 1);
}

/* The LSN of the cut, once the flusher has given it one. */
static int
learn_cut(struct checkpoint *c)
{
    struct store *s = c->store;
    if (s->wal) {
        int error = wal_wait(s->wal, c->position, CUT_WAIT_MS);
        /* A log that works in memory only promises at once, and gives numbers a little later. */
        for (unsigned i = 0; error == 0 && atomic_load(&c->cut_lsn) == 0 && i < TELL_TRIES; i++)
            wait_a_little(s->wal);
        if (atomic_load(&c->cut_lsn) == 0)
            return error ? error : -EIO;
    }
    c->meta.cut_lsn = c->meta.end_lsn = atomic_load(&c->cut_lsn);
    c->meta.created_ms = c->cut_ms + c->skew_ms;
    return 0;
}

/* Everything the file needs from the log must be durable before it gets its name. */
static int
finish(struct checkpoint *c, char name[SEGMENT_NAME_MAX])
{
    struct store *s = c->store;
    uint64_t end_lsn = c->meta.cut_lsn;
    if (s->wal) {
        struct wal_stats st;
        int error = wal_sync(s->wal, SYNC_WAIT_MS);
        wal_stats_get(s->wal, &st);
        if (error && c->meta.kind == SNAPSHOT_FUZZY)
            return error;
        if (c->meta.kind == SNAPSHOT_FUZZY)
            end_lsn = st.durable_lsn;
    }
    return snapshot_writer_finish(&c->writer, end_lsn, &c->meta, name);
}

static int
run(struct checkpoint *c, char name[SEGMENT_NAME_MAX])
{
    struct store *s = c->store;
    struct cache *cache = &s->a->cache;
    /* With all partitions locked is no time to wait for a log that is stuck. */
    int error = s->wal ? wal_admit(s->wal, CUT_WAIT_MS) : 0;
    if (error)
        return error;
    freeze_begin(cache, at_cut, c);
    error = learn_cut(c);
    if (error == 0)
        error = snapshot_writer_open(s->disk, &s->alloc, &c->meta, &c->writer);
    if (error == 0)
        error = walk(c);
    freeze_end(cache);
    if (error == 0)
        error = finish(c, name);
    snapshot_writer_close(&c->writer);
    return error;
}

void
snapshot_info_fill(attl_snapshot_info *to, const struct snapshot_meta *meta, const char *name)
{
    attl_snapshot_info info = { .valid = 1,
                                .lsn = meta->cut_lsn,
                                .created_ms = meta->created_ms,
                                .entries = meta->entries,
                                .bytes = meta->file_bytes };
    (void)snprintf(info.name, sizeof info.name, "%s", name); /* names fit */
    sized_export(&info, sizeof info, to);
}

static void
note_bridged(struct store *s)
{
    struct wal_stats st;
    if (!s->wal)
        return;
    wal_stats_get(s->wal, &st);
    (void)store_is_behind_gap(s, &st);
}

static void
note_success(struct checkpoint *c, const char *name, int64_t took_ms)
{
    struct store *s = c->store;
    (void)snprintf(s->newest, sizeof s->newest, "%s", name); /* names fit */
    atomic_store(&s->last_ms, c->meta.created_ms);
    atomic_store(&s->last_took_ms, took_ms);
    atomic_store(&s->last_bytes, c->meta.file_bytes);
    atomic_store(&s->last_entries, c->meta.entries);
    atomic_store(&s->last_lsn, c->meta.cut_lsn);
    atomic_store(&s->last_log_bytes, c->log_bytes);
    atomic_store(&s->changes_at_last, c->changes);
    atomic_store(&s->gaps_bridged, c->gaps);
    note_bridged(s);
    atomic_fetch_add(&s->snapshots, 1);
    parker_wake(&s->parker); /* there may be old files now */
    store_log(s, 1, "snapshot", "%s: %llu entries, %llu bytes in %lld ms%s", name,
              (unsigned long long)c->meta.entries, (unsigned long long)c->meta.file_bytes,
              (long long)took_ms,
              c->meta.kind == SNAPSHOT_FUZZY ? ", with the log up to its end" : "");
}

/* What the log was at the cut, or a moment before. */
static void
note_log(struct checkpoint *c)
{
    struct store *s = c->store;
    struct wal_stats st = { 0 };
    if (s->wal)
        wal_stats_get(s->wal, &st);
    c->gaps = st.gaps;
    c->log_bytes = st.bytes_written;
}

/*
 * The log tells the cut its number whenever it gets to it, perhaps long after the snapshot was
 * given up: until then there must be something to write to.
 */
static void
checkpoint_free(struct store *s, struct checkpoint *c)
{
    if (s->wal && c->position && atomic_load(&c->cut_lsn) == 0) {
        c->next = s->late;
        s->late = c;
        return;
    }
    alloc_free(&s->alloc, c);
}

/* Frees those that have been told by now, or all. */
static void
free_late(struct store *s, bool all)
{
    for (struct checkpoint **at = &s->late; *at;) {
        struct checkpoint *c = *at;
        if (!all && atomic_load(&c->cut_lsn) == 0) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        alloc_free(&s->alloc, c);
    }
}

void
store_snapshot_fini(struct store *s)
{
    free_late(s, true);
}

int
store_snapshot_locked(struct store *s, attl_snapshot_info *ret_info)
{
    if (atomic_load(&s->loading))
        return ATTL_E_LOADING;
    free_late(s, false);
    struct checkpoint *c = alloc_zero(&s->alloc, sizeof(*c));
    if (!c)
        return ATTL_E_NOMEM;
    char name[SEGMENT_NAME_MAX] = "";
    int64_t start_ns = clock_mono_ns();
    uint64_t copied_before = atomic_load(&s->a->cache.copied_bytes);
    c->store = s;
    c->skew_ms = engine_skew_ms(s->a);
    note_log(c);
    c->meta = (struct snapshot_meta){ .version = SNAPSHOT_VERSION,
                                      .kind = SNAPSHOT_POINT_IN_TIME,
                                      .run_id = s->run_id,
                                      .compressed = atomic_load(&s->compress) };
    atomic_store(&s->running_done, 0);
    atomic_store(&s->running_total, cache_items(&s->a->cache));
    atomic_store(&s->running, true);
    int error = run(c, name);
    atomic_store(&s->last_copied_bytes, atomic_load(&s->a->cache.copied_bytes) - copied_before);
    int status = store_status(error);
    engine_slow_took(s->a, ATTL_SLOW_SNAPSHOT, clock_mono_ns() - start_ns);
    atomic_store(&s->last_status, status);
    atomic_store(&s->snapshot_error, error);
    if (error == 0) {
        note_success(c, name, (clock_mono_ns() - start_ns) / NS_PER_MS);
        if (ret_info)
            snapshot_info_fill(ret_info, &c->meta, name);
    } else {
        lock_acquire(&s->rules_lock);
        trace_copy(s->snapshot_trace);
        lock_release(&s->rules_lock);
        atomic_fetch_add(&s->snapshot_failures, 1);
        store_log(s, 3, "snapshot_failed", "no snapshot could be taken: %s", strerror(-error));
        parker_wake(&s->parker);
        control_wake(s->a);
    }
    atomic_store(&s->running, false);
    checkpoint_free(s, c);
    return status;
}

/* Old files being removed are a matter of moments, and no reason to refuse anybody. */
bool
store_claim(struct store *s)
{
    if (atomic_exchange(&s->claimed, true))
        return false;
    lock_acquire(&s->snapshot_lock);
    return true;
}

void
store_release(struct store *s)
{
    lock_release(&s->snapshot_lock);
    atomic_store(&s->claimed, false);
}

int
store_snapshot(struct store *s, attl_snapshot_info *ret_info)
{
    if (!store_claim(s))
        return ATTL_E_BUSY;
    int status = store_snapshot_locked(s, ret_info);
    store_release(s);
    return status;
}

/* ---- retention ------------------------------------------------------------------------------- */

static size_t
index_of(const struct store_list *l, const char *name)
{
    for (size_t i = 0; i < l->len; i++)
        if (strcmp(l->files[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

static uint64_t
open_segment_lsn(struct store *s)
{
    struct wal_stats st;
    if (!s->wal)
        return UINT64_MAX;
    wal_stats_get(s->wal, &st);
    return st.segment_first_lsn;
}

/* Not even the next segment fits, or the log has met that already. */
static bool
space_is_short(struct store *s)
{
    struct wal_stats st;
    uint64_t free_bytes;
    if (!s->wal)
        return false;
    wal_stats_get(s->wal, &st);
    return st.last_error == -ENOSPC ||
           (s->disk->ops->free_bytes(s->disk, &free_bytes) == 0 && free_bytes < s->segment_bytes);
}

int
store_retain(struct store *s, bool dry_run, attl_retention_fn fn, void *ud)
{
    enum { FILES_PER_RUN = 256 };
    struct store_list l;
    lock_acquire(&s->snapshot_lock);
    int error = store_list_init(&l, &s->alloc, s->disk);
    struct retention_verdict *verdicts =
        error == 0 ? alloc_zero(&s->alloc, (l.len + 1) * sizeof(*verdicts)) : NULL;
    if (error == 0 && !verdicts)
        error = -ENOMEM;
    uint64_t freed_bytes = 0;
    if (error == 0) {
        lock_acquire(&s->rules_lock);
        struct retention_rules rules = s->retention;
        lock_release(&s->rules_lock);
        rules.emergency = space_is_short(s) || atomic_load(&s->space.emergency);
        retention_decide(&l, index_of(&l, s->newest), open_segment_lsn(s), &rules,
                         engine_now_ms(s->a) + engine_skew_ms(s->a), verdicts);
        for (size_t i = 0; fn && i < l.len; i++)
            fn(ud, l.files[i].name, l.files[i].bytes, verdicts[i].reason > RETENTION_NEEDED,
               retention_reason_text(verdicts[i].reason));
        int64_t removed =
            dry_run ? 0 : retention_apply(s->disk, &l, verdicts, FILES_PER_RUN, &freed_bytes);
        error = removed < 0 ? (int)removed : 0;
        if (removed > 0)
            erase_look(s);
        if (removed > 0)
            store_log(s, 1, "retention", "%lld old files removed, %llu bytes", (long long)removed,
                      (unsigned long long)freed_bytes);
        atomic_store(&s->disk_bytes, l.total_bytes - freed_bytes);
    }
    alloc_free(&s->alloc, verdicts);
    store_list_fini(&l);
    lock_release(&s->snapshot_lock);
    return store_status(error);
}
