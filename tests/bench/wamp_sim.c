/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulation of wamp_sim.h: 500 chunks of 400 records. Larger ones give the same figures to
 * within 2 %, at the price of more waiting than measuring. Invariant: an item's `where` names the
 * one place that holds it; every other copy of it is dead, and a chunk's `live` counts the places
 * in it that are some item's. At least FREE_MIN chunks stay free, so that cleaning one chunk always
 * has somewhere to put its survivors.
 */
#include "wamp_sim.h"

#include <stdlib.h>

enum { CHUNKS = 500, RECORDS = 400, FREE_MIN = 3, WARM_TURNS = 5, COUNT_TURNS = 4 };
enum { FRESH, SURVIVORS, STREAMS };

#define NOWHERE UINT32_MAX

struct sim {
    uint32_t *where; /* of each item: chunk * RECORDS + place */
    uint32_t *item;  /* at each place */
    unsigned live[CHUNKS], used[CHUNKS];
    uint64_t opened[CHUNKS];
    bool closed[CHUNKS]; /* full, and so a candidate for cleaning */
    unsigned free[CHUNKS], free_count;
    unsigned open[STREAMS];
    uint64_t clock;
    uint64_t accepted, copied;
};

static unsigned
chunk_take(struct sim *s)
{
    unsigned c = s->free[--s->free_count];
    s->live[c] = s->used[c] = 0;
    s->opened[c] = s->clock++;
    return c;
}

static void
put(struct sim *s, unsigned stream, uint32_t item)
{
    if (s->used[s->open[stream]] == RECORDS) {
        s->closed[s->open[stream]] = true;
        s->open[stream] = chunk_take(s);
    }
    unsigned c = s->open[stream];
    if (s->where[item] != NOWHERE)
        s->live[s->where[item] / RECORDS]--;
    s->where[item] = c * RECORDS + s->used[c];
    s->item[s->where[item]] = item;
    s->used[c]++;
    s->live[c]++;
}

static unsigned
chunk_best(const struct sim *s)
{
    unsigned best = CHUNKS;
    double best_benefit = -1;
    for (unsigned c = 0; c < CHUNKS; c++) {
        double u = (double)s->live[c] / RECORDS;
        double benefit = (1 - u) / (1 + u) * (double)(s->clock - s->opened[c]);
        if (s->closed[c] && benefit > best_benefit) {
            best = c;
            best_benefit = benefit;
        }
    }
    if (best == CHUNKS)
        bench_die("the simulation found nothing to clean");
    return best;
}

static void
chunk_clean(struct sim *s)
{
    unsigned c = chunk_best(s);
    s->closed[c] = false;
    for (uint32_t at = c * RECORDS; at < (c + 1) * RECORDS; at++) {
        if (s->where[s->item[at]] != at)
            continue;
        put(s, SURVIVORS, s->item[at]);
        s->copied++;
    }
    s->free[s->free_count++] = c;
}

uint64_t
draw_item(enum draw draw, uint64_t n, const struct zipf *zipf, struct rng *rng)
{
    if (draw == DRAW_ZIPF)
        return zipf_draw(zipf, rng);
    if (draw == DRAW_8020 && rng_below(rng, 100) < 80)
        return rng_below(rng, n / 5);
    if (draw == DRAW_8020)
        return n / 5 + rng_below(rng, n - n / 5);
    return rng_below(rng, n);
}

static void
sim_run(struct sim *s, enum draw draw, uint32_t items, const struct zipf *zipf, uint64_t seed)
{
    struct rng rng = { mix64(seed) };
    uint64_t warm = (uint64_t)items * WARM_TURNS, all = warm + (uint64_t)items * COUNT_TURNS;
    for (uint64_t i = 0; i < all + items; i++) {
        uint32_t item = i < items ? (uint32_t)i : (uint32_t)draw_item(draw, items, zipf, &rng);
        put(s, FRESH, item);
        s->accepted++;
        while (s->free_count < FREE_MIN)
            chunk_clean(s);
        if (i == items + warm)
            s->accepted = s->copied = 0;
    }
}

double
wamp_simulate(enum draw draw, double theta, double utilization, uint64_t seed)
{
    uint32_t items = (uint32_t)(utilization * CHUNKS * RECORDS);
    struct sim *s = bench_alloc(sizeof *s);
    struct zipf *zipf = zipf_new(items, theta);
    s->where = bench_alloc(items * sizeof *s->where);
    s->item = bench_alloc((size_t)CHUNKS * RECORDS * sizeof *s->item);
    for (uint32_t i = 0; i < items; i++)
        s->where[i] = NOWHERE;
    while (s->free_count < CHUNKS) {
        s->free[s->free_count] = s->free_count;
        s->free_count++;
    }
    for (unsigned stream = 0; stream < STREAMS; stream++)
        s->open[stream] = chunk_take(s);
    sim_run(s, draw, items, zipf, seed);
    double wamp = (double)(s->accepted + s->copied) / (double)s->accepted;
    zipf_free(zipf);
    free(s->where);
    free(s->item);
    free(s);
    return wamp;
}
