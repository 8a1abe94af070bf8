/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The course of an erasure: what fits goes from memory, the log is synced and a new segment begun,
 * a snapshot is taken, and from then on a start needs nothing that is older. Older files are
 * counted, and go at once or when they are due. Whoever asks does as much of that as works; the
 * keeper goes on with the rest, also after a restart, and keeps trying with pauses.
 *
 * The list's entries change only under run_lock, so its holder reads them without `lock`.
 */
#include "engine/erase.h"

#include "engine/journal.h"
#include "engine/store.h"
#include "os/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { CLAIM_WAIT_MS = 60000, CLAIM_STEP_MS = 10, SYNC_WAIT_MS = 60000 };
enum { PAUSE_LEAST_MS = 500, PAUSE_MOST_MS = 60000, LOG_INFO = 1, LOG_WARNING = 2, LOG_ERROR = 3 };

static int64_t
wall_ms(const struct attl *a)
{
    return engine_now_ms(a) + engine_skew_ms(a);
}

void
erase_init(struct store *s)
{
    lock_init(&s->erase.run_lock);
    lock_init(&s->erase.lock);
}

void
erase_fini(struct store *s)
{
    struct erase *e = &s->erase;
    for (size_t i = 0; i < e->len; i++)
        erase_select_free(&s->alloc, e->list[i].select);
    alloc_free(&s->alloc, e->list);
}

void
erase_apply_config(struct store *s, const attl_config *config)
{
    atomic_store(&s->erase.within_ms, config_i64(config, OPT_ERASE_WITHIN));
}

static int trouble(attl_erasure *r, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int
trouble(attl_erasure *r, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(r->problem, sizeof r->problem, format, args); /* cut is fine */
    va_end(args);
    return status;
}

/* ---- the cut --------------------------------------------------------------------------------- */

/* Snapshots and rollbacks keep others away for as long as they take. */
static int
claim(struct store *s, attl_erasure *r, bool waits)
{
    struct parker parker;
    parker_init(&parker);
    for (int left_ms = waits ? CLAIM_WAIT_MS : 0; !store_claim(s); left_ms -= CLAIM_STEP_MS) {
        if (left_ms <= 0 || atomic_load(&s->stopping))
            return trouble(r, ATTL_E_BUSY, "it waits for a snapshot or a rollback");
        parker_sleep(&parker, CLAIM_STEP_MS);
    }
    return ATTL_OK;
}

static int
take_out(struct store *s, struct erasure *e, attl_erasure *r)
{
    uint64_t count;
    e->rollbacks = atomic_load(&s->rollbacks);
    int status = erase_memory(s->a, e->select, false, &count);
    r->in_memory += count;
    return status == ATTL_OK
               ? status
               : trouble(r, status, "entries cannot be removed: %s", attl_strerror(status));
}

/* A segment that begins behind the deletions. */
static int
begin_segment(struct store *s, attl_erasure *r)
{
    struct wal_stats st;
    if (!s->wal)
        return ATTL_OK;
    int error = wal_sync(s->wal, SYNC_WAIT_MS);
    if (error == 0)
        error = wal_rotate(s->wal);
    if (error)
        return trouble(r, ATTL_E_IO, "the log cannot be written: %s", strerror(-error));
    wal_stats_get(s->wal, &st);
    r->before_lsn = st.segment_first_lsn;
    return ATTL_OK;
}

/* With the claim. */
static int
cut_claimed(struct store *s, struct erasure *e, attl_erasure *r)
{
    struct store_file newest;
    int status = ATTL_OK;
    if (e->select && e->rollbacks != atomic_load(&s->rollbacks))
        status = take_out(s, e, r); /* a rollback may have brought it back meanwhile */
    if (status == ATTL_OK)
        status = begin_segment(s, r);
    if (status != ATTL_OK)
        return status;
    status = store_snapshot_locked(s, NULL);
    if (status != ATTL_OK || !store_name_parse(s->newest, &newest))
        return trouble(r, status ? status : ATTL_E_IO, "no snapshot can be taken: %s",
                       attl_strerror(status));
    r->snapshot_lsn = newest.lsn;
    r->snapshot_ms = newest.created_ms;
    r->before_lsn = s->wal ? r->before_lsn : newest.lsn;
    return ATTL_OK;
}

/* What is in the files, before they go. That it cannot be known is no reason to keep them. */
static int
count_old(struct store *s, const struct erasure *e, attl_erasure *r)
{
    struct erase_counts counts = { 0 };
    struct erase_line line = erase_line_of(r);
    int status = e->select ? erase_count(s, e->select, &line, true, &counts) : ATTL_OK;
    if (status == ATTL_E_BUSY)
        return status;
    r->in_snapshots = counts.entries;
    r->in_log = counts.records;
    r->found = counts.found;
    r->files_left = counts.files;
    return ATTL_OK;
}

/*
 * Memory, segment, snapshot. What was cut once and has lost its snapshot since is cut again without
 * touching memory, where it may have been stored anew, unless loading has lost deletions.
 */
static int
cut(struct store *s, struct erasure *e, attl_erasure *r, bool waits)
{
    bool again = r->snapshot_lsn != 0 && atomic_load(&s->recovered_lost_frames) == 0;
    int status = ATTL_OK;
    if (!again && e->select)
        status = take_out(s, e, r);
    else
        e->rollbacks = atomic_load(&s->rollbacks);
    if (status == ATTL_OK)
        status = claim(s, r, waits);
    if (status != ATTL_OK)
        return status;
    status = cut_claimed(s, e, r);
    store_release(s);
    if (status == ATTL_OK)
        status = count_old(s, e, r);
    if (status != ATTL_OK)
        return status;
    r->state = ATTL_ERASE_PENDING;
    r->problem[0] = '\0';
    status = erase_book_append(s, r, e->select);
    return status == ATTL_OK ? status : trouble(r, status, "the receipt cannot be written");
}

/* ---- the end --------------------------------------------------------------------------------- */

static int
check(struct store *s, const struct erasure *e, attl_erasure *r)
{
    struct erase_counts counts = { .unreadable = true };
    struct erase_line line = erase_line_of(r);
    int status = e->select ? erase_count(s, e->select, &line, false, &counts) : ATTL_OK;
    if (status != ATTL_OK)
        return trouble(r, status, "what is left cannot be read: %s", attl_strerror(status));
    r->found = counts.found > r->found ? counts.found : r->found;
    r->written_again = counts.fresh;
    r->checked = r->found            ? ATTL_ERASE_FOUND
                 : counts.unreadable ? ATTL_ERASE_UNREADABLE
                                     : ATTL_ERASE_CLEAN;
    return ATTL_OK;
}

static void
conclude(struct store *s, attl_erasure *r)
{
    r->done_ms = wall_ms(s->a);
    r->state = r->checked == ATTL_ERASE_FOUND ? ATTL_ERASE_FAILED : ATTL_ERASE_DONE;
    r->problem[0] = '\0';
    if (r->checked == ATTL_ERASE_FOUND)
        (void)trouble(r, 0, "it was stored again while it was being erased: erase it again");
    else if (r->checked == ATTL_ERASE_UNREADABLE)
        (void)trouble(r, 0, "a file that is left could not be read to its end");
}

static int
finish(struct store *s, struct erasure *e, attl_erasure *r, bool waits)
{
    int status = claim(s, r, waits);
    if (status != ATTL_OK)
        return status;
    status = erase_remove(s, r);
    store_release(s);
    if (status == ATTL_MISS) {
        r->state = ATTL_ERASE_STARTED; /* a start may need older files again: another cut */
        return trouble(r, ATTL_E_BUSY, "the snapshot without it has gone");
    }
    if (status != ATTL_OK)
        return trouble(r, status, "%" PRIu64 " files cannot be removed", r->files_left);
    status = check(s, e, r);
    if (status != ATTL_OK)
        return status;
    conclude(s, r);
    status = erase_book_append(s, r, e->select);
    if (status == ATTL_OK)
        return ATTL_OK;
    r->state = ATTL_ERASE_PENDING;
    r->done_ms = 0;
    return trouble(r, status, "the receipt cannot be written");
}

/* ---- going on -------------------------------------------------------------------------------- */

/* Shows how far it is. What is over loses its names. */
static void
show(struct store *s, struct erasure *e, const attl_erasure *r)
{
    struct erase_select *over = NULL;
    bool ends = erase_unfinished(&e->receipt) && !erase_unfinished(r);
    erase_note(s->a, &e->receipt, r);
    if (ends)
        (void)erase_book_drop_names(s, r); /* else swept later */
    lock_acquire(&s->erase.lock);
    e->receipt = *r;
    if (ends) {
        over = e->select;
        e->select = NULL;
        atomic_fetch_sub(&s->erase.open, 1);
    }
    lock_release(&s->erase.lock);
    erase_select_free(&s->alloc, over);
}

static void
tell(struct store *s, const attl_erasure *before, const attl_erasure *r, int status)
{
    if (status != ATTL_OK && strcmp(before->problem, r->problem) != 0)
        store_log(s, r->due_ms <= wall_ms(s->a) ? LOG_ERROR : LOG_WARNING, "erase_waits",
                  "erasure %s: %s; it is tried again", r->id, r->problem);
    if (r->state != before->state)
        store_log(
            s, r->state == ATTL_ERASE_FAILED ? LOG_ERROR : LOG_INFO, "erase",
            "erasure %s is %s: %" PRIu64 " entries, %" PRIu64 " files removed, %" PRIu64 " left",
            r->id, attl_erase_state_name(r->state), r->in_memory, r->files_removed, r->files_left);
}

/* True if the older files should go now. */
static bool
is_due(struct store *s, const attl_erasure *r)
{
    struct erase_line line = erase_line_of(r);
    uint64_t left;
    if (r->now || r->files_left == 0 || r->due_ms <= wall_ms(s->a))
        return true;
    if (!s->erase.looks)
        return false;
    return erase_left(s, &line, &left) == ATTL_OK && left == 0;
}

/* As far as it goes now. */
static int
advance(struct store *s, size_t at, bool waits)
{
    struct erasure *e = &s->erase.list[at];
    attl_erasure before = e->receipt, r = before;
    int status = ATTL_OK;
    if (r.state == ATTL_ERASE_STARTED) {
        status = cut(s, e, &r, waits);
        show(s, e, &r);
    }
    if (status == ATTL_OK && r.state == ATTL_ERASE_PENDING && is_due(s, &r)) {
        status = finish(s, e, &r, waits);
        show(s, e, &r);
    }
    tell(s, &before, &r, status);
    return status;
}

static int64_t
pause_after(struct erase *e, int64_t now_ms)
{
    int64_t pause_ms = e->pause_ms ? 2 * e->pause_ms : PAUSE_LEAST_MS;
    e->pause_ms = pause_ms < PAUSE_MOST_MS ? pause_ms : PAUSE_MOST_MS;
    e->retry_ms = now_ms + e->pause_ms;
    return e->pause_ms;
}

static int64_t
keep_locked(struct store *s)
{
    struct erase *e = &s->erase;
    int64_t now_ms = engine_now_ms(s->a), next_ms = INT64_MAX;
    int status = ATTL_OK;
    if (e->retry_ms > now_ms)
        return e->retry_ms - now_ms;
    e->looks = atomic_exchange(&e->look, false);
    if (atomic_load(&e->leftovers) && erase_book_sweep(s) != 0)
        status = ATTL_E_IO;
    for (size_t i = 0; i < e->len && !atomic_load(&s->stopping); i++) {
        if (!erase_unfinished(&e->list[i].receipt))
            continue;
        int one = advance(s, i, false);
        status = status ? status : one;
        if (!erase_unfinished(&e->list[i].receipt))
            continue;
        int64_t left_ms = e->list[i].receipt.due_ms - wall_ms(s->a);
        next_ms = left_ms < next_ms ? left_ms : next_ms;
    }
    if (status != ATTL_OK && e->looks)
        atomic_store(&e->look, true);
    if (status != ATTL_OK)
        return pause_after(e, now_ms);
    e->pause_ms = 0;
    return next_ms > 0 ? next_ms : 1;
}

void
erase_look(struct store *s)
{
    atomic_store(&s->erase.look, true);
    if (atomic_load(&s->erase.open))
        parker_wake(&s->parker);
}

int64_t
erase_keep(struct store *s)
{
    struct erase *e = &s->erase;
    if (atomic_load(&e->open) == 0 && !atomic_load(&e->leftovers))
        return INT64_MAX;
    if (!lock_try(&e->run_lock))
        return PAUSE_LEAST_MS;
    int64_t next_ms = keep_locked(s);
    lock_release(&e->run_lock);
    return next_ms;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void
make_id(struct attl *a, attl_erasure *r)
{
    uint32_t random;
    if (!os_mem_random(&random, sizeof random))
        random = (uint32_t)engine_now_ms(a);
    (void)snprintf(r->id, sizeof r->id, "%012" PRIx64 "-%08" PRIx32, (uint64_t)r->requested_ms,
                   random); /* fits */
}

static void
begin(struct attl *a, const attl_erase_request *request, attl_erasure *r)
{
    *r = (attl_erasure){ .struct_size = sizeof *r,
                         .kind = request->kind,
                         .now = request->now != 0,
                         .plain = request->plain != 0,
                         .intact = 1,
                         .names = request->names_len,
                         .requested_ms = wall_ms(a) };
    r->due_ms = r->requested_ms;
    (void)snprintf(r->who, sizeof r->who, "%s", request->who ? request->who : ""); /* cut is fine */
    (void)snprintf(r->note, sizeof r->note, "%s", request->note ? request->note : "");
    make_id(a, r);
}

static int
dry_run(struct store *s, const struct erase_select *select, attl_erasure *r)
{
    struct erase_counts counts;
    struct erase_line all = { UINT64_MAX, UINT64_MAX, INT64_MAX };
    int status = erase_memory(s->a, select, true, &r->in_memory);
    if (status == ATTL_OK)
        status = erase_count(s, select, &all, true, &counts);
    if (status != ATTL_OK)
        return status;
    r->id[0] = '\0';
    r->in_snapshots = counts.entries;
    r->in_log = counts.records;
    r->files_left = counts.files;
    return ATTL_OK;
}

/* From here on it is on its way: files say so. Takes `select` over. */
static int
enter(struct store *s, attl_erasure *r, struct erase_select *select)
{
    int status = erase_book_subject(s, select, r);
    if (status == ATTL_OK)
        status = erase_book_add(s, r, select);
    if (status != ATTL_OK) {
        erase_select_free(&s->alloc, select);
        return status;
    }
    status = erase_book_keep_names(s, r, select);
    if (status == ATTL_OK)
        status = erase_book_append(s, r, select);
    if (status == ATTL_OK)
        return ATTL_OK;
    erase_book_take_back(s);
    (void)erase_book_drop_names(s, r); /* else swept later */
    return status;
}

static int
run_locked(struct store *s, attl_erasure *r, struct erase_select *select, bool dry)
{
    struct erase *e = &s->erase;
    if (dry) {
        int status = dry_run(s, select, r);
        erase_select_free(&s->alloc, select);
        return status;
    }
    if (atomic_load(&e->open) >= ATTL_ERASE_OPEN) {
        erase_select_free(&s->alloc, select);
        return ATTL_E_BUSY;
    }
    if (!r->now)
        r->due_ms += atomic_load(&e->within_ms);
    int status = enter(s, r, select);
    if (status != ATTL_OK)
        return status;
    size_t at = e->len - 1;
    atomic_fetch_add(&s->a->erased.requested, 1);
    e->looks = false;
    (void)advance(s, at, true);   /* the receipt says how far */
    atomic_store(&e->look, true); /* others may have waited for the same files */
    *r = e->list[at].receipt;
    parker_wake(&s->parker);
    return ATTL_OK;
}

int
erase_run(struct store *s, const attl_erase_request *request, attl_erasure *ret)
{
    struct erase_select *select;
    if (store_is_loading(s))
        return ATTL_E_LOADING;
    int status =
        erase_select_new(&s->alloc, request->kind, request->names, request->names_len, &select);
    if (status != ATTL_OK)
        return status;
    begin(s->a, request, ret);
    lock_acquire(&s->erase.run_lock);
    status = run_locked(s, ret, select, request->dry_run != 0);
    lock_release(&s->erase.run_lock);
    return status;
}

int
erase_memory_only(struct attl *a, const attl_erase_request *request, attl_erasure *ret)
{
    const attl_allocator *alloc = &a->cache.config.alloc;
    struct erase_select *select;
    unsigned char key[SHA256_BYTES] = { 0 };
    int status =
        erase_select_new(alloc, request->kind, request->names, request->names_len, &select);
    if (status != ATTL_OK)
        return status;
    begin(a, request, ret);
    ret->memory_only = 1;
    status = os_mem_random(key, sizeof key) ? ATTL_OK : ATTL_E_NOMEM;
    if (status == ATTL_OK)
        status = erase_memory(a, select, request->dry_run != 0, &ret->in_memory);
    erase_subject(key, select, ret);
    if (status == ATTL_OK && !request->dry_run) {
        struct buf line;
        buf_init(&line, SIZE_MAX);
        ret->state = ATTL_ERASE_DONE;
        ret->done_ms = wall_ms(a);
        (void)trouble(ret, 0, "there is no data directory: memory only, and no file keeps this");
        erase_line_write(&line, ret, select, "");
        status = line.failed ? ATTL_E_NOMEM : ATTL_OK;
        buf_fini(&line);
        atomic_fetch_add(&a->erased.requested, 1);
        erase_note(a, &(attl_erasure){ .state = ATTL_ERASE_STARTED }, ret);
    }
    erase_select_free(alloc, select);
    return status;
}

/* ---- a start --------------------------------------------------------------------------------- */

int
erase_load(struct store *s)
{
    struct erase *e = &s->erase;
    int status = erase_book_load(s);
    if (status == ATTL_E_NOMEM)
        return -ENOMEM;
    if (status != ATTL_OK)
        store_log(s, LOG_ERROR, "erase_receipts", "%s cannot be read: %s", ERASE_RECEIPTS_NAME,
                  attl_strerror(status));
    for (size_t i = 0; i < e->len; i++) {
        attl_erasure *r = &e->list[i].receipt;
        if (erase_unfinished(r) && !e->list[i].select)
            r->now = 1; /* nobody knows the names any more: nothing of before may stay */
    }
    atomic_store(&e->look, true);
    atomic_store(&e->leftovers, true); /* of a run that was cut off */
    return 0;
}
