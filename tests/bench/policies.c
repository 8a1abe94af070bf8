/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LRU, FIFO and S3-FIFO, exactly, as references for bench_hitratio.
 * A queue is a doubly linked list through arrays indexed by the object's number; an object is in
 * one queue at most. Invariant: the objects in the small and main queue never outnumber the
 * capacity. Single-threaded, one simulation at a time per caller.
 */
#include "policies.h"

#include "bench.h"
#include <stdlib.h>

enum place { NOWHERE, SMALL, MAIN, GHOST, PLACES };
enum { FREQ_MAX = 3, PROMOTE_AT = 2 };

#define NONE UINT32_MAX

struct queue {
    uint32_t newest, oldest, len;
};

struct sim {
    uint32_t *newer, *older;
    uint8_t *place, *freq;
    struct queue queue[PLACES];
    uint32_t capacity, small_max, ghost_max;
};

static void
sim_init(struct sim *s, uint32_t objects, uint32_t capacity)
{
    s->newer = bench_alloc(objects * sizeof *s->newer);
    s->older = bench_alloc(objects * sizeof *s->older);
    s->place = bench_alloc(objects);
    s->freq = bench_alloc(objects);
    for (unsigned p = 0; p < PLACES; p++)
        s->queue[p] = (struct queue){ NONE, NONE, 0 };
    s->capacity = capacity ? capacity : 1;
    s->small_max = s->capacity / 10 ? s->capacity / 10 : 1;
    s->ghost_max = s->capacity * 9 / 10;
}

static void
sim_fini(struct sim *s)
{
    free(s->newer);
    free(s->older);
    free(s->place);
    free(s->freq);
}

static void
sim_push(struct sim *s, enum place where, uint32_t id)
{
    struct queue *q = &s->queue[where];
    s->place[id] = (uint8_t)where;
    s->newer[id] = NONE;
    s->older[id] = q->newest;
    if (q->newest != NONE)
        s->newer[q->newest] = id;
    else
        q->oldest = id;
    q->newest = id;
    q->len++;
}

static void
sim_take(struct sim *s, uint32_t id)
{
    struct queue *q = &s->queue[s->place[id]];
    if (s->newer[id] != NONE)
        s->older[s->newer[id]] = s->older[id];
    else
        q->newest = s->older[id];
    if (s->older[id] != NONE)
        s->newer[s->older[id]] = s->newer[id];
    else
        q->oldest = s->newer[id];
    q->len--;
    s->place[id] = NOWHERE;
}

/* LRU and FIFO differ only in what a hit does. */
static uint64_t
one_queue(const uint32_t *requests, uint64_t n, uint32_t objects, uint32_t capacity,
          bool move_on_hit)
{
    struct sim s;
    uint64_t misses = 0;
    sim_init(&s, objects, capacity);
    for (uint64_t i = 0; i < n; i++) {
        uint32_t id = requests[i];
        if (s.place[id] == MAIN) {
            if (move_on_hit) {
                sim_take(&s, id);
                sim_push(&s, MAIN, id);
            }
            continue;
        }
        misses++;
        if (s.queue[MAIN].len == s.capacity)
            sim_take(&s, s.queue[MAIN].oldest);
        sim_push(&s, MAIN, id);
    }
    sim_fini(&s);
    return misses;
}

uint64_t
policy_lru(const uint32_t *requests, uint64_t n, uint32_t objects, uint32_t capacity)
{
    return one_queue(requests, n, objects, capacity, true);
}

uint64_t
policy_fifo(const uint32_t *requests, uint64_t n, uint32_t objects, uint32_t capacity)
{
    return one_queue(requests, n, objects, capacity, false);
}

/* Removes one object from the small queue, promoting on the way those used again. */
static bool
s3_evict_small(struct sim *s)
{
    while (s->queue[SMALL].len > 0) {
        uint32_t id = s->queue[SMALL].oldest;
        sim_take(s, id);
        if (s->freq[id] >= PROMOTE_AT) {
            s->freq[id] = 0;
            sim_push(s, MAIN, id);
            continue;
        }
        if (s->ghost_max > 0) {
            if (s->queue[GHOST].len == s->ghost_max)
                sim_take(s, s->queue[GHOST].oldest);
            sim_push(s, GHOST, id);
        }
        return true;
    }
    return false;
}

/* Removes one object from the main queue; each use bought one more round. */
static void
s3_evict_main(struct sim *s)
{
    for (;;) {
        uint32_t id = s->queue[MAIN].oldest;
        sim_take(s, id);
        if (s->freq[id] == 0)
            return;
        s->freq[id]--;
        sim_push(s, MAIN, id);
    }
}

static void
s3_evict(struct sim *s)
{
    bool main_over = s->queue[MAIN].len > s->capacity - s->small_max;
    if (!main_over && s3_evict_small(s))
        return;
    if (s->queue[MAIN].len > 0)
        s3_evict_main(s);
}

uint64_t
policy_s3fifo(const uint32_t *requests, uint64_t n, uint32_t objects, uint32_t capacity)
{
    struct sim s;
    uint64_t misses = 0;
    sim_init(&s, objects, capacity);
    for (uint64_t i = 0; i < n; i++) {
        uint32_t id = requests[i];
        if (s.place[id] == SMALL || s.place[id] == MAIN) {
            s.freq[id] = s.freq[id] < FREQ_MAX ? (uint8_t)(s.freq[id] + 1) : FREQ_MAX;
            continue;
        }
        bool was_ghost = s.place[id] == GHOST;
        misses++;
        if (was_ghost)
            sim_take(&s, id);
        while (s.queue[SMALL].len + s.queue[MAIN].len >= s.capacity)
            s3_evict(&s);
        s.freq[id] = 0;
        sim_push(&s, was_ghost ? MAIN : SMALL, id);
    }
    sim_fini(&s);
    return misses;
}
