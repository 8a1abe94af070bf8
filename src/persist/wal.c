/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log as its users see it: opening, appending, waiting, asking, closing. Everything here is
 * called from any thread and only exchanges atomics with the flusher, or stands in its list of
 * waiters. Without a thread of its own (tests) the caller takes the flusher's turns where he would
 * otherwise have waited, so that a run is a function of its inputs.
 */
#include "persist/wal.h"

#include "base/assert.h"
#include "persist/wal_flusher.h"
#include "persist/wal_group.h"
#include "persist/wal_inherit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_MS INT64_C(1000000)

/* ---- opening and closing ---- */

static void
wal_free(struct wal *w)
{
    attl_allocator alloc = w->config.alloc;
    wal_file_fini(&w->file);
    wal_ring_fini(&w->ring);
    alloc_free_line(&alloc, w);
}

static struct wal *
wal_new(const struct wal_config *config)
{
    struct wal *w = alloc_line(&config->alloc, sizeof(*w));
    if (!w)
        return NULL;
    w->config = *config;
    lock_init(&w->ask_lock);
    lock_init(&w->shown_lock);
    lock_init(&w->waiters.lock);
    parker_init(&w->parker);
    atomic_init(&w->policy, config->policy);
    atomic_init(&w->on_error, config->on_error);
    atomic_init(&w->state, WAL_WRITING);
    atomic_init(&w->wake_at, UINT64_MAX);
    w->gap = config->gap;
    w->kept = w->durable = w->written = w->placed = (struct wal_point){ 0, config->next_lsn };
    w->assigned_lsn = config->next_lsn;
    if (!wal_ring_init(&w->ring, &config->alloc, config->ring_bytes) ||
        !wal_file_init(&w->file, &config->alloc, config->disk)) {
        wal_free(w);
        return NULL;
    }
    return w;
}

static int
refuse(struct wal *w, int rc, const char *what, char *err, size_t err_len)
{
    (void)snprintf(err, err_len, "%s: %s", what, strerror(-rc)); /* cut short is fine */
    if (w)
        wal_free(w);
    return rc;
}

int
wal_open(const struct wal_config *config, struct wal **ret_wal, char *err, size_t err_len)
{
    ASSERT(config->next_lsn > 0 && config->wall_ms && config->mono_ns);
    struct wal *w = wal_new(config);
    if (!w)
        return refuse(NULL, -ENOMEM, "no memory for the log's ring", err, err_len);
    int rc = wal_inherit(config->disk, &config->alloc, config->durable_lsn, config->next_lsn);
    if (rc < 0)
        return refuse(w, rc, "cannot make the log that is there durable", err, err_len);
    rc = wal_group_rotate(w);
    if (rc < 0) {
        wal_file_abandon(&w->file);
        return refuse(w, rc, "cannot begin a segment of the log", err, err_len);
    }
    wal_group_settle(w);
    if (config->thread) {
        w->thread.running = thread_start(&w->thread, "attl-log", wal_flusher_main, w);
        if (!w->thread.running) {
            wal_file_abandon(&w->file);
            return refuse(w, -EAGAIN, "cannot start the log's thread", err, err_len);
        }
    }
    *ret_wal = w;
    return 0;
}

static void
take_last_turns(struct wal *w)
{
    w->retry_at_ns = INT64_MIN; /* whatever went wrong before */
    while (wal_step(w) && atomic_load(&w->state) == WAL_WRITING)
        ;
}

static bool
makes_room(struct wal *w)
{
    return w->stats.last_error == -ENOSPC && atomic_load(&w->state) != WAL_DETACHED &&
           w->config.make_room && w->config.make_room(w->config.ud);
}

int
wal_close(struct wal **pw)
{
    struct wal *w = *pw;
    if (!w)
        return 0;
    *pw = NULL;
    atomic_store(&w->closing, true);
    if (w->thread.running) {
        wal_flusher_wake(w);
        thread_join(&w->thread);
    }
    atomic_store(&w->sync_wanted, wal_ring_tail(&w->ring));
    (void)makes_room(w); /* it has been full before */
    take_last_turns(w);
    if (makes_room(w))
        take_last_turns(w);
    int rc = w->durable.position >= wal_ring_tail(&w->ring) ? 0 : w->stats.last_error;
    ASSERT(rc <= 0);
    /* Without the last mark the next process takes longer to open, no more. */
    if (rc < 0 || wal_group_testify(w) < 0)
        wal_file_abandon(&w->file);
    if (w->file.file)
        wal_file_finish(&w->file);
    wal_free(w);
    return rc;
}

/* ---- changes ---- */

static enum wal_state
state_of(const struct wal *w)
{
    return (enum wal_state)atomic_load_explicit(&w->state, memory_order_acquire);
}

bool
wal_is_writing(const struct wal *w)
{
    return state_of(w) == WAL_WRITING;
}

static bool
is_refusing(const struct wal *w)
{
    return state_of(w) == WAL_RETRYING &&
           atomic_load_explicit(&w->on_error, memory_order_relaxed) == WAL_REJECT;
}

/* A quarter is left to those who were admitted and have not appended yet. */
static bool
is_nearly_full(const struct wal *w)
{
    return wal_ring_used(&w->ring) > w->ring.size / 4 * 3;
}

/* How long a waiter may sleep now: until the deadline, -1 for ever, 0 it is over. */
static int64_t
time_left_ms(const struct wal *w, int64_t timeout_ms, int64_t start_ns)
{
    if (timeout_ms < 0)
        return -1;
    int64_t passed_ms = (wal_now_ns(w) - start_ns) / NS_PER_MS;
    return passed_ms >= timeout_ms ? 0 : timeout_ms - passed_ms;
}

int
wal_admit(struct wal *w, int64_t max_wait_ms)
{
    int64_t start_ns = 0;
    while (__builtin_expect(state_of(w) != WAL_WRITING || is_nearly_full(w), 0)) {
        if (is_refusing(w))
            return -EIO;
        if (!is_nearly_full(w))
            return 0;
        if (!w->thread.running) {
            if (!wal_step(w))
                return -EAGAIN;
            continue;
        }
        if (start_ns == 0)
            start_ns = wal_now_ns(w);
        if (time_left_ms(w, max_wait_ms, start_ns) == 0)
            return -EAGAIN;
        /* Room comes in large pieces, and nobody counts those who wait for it: look every ms. */
        struct parker parker;
        parker_init(&parker);
        wal_flusher_wake(w);
        parker_sleep(&parker, 1);
    }
    return 0;
}

static void
wait_for_room(struct wal *w)
{
    struct parker parker;
    if (!w->thread.running) {
        (void)wal_step(w);
        return;
    }
    parker_init(&parker);
    wal_flusher_wake(w);
    parker_sleep(&parker, 1);
}

uint64_t
wal_append(struct wal *w, const struct wal_op *op, const struct wal_external *external,
           _Atomic uint64_t *ret_lsn)
{
    uint64_t end;
    while ((end = wal_ring_put(&w->ring, op, external, ret_lsn)) == 0)
        wait_for_room(w);
    if (__builtin_expect(end >= atomic_load(&w->wake_at), 0)) {
        atomic_store(&w->wake_at, UINT64_MAX); /* once is enough */
        wal_flusher_wake(w);
    }
    return end;
}

uint64_t
wal_safe_position(const struct wal *w)
{
    return atomic_load_explicit(&w->safe, memory_order_acquire);
}

uint64_t
wal_tail_position(const struct wal *w)
{
    return wal_ring_tail(&w->ring);
}

void
wal_hurry(struct wal *w)
{
    if (w->thread.running)
        wal_flusher_wake(w);
}

/* ---- waiting ---- */

/* 0: it is there; -EINPROGRESS: not yet; -EIO: it will not be. */
static int
wait_status(const struct wal *w, const _Atomic uint64_t *watched, uint64_t position)
{
    if (atomic_load(watched) >= position)
        return 0;
    if (state_of(w) == WAL_DETACHED)
        return watched == &w->safe ? 0 : -EIO;
    return is_refusing(w) ? -EIO : -EINPROGRESS;
}

static int
wait_for(struct wal *w, const _Atomic uint64_t *watched, uint64_t position, int64_t timeout_ms)
{
    int rc = wait_status(w, watched, position);
    if (rc != -EINPROGRESS)
        return rc;
    if (!w->thread.running) {
        while (rc == -EINPROGRESS) {
            if (!wal_step(w))
                return -ETIMEDOUT;
            rc = wait_status(w, watched, position);
        }
        return rc;
    }
    struct wal_waiter waiter;
    int64_t start_ns = wal_now_ns(w), left_ms;
    wal_waiters_enter(&w->waiters, &waiter, watched, position);
    wal_flusher_wake(w); /* it may be gathering */
    while ((rc = wait_status(w, watched, position)) == -EINPROGRESS) {
        left_ms = time_left_ms(w, timeout_ms, start_ns);
        if (left_ms == 0) {
            rc = -ETIMEDOUT;
            break;
        }
        parker_sleep(&waiter.parker, left_ms);
    }
    wal_waiters_leave(&w->waiters, &waiter);
    return rc;
}

int
wal_wait(struct wal *w, uint64_t position, int64_t timeout_ms)
{
    return wait_for(w, &w->safe, position, timeout_ms);
}

static uint64_t
want_sync(struct wal *w)
{
    uint64_t position = wal_ring_tail(&w->ring);
    uint64_t wanted = atomic_load(&w->sync_wanted);
    while (wanted < position && !atomic_compare_exchange_weak(&w->sync_wanted, &wanted, position))
        ;
    return position;
}

/* What was given up to be durable counts as durable in the positions, but is not. */
static int
unless_lost(const struct wal *w, uint64_t position, int rc)
{
    bool is_lost = position > 0 && position <= atomic_load(&w->lost_position);
    return rc == 0 && is_lost ? -EIO : rc;
}

int
wal_sync(struct wal *w, int64_t timeout_ms)
{
    uint64_t position = want_sync(w);
    return unless_lost(w, position, wait_for(w, &w->durable_position, position, timeout_ms));
}

uint64_t
wal_sync_begin(struct wal *w)
{
    uint64_t position = want_sync(w);
    wal_hurry(w);
    return position;
}

int
wal_look(const struct wal *w, bool durable, uint64_t position)
{
    if (!durable)
        return wait_status(w, &w->safe, position);
    return unless_lost(w, position, wait_status(w, &w->durable_position, position));
}

/* ---- asking ---- */

static int
ask(struct wal *w, enum wal_request what)
{
    lock_acquire(&w->ask_lock);
    w->asked_for = what;
    uint64_t number = atomic_load(&w->asked) + 1;
    atomic_store(&w->asked, number);
    if (w->thread.running) {
        struct wal_waiter waiter;
        wal_waiters_enter(&w->waiters, &waiter, &w->answered, number);
        wal_flusher_wake(w);
        while (atomic_load(&w->answered) < number)
            parker_sleep(&waiter.parker, -1);
        wal_waiters_leave(&w->waiters, &waiter);
    } else {
        (void)wal_step(w);
    }
    int rc = w->answer;
    lock_release(&w->ask_lock);
    return rc;
}

int
wal_rotate(struct wal *w)
{
    return ask(w, WAL_ASK_ROTATE);
}

int
wal_reattach(struct wal *w)
{
    return ask(w, WAL_ASK_REATTACH);
}

void
wal_set_policy(struct wal *w, enum wal_policy policy)
{
    atomic_store(&w->policy, policy);
    wal_hurry(w);
}

void
wal_set_on_error(struct wal *w, enum wal_on_error on_error)
{
    atomic_store(&w->on_error, on_error);
    wal_waiters_wake(&w->waiters, true);
    wal_hurry(w);
}

void
wal_stats_get(struct wal *w, struct wal_stats *ret)
{
    lock_acquire(&w->shown_lock);
    *ret = w->shown;
    lock_release(&w->shown_lock);
    ret->state = state_of(w);
    ret->ring_bytes = w->ring.size;
    ret->ring_used = wal_ring_used(&w->ring);
    int64_t since_ns = atomic_load(&w->syncing_since_ns);
    int64_t lasts_ns = since_ns ? wal_now_ns(w) - since_ns : 0;
    ret->syncing_us = lasts_ns > 0 ? (uint64_t)lasts_ns / 1000 : 0;
    ret->slowest_sync_us = atomic_load(&w->slowest_sync_us);
}

uint64_t
wal_take_slowest_sync(struct wal *w)
{
    return atomic_exchange(&w->slowest_sync_us, 0);
}

void
wal_sync_latency(struct wal *w, uint64_t *counts, uint64_t *sum_us)
{
    wal_latency_read(&w->latency_total, counts, sum_us);
}
