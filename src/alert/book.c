/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Searching 256 slots is what everything here comes down to; incidents are rare, and a list would
 * have to be kept right. A delivery that fails while a newer change of its incident waits is not
 * tried again: the newer one says more. Pauses are spread by a fifth, by the delivery's number, so
 * that many servers that lost the same receiver do not come back in step.
 */
#include "alert/book.h"

#include "base/assert.h"

#include <assert.h>
#include <stdio.h>

enum { PERMILLE = 1000, SPREAD_PERMILLE = 200, SHIFT_MAX = 20 };

static_assert(ALERT_TARGETS_MAX * ALERT_WAITING_MAX < ALERT_REMEMBERED,
              "a slot must be left when all that may wait does");

void
book_init(struct book *b)
{
    *b = (struct book){ .rules = { .tries = 1 } };
    for (size_t i = 0; i < ALERT_REMEMBERED; i++)
        buf_init(&b->entries[i].body, 0);
}

void
book_fini(struct book *b)
{
    for (size_t i = 0; i < ALERT_REMEMBERED; i++)
        buf_fini(&b->entries[i].body);
}

static bool
waits(const struct book_entry *e)
{
    return e->shown.id != 0 && e->shown.state == ALERT_WAITING;
}

static bool
is_open(const struct book_entry *e)
{
    return waits(e) || (e->shown.id != 0 && e->shown.state == ALERT_SENDING);
}

static void
settle(struct book *b, struct book_entry *e, enum alert_state state, struct book_time now)
{
    ASSERT(is_open(e));
    b->waiting[e->target]--;
    b->stats.delivered += state == ALERT_DELIVERED;
    b->stats.superseded += state == ALERT_SUPERSEDED;
    b->stats.gave_up += state == ALERT_GAVE_UP;
    e->shown.state = state;
    e->shown.changed_ms = now.wall_ms;
    e->shown.next_ms = 0;
    buf_fini(&e->body);
}

static struct book_entry *
find_slot(struct book *b)
{
    struct book_entry *oldest = NULL;
    for (size_t i = 0; i < ALERT_REMEMBERED; i++) {
        struct book_entry *e = &b->entries[i];
        if (!is_open(e) && (!oldest || e->shown.id < oldest->shown.id))
            oldest = e;
    }
    ASSERT(oldest);
    return oldest;
}

struct book_entry *
book_add(struct book *b, unsigned target, uint64_t incident, struct book_time now)
{
    for (size_t i = 0; incident != 0 && i < ALERT_REMEMBERED; i++) {
        struct book_entry *e = &b->entries[i];
        if (waits(e) && e->target == target && e->shown.incident == incident)
            settle(b, e, ALERT_SUPERSEDED, now);
    }
    if (b->waiting[target] == ALERT_WAITING_MAX) {
        b->stats.dropped++;
        return NULL;
    }
    struct book_entry *e = find_slot(b);
    *e = (struct book_entry){ .target = target, .due_ms = now.mono_ms, .body = e->body };
    e->shown = (struct alert_delivery){ .id = ++b->last_id,
                                        .incident = incident,
                                        .created_ms = now.wall_ms,
                                        .changed_ms = now.wall_ms,
                                        .next_ms = now.wall_ms };
    b->waiting[target]++;
    return e;
}

void
book_cancel(struct book *b, struct book_entry *e)
{
    ASSERT(waits(e));
    b->waiting[e->target]--;
    b->stats.dropped++;
    buf_fini(&e->body);
    e->shown = (struct alert_delivery){ .id = 0 };
}

struct book_entry *
book_next(struct book *b, unsigned target, int64_t now_ms, int64_t *ret_due_ms)
{
    struct book_entry *first = NULL;
    for (size_t i = 0; i < ALERT_REMEMBERED; i++) {
        struct book_entry *e = &b->entries[i];
        if (waits(e) && e->target == target && (!first || e->shown.id < first->shown.id))
            first = e;
    }
    *ret_due_ms = first ? first->due_ms : INT64_MAX;
    return first && first->due_ms <= now_ms ? first : NULL;
}

void
book_begin(struct book *b, struct book_entry *e, struct book_time now)
{
    ASSERT(waits(e));
    b->stats.attempts++;
    e->shown.attempts++;
    e->shown.state = ALERT_SENDING;
    e->shown.changed_ms = now.wall_ms;
    e->shown.next_ms = 0;
}

int64_t
book_pause_ms(const struct book_rules *rules, uint64_t id, unsigned attempts, int64_t asked_ms)
{
    unsigned shift = attempts > SHIFT_MAX ? SHIFT_MAX : attempts - 1;
    int64_t pause_ms = rules->backoff_ms << shift;
    uint64_t dice = (id * 0x9e3779b97f4a7c15 + attempts) * 0xbf58476d1ce4e5b9; /* as splitmix64 */
    int64_t spread = (int64_t)((dice >> 32) % (2 * SPREAD_PERMILLE + 1)) - SPREAD_PERMILLE;
    if (pause_ms > rules->backoff_max_ms)
        pause_ms = rules->backoff_max_ms;
    pause_ms += pause_ms * spread / PERMILLE;
    if (asked_ms > pause_ms)
        pause_ms = asked_ms;
    return pause_ms > rules->backoff_max_ms ? rules->backoff_max_ms : pause_ms;
}

static bool
has_newer(const struct book *b, const struct book_entry *e)
{
    for (size_t i = 0; e->shown.incident != 0 && i < ALERT_REMEMBERED; i++) {
        const struct book_entry *other = &b->entries[i];
        if (waits(other) && other->target == e->target &&
            other->shown.incident == e->shown.incident)
            return true;
    }
    return false;
}

void
book_end(struct book *b, struct book_entry *e, const struct post_result *result,
         struct book_time now)
{
    ASSERT(e->shown.state == ALERT_SENDING);
    struct alert_delivery *d = &e->shown;
    d->http_code = result->http_code;
    (void)snprintf(d->problem, sizeof d->problem, "%s", result->problem); /* as long */
    d->changed_ms = now.wall_ms;
    b->stats.failures += result->outcome != POST_TAKEN;
    if (result->outcome == POST_TAKEN) {
        settle(b, e, ALERT_DELIVERED, now);
    } else if (has_newer(b, e)) {
        settle(b, e, ALERT_SUPERSEDED, now);
    } else if (result->outcome == POST_FINAL || d->attempts >= b->rules.tries) {
        settle(b, e, ALERT_GAVE_UP, now);
    } else {
        int64_t pause_ms = book_pause_ms(&b->rules, d->id, d->attempts, result->retry_after_ms);
        e->due_ms = now.mono_ms + pause_ms;
        d->state = ALERT_WAITING;
        d->next_ms = now.wall_ms + pause_ms;
    }
}

size_t
book_list(const struct book *b, struct alert_delivery *ret, size_t max)
{
    size_t n = 0;
    uint64_t below = UINT64_MAX;
    for (; n < max; n++) {
        const struct book_entry *newest = NULL;
        for (size_t i = 0; i < ALERT_REMEMBERED; i++) {
            const struct book_entry *e = &b->entries[i];
            if (e->shown.id != 0 && e->shown.id < below &&
                (!newest || e->shown.id > newest->shown.id))
                newest = e;
        }
        if (!newest)
            break;
        ret[n] = newest->shown;
        below = newest->shown.id;
    }
    return n;
}

size_t
book_give_up(struct book *b, struct book_time now)
{
    size_t n = 0;
    for (size_t i = 0; i < ALERT_REMEMBERED; i++)
        if (is_open(&b->entries[i])) {
            settle(b, &b->entries[i], ALERT_GAVE_UP, now);
            n++;
        }
    return n;
}
