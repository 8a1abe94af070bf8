/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who decides is settled by one exchange of `state`. The decider takes the submission out of the
 * table first and posts last, so a number in the table belongs to somebody who has not decided, or
 * is about to find that out, and a completion that was reaped is in no table. A submission's number
 * names its slot in the low half; numbers of what completes at once have the low half empty.
 */
#include "engine/submission.h"

#include "base/alloc.h"
#include "engine/engine.h"
#include "engine/value.h"

enum submission_state { SUBMISSION_OPEN, SUBMISSION_BEGUN, SUBMISSION_DECIDED };

int
submission_spec_of(const attl_submit_opts *opts, struct submission_spec *ret)
{
    *ret = (struct submission_spec){ 0 };
    if (!opts)
        return ATTL_OK;
    if (opts->struct_size < sizeof(*opts))
        return ATTL_E_INVALID;
    const unsigned char *bytes = (const unsigned char *)opts;
    for (size_t i = sizeof(*opts); i < opts->struct_size; i++)
        if (bytes[i] != 0)
            return ATTL_E_UNSUPPORTED;
    if (opts->flags != 0)
        return ATTL_E_UNSUPPORTED;
    if (opts->timeout_ms < 0 || opts->timeout_ms > LIMIT_TTL_MS)
        return ATTL_E_INVALID;
    ret->user_data = opts->user_data;
    ret->timeout_ms = opts->timeout_ms;
    return ATTL_OK;
}

void
submission_ref(struct submission *s)
{
    (void)atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
}

void
submission_unref(struct submission *s)
{
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1)
        return;
    if (s->free) {
        s->free(s);
    } else {
        alloc_free(&s->cache->cache.config.alloc, s);
    }
}

static void
submission_late(struct timer *t)
{
    struct submission *s = (void *)((char *)t - offsetof(struct submission, timer));
    (void)submission_abandon(s, ATTL_E_TIMEOUT);
    submission_unref(s);
}

int
submission_new(attl_queue *q, size_t bytes, uint32_t kind, const struct submission_spec *spec,
               struct submission **ret)
{
    ASSERT(bytes >= sizeof(struct submission));
    int status = completion_reserve(q);
    if (status != ATTL_OK)
        return status;
    struct submission *s = alloc_zero(&q->alloc, bytes);
    if (!s) {
        completion_unreserve(q);
        return ATTL_E_NOMEM;
    }
    s->queue = q;
    s->cache = q->cache;
    s->kind = kind;
    s->user_data = spec->user_data;
    s->timer.fire = submission_late;
    atomic_init(&s->refs, 1);
    *ret = s;
    return ATTL_OK;
}

void
submission_drop(struct submission *s)
{
    completion_unreserve(s->queue);
    submission_unref(s);
}

/* There is a slot, because there are as many as places, and each in the table has one. */
void
submission_open(struct submission *s, const struct submission_spec *spec)
{
    attl_queue *q = s->queue;
    uint64_t number = completion_new_id(q);
    bool timed = spec->timeout_ms > 0;
    if (timed)
        submission_ref(s);
    lock_acquire(&q->open_lock);
    ASSERT(q->free_len > 0);
    s->slot = q->free_slots[--q->free_len];
    s->id = number << 32 | (s->slot + 1);
    q->open[s->slot] = s;
    lock_release(&q->open_lock);
    if (!timed)
        return;
    timer_set(s->cache, &s->timer, engine_now_ms(s->cache) + spec->timeout_ms);
    if (submission_is_over(s) && timer_cancel(s->cache, &s->timer))
        submission_unref(s); /* a shutdown was faster than the clock */
}

bool
submission_begin(struct submission *s)
{
    uint32_t open = SUBMISSION_OPEN;
    return atomic_compare_exchange_strong(&s->state, &open, SUBMISSION_BEGUN) ||
           open == SUBMISSION_BEGUN;
}

bool
submission_is_over(const struct submission *s)
{
    return atomic_load(&s->state) == SUBMISSION_DECIDED;
}

static void
leave_table(struct submission *s)
{
    attl_queue *q = s->queue;
    lock_acquire(&q->open_lock);
    ASSERT(q->open[s->slot] == s);
    q->open[s->slot] = NULL;
    q->free_slots[q->free_len++] = s->slot;
    lock_release(&q->open_lock);
}

bool
submission_close(struct submission *s)
{
    bool mine = atomic_exchange(&s->state, SUBMISSION_DECIDED) != SUBMISSION_DECIDED;
    if (mine) {
        leave_table(s);
        if (timer_cancel(s->cache, &s->timer))
            submission_unref(s);
        completion_unreserve(s->queue);
    }
    submission_unref(s);
    return mine;
}

/* For who has decided. The submission may be gone when it returns, unless the caller has a
 * reference. */
static void
post(struct submission *s, attl_completion *c)
{
    c->kind = s->kind;
    c->id = s->id;
    c->user_data = s->user_data;
    leave_table(s);
    if (timer_cancel(s->cache, &s->timer))
        submission_unref(s);
    completion_post(s->queue, c);
}

bool
submission_complete(struct submission *s, attl_completion *c)
{
    bool mine = atomic_exchange(&s->state, SUBMISSION_DECIDED) != SUBMISSION_DECIDED;
    if (mine)
        post(s, c);
    else
        value_release(s->cache, &c->value);
    submission_unref(s);
    return mine;
}

bool
submission_complete_status(struct submission *s, int status)
{
    attl_completion c = { .status = status, .value = ATTL_VALUE_INIT };
    return submission_complete(s, &c);
}

static void
post_abandoned(struct submission *s, int status)
{
    attl_completion c = { .status = status, .value = ATTL_VALUE_INIT };
    post(s, &c);
    if (s->abandoned)
        s->abandoned(s);
}

bool
submission_abandon(struct submission *s, int status)
{
    if (atomic_exchange(&s->state, SUBMISSION_DECIDED) == SUBMISSION_DECIDED)
        return false;
    post_abandoned(s, status);
    return true;
}

int
submission_cancel(attl_queue *q, uint64_t id)
{
    uint32_t slot = (uint32_t)id - 1; /* UINT32_MAX: it was complete at once */
    lock_acquire(&q->open_lock);
    struct submission *s = slot < q->capacity ? q->open[slot] : NULL;
    if (s && s->id != id)
        s = NULL;
    if (s)
        submission_ref(s);
    lock_release(&q->open_lock);
    bool canceled = s && submission_abandon(s, ATTL_E_CANCELED);
    if (s)
        submission_unref(s);
    return canceled ? ATTL_OK : ATTL_MISS;
}

/* With a reference. */
static struct submission *
at_slot(attl_queue *q, uint32_t slot)
{
    lock_acquire(&q->open_lock);
    struct submission *s = q->open[slot];
    if (s)
        submission_ref(s);
    lock_release(&q->open_lock);
    return s;
}

void
submission_abandon_all(attl_queue *q, bool begun_too)
{
    for (uint32_t slot = 0; slot < q->capacity; slot++) {
        struct submission *s = at_slot(q, slot);
        if (!s)
            continue;
        uint32_t open = SUBMISSION_OPEN;
        if (begun_too)
            (void)submission_abandon(s, ATTL_E_CLOSED);
        else if (atomic_compare_exchange_strong(&s->state, &open, SUBMISSION_DECIDED))
            post_abandoned(s, ATTL_E_CLOSED);
        submission_unref(s);
    }
}
