/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Positions grow, so a newcomer's place is at the end of its line, or a few places before it if
 * another thread was faster. The log makes its progress visible first and looks at the lines
 * afterwards; a newcomer enters first and looks at the log afterwards, so whichever is second sees
 * the other. Whoever was given up leaves the line at once: a disk that hangs does not collect them.
 */
#include "engine/log_wait.h"

#include "engine/engine.h"
#include "engine/store.h"

#include <errno.h>

enum { SETTLE_BATCH = 64 }; /* completions per hold of the lock */

static void
line_init(struct log_line *line)
{
    line->first = line->last = NULL;
    atomic_init(&line->first_position, UINT64_MAX);
}

void
log_waits_init(struct log_waits *l)
{
    lock_init(&l->lock);
    atomic_init(&l->wal, NULL);
    for (unsigned i = 0; i < LOG_LINES; i++)
        line_init(&l->lines[i]);
}

void
log_waits_start(struct attl *a, struct wal *w)
{
    atomic_store(&a->log_waits.wal, w);
}

void
log_waits_stop(struct attl *a)
{
    atomic_store(&a->log_waits.wal, NULL);
}

bool
log_waits_are_needed(const struct attl *a)
{
    return a->store && atomic_load_explicit(&a->log_waits.wal, memory_order_acquire) &&
           atomic_load_explicit(&a->store->always, memory_order_relaxed);
}

struct wal *
log_waits_log(const struct attl *a)
{
    return atomic_load(&a->log_waits.wal);
}

static void
publish(struct log_line *line)
{
    atomic_store(&line->first_position, line->first ? line->first->position : UINT64_MAX);
}

static void
insert(struct log_line *line, struct log_waiter *w)
{
    struct log_waiter *before = line->last;
    while (before && before->position > w->position)
        before = before->prev;
    w->prev = before;
    w->next = before ? before->next : line->first;
    *(before ? &before->next : &line->first) = w;
    *(w->next ? &w->next->prev : &line->last) = w;
    w->stands = true;
}

static void
take_out(struct log_line *line, struct log_waiter *w)
{
    *(w->prev ? &w->prev->next : &line->first) = w->next;
    *(w->next ? &w->next->prev : &line->last) = w->prev;
    w->stands = false;
}

/* For submission.abandoned: nobody waits for it any more. */
static void
leave(struct submission *s)
{
    struct log_waiter *w = (struct log_waiter *)s;
    struct log_waits *l = &s->cache->log_waits;
    lock_acquire(&l->lock);
    bool stood = w->stands;
    if (stood) {
        take_out(&l->lines[w->line], w);
        publish(&l->lines[w->line]);
    }
    lock_release(&l->lock);
    if (stood)
        submission_unref(s);
}

int
log_waiter_make(attl_queue *q, uint32_t kind, const struct submission_spec *spec,
                struct log_waiter **ret)
{
    struct submission *s;
    int status = submission_new(q, sizeof(**ret), kind, spec, &s);
    if (status != ATTL_OK)
        return status;
    s->abandoned = leave;
    *ret = (struct log_waiter *)s;
    return ATTL_OK;
}

uint64_t
log_waits_enter(struct log_waiter *w, const struct submission_spec *spec)
{
    struct attl *a = w->submission.cache;
    struct log_waits *l = &a->log_waits;
    struct log_line *line = &l->lines[w->line];
    submission_open(&w->submission, spec);
    uint64_t id = w->submission.id;
    (void)submission_begin(&w->submission); /* the work is done; a shutdown waits for the log */
    lock_acquire(&l->lock);
    bool is_over = submission_is_over(&w->submission);
    if (!is_over) {
        insert(line, w);
        publish(line);
    }
    lock_release(&l->lock);
    if (is_over)
        submission_unref(&w->submission);
    else
        log_waits_settle(a);
    return id;
}

/* Up to a batch of those in front. `error` is what became of all of them, or -EINPROGRESS: ask the
 * log. True if there may be more. */
static bool
settle_some(struct attl *a, enum log_line_id id, int error)
{
    struct log_line *line = &a->log_waits.lines[id];
    for (unsigned n = 0; n < SETTLE_BATCH; n++) {
        struct log_waiter *w = line->first;
        struct wal *wal = atomic_load(&a->log_waits.wal);
        int rc = error;
        if (w && rc == -EINPROGRESS && wal)
            rc = wal_look(wal, id == LOG_LINE_DURABLE, w->position);
        if (!w || rc == -EINPROGRESS)
            return false;
        take_out(line, w);
        (void)submission_complete_status(&w->submission, rc == 0 ? w->status : ATTL_E_IO);
    }
    return true;
}

static void
settle_line(struct attl *a, enum log_line_id id, int error)
{
    struct log_waits *l = &a->log_waits;
    bool more = true;
    while (more) {
        lock_acquire(&l->lock);
        more = settle_some(a, id, error);
        publish(&l->lines[id]);
        lock_release(&l->lock);
    }
}

void
log_waits_settle(struct attl *a)
{
    for (unsigned i = 0; i < LOG_LINES; i++)
        if (atomic_load(&a->log_waits.lines[i].first_position) != UINT64_MAX)
            settle_line(a, (enum log_line_id)i, -EINPROGRESS);
}

void
log_waits_end(struct attl *a, int error)
{
    for (unsigned i = 0; i < LOG_LINES; i++)
        settle_line(a, (enum log_line_id)i, error);
}
