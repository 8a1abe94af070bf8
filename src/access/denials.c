/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of refusals: pointers in an array, the newest first. An entry that happens again moves
 * to the front. The array grows to the maximum and not beyond; the work of one addition is moving
 * that many pointers, which a client cannot make more of than acl.log_max_len allows.
 */
#include "access/denials.h"

#include "base/assert.h"

void
denials_init(struct denials *d, const attl_allocator *alloc)
{
    *d = (struct denials){ .alloc = *alloc, .max = DENIALS_MAX_DEFAULT };
    lock_init(&d->lock);
}

/* REQUIRES the lock, or nobody else. */
static void
trim(struct denials *d, size_t len)
{
    while (d->len > len)
        alloc_free(&d->alloc, d->items[--d->len]);
}

void
denials_fini(struct denials *d)
{
    trim(d, 0);
    alloc_free(&d->alloc, d->items);
    d->items = NULL;
    d->cap = 0;
}

static uint32_t
copy_text(char *to, size_t max, attl_slice text)
{
    size_t len = text.len < max ? text.len : max;
    if (len)
        memcpy(to, text.data, len);
    return (uint32_t)len;
}

static bool
same_text(const char *text, uint32_t len, attl_slice other, size_t max)
{
    size_t other_len = other.len < max ? other.len : max;
    return len == other_len && (len == 0 || memcmp(text, other.data, len) == 0);
}

static bool
is_like(const struct denial *e, const struct denial_report *r)
{
    int64_t apart_ms = r->now_ms - e->updated_ms;
    return e->reason == r->reason && e->multi == r->multi && apart_ms <= DENIAL_GROUP_MS &&
           apart_ms >= -DENIAL_GROUP_MS &&
           same_text(e->object, e->object_len, r->object, sizeof e->object) &&
           same_text(e->user, e->user_len, r->user, sizeof e->user);
}

/* Moves entry `at` to the front. */
static void
to_front(struct denials *d, size_t at)
{
    struct denial *e = d->items[at];
    for (size_t i = at; i > 0; i--)
        d->items[i] = d->items[i - 1];
    d->items[0] = e;
}

static bool
grow(struct denials *d)
{
    size_t cap = d->cap ? 2 * d->cap : 16;
    struct denial **items = alloc_zero(&d->alloc, cap * sizeof(struct denial *));
    if (!items)
        return false;
    if (d->len)
        memcpy(items, d->items, d->len * sizeof(struct denial *));
    alloc_free(&d->alloc, d->items);
    d->items = items;
    d->cap = cap;
    return true;
}

/* The entry to count the report with, in front; a new one if there is none like it. NULL: no
 * memory, or nothing is to be kept. */
static struct denial *
entry_for(struct denials *d, const struct denial_report *r)
{
    for (size_t i = 0; i < d->len && i < DENIAL_LOOK_BACK; i++) {
        if (!is_like(d->items[i], r))
            continue;
        to_front(d, i);
        return d->items[0];
    }
    if (d->max == 0)
        return NULL;
    trim(d, d->max - 1);
    if (d->len == d->cap && !grow(d))
        return NULL;
    struct denial *e = alloc_zero(&d->alloc, sizeof *e);
    if (!e)
        return NULL;
    d->items[d->len++] = e;
    to_front(d, d->len - 1);
    e->id = d->last_id++;
    e->reason = r->reason;
    e->multi = r->multi;
    e->created_ms = r->now_ms;
    e->object_len = copy_text(e->object, sizeof e->object, r->object);
    e->user_len = copy_text(e->user, sizeof e->user, r->user);
    return e;
}

void
denials_add(struct denials *d, const struct denial_report *report)
{
    lock_acquire(&d->lock);
    d->totals[report->reason]++;
    struct denial *e = entry_for(d, report);
    if (e) {
        e->count++;
        e->updated_ms = report->now_ms;
        e->client_len = copy_text(e->client, sizeof e->client, report->client);
    }
    lock_release(&d->lock);
}

void
denials_set_max(struct denials *d, size_t max)
{
    ASSERT(max <= DENIALS_MAX);
    lock_acquire(&d->lock);
    d->max = max;
    trim(d, max);
    lock_release(&d->lock);
}

void
denials_clear(struct denials *d)
{
    lock_acquire(&d->lock);
    trim(d, 0);
    lock_release(&d->lock);
}

size_t
denials_get(struct denials *d, struct denial *to, size_t max)
{
    lock_acquire(&d->lock);
    size_t n = d->len < max ? d->len : max;
    for (size_t i = 0; i < n; i++)
        to[i] = *d->items[i];
    lock_release(&d->lock);
    return n;
}

void
denials_totals(struct denials *d, uint64_t totals[DENIAL_REASONS])
{
    lock_acquire(&d->lock);
    memcpy(totals, d->totals, sizeof d->totals);
    lock_release(&d->lock);
}

size_t
denials_len(struct denials *d)
{
    lock_acquire(&d->lock);
    size_t n = d->len;
    lock_release(&d->lock);
    return n;
}
