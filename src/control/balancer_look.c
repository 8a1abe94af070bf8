/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking at the loads of all partitions. An operation costs what its kind costs on average, so
 * that one slow sample does not make a partition heavy; bytes and waiting are the partition's own.
 * A look is one block of memory with what was read and what is decided on it; without memory there
 * is no look.
 */
#include "control/balancer_look.h"

#include "control/control.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

enum {
    LOADS_AT_ONCE = 64, /* partitions per call of the engine; there are at least as many */
    MS_PER_S = 1000,
};
#define TAU_S 10.0          /* of the smoothing */
#define BYTE_NS 0.1         /* copying: 10 GB/s */
#define EXTRA_SHARE_MAX 0.9 /* of the measured time that bytes and waiting may explain */
#define NS_PER_S 1e9

static bool
prepare(struct control *c, const struct control_numbers *n)
{
    struct balancer *b = &c->balancer;
    if (!b->cells)
        b->cells = alloc_zero(&c->alloc, n->partitions * sizeof(*b->cells));
    if (!b->history)
        b->history = alloc_zero(&c->alloc, LIMIT_BALANCE_HISTORY * sizeof(*b->history));
    b->partitions = n->partitions;
    return b->cells && b->history;
}

static void
read_partition(struct balancer_cell *cell, const struct control_load *load, struct delta *ret)
{
    for (unsigned k = 0; k < CONTROL_KINDS; k++)
        ret->ops[k] = (uint32_t)(load->ops[k] - cell->ops[k]);
    ret->extra_ns = (double)(load->bytes - cell->bytes) * BYTE_NS +
                    (double)(load->wait_ns - cell->wait_ns);
    memcpy(cell->ops, load->ops, sizeof(cell->ops));
    cell->bytes = load->bytes;
    cell->wait_ns = load->wait_ns;
}

/*
 * What a sampled operation of each kind costs beside bytes and waiting. Both are inside of what was
 * measured, so they are taken out of it, evenly: the loads add up to the time that was measured.
 */
static void
price(struct balancer *b, const struct control_numbers *n, const struct delta *all, double weight)
{
    double total_ns = 0, ops = 0;
    for (unsigned k = 0; k < CONTROL_KINDS; k++) {
        total_ns += (double)(n->sampled_ns[k] - b->sampled_ns[k]);
        ops += (double)(n->sampled[k] - b->sampled[k]);
    }
    if (total_ns <= 0 || ops <= 0)
        return;
    double extra = all->extra_ns / total_ns;
    extra = extra < EXTRA_SHARE_MAX ? extra : EXTRA_SHARE_MAX;
    double square = 0;
    for (unsigned k = 0; k < CONTROL_KINDS; k++) {
        double count = (double)(n->sampled[k] - b->sampled[k]);
        if (count > 0) {
            double each = (double)(n->sampled_ns[k] - b->sampled_ns[k]) / count * (1 - extra);
            b->op_ns[k] += (each - b->op_ns[k]) * (b->op_ns[k] > 0 ? weight : 1);
        }
        square += count * b->op_ns[k] * b->op_ns[k];
        b->sampled[k] = n->sampled[k];
        b->sampled_ns[k] = n->sampled_ns[k];
    }
    /* Of the extras only the sum is known; their squares are at most that times the largest. And
     * (x + y)^2 <= 2 x^2 + 2 y^2. */
    b->mean = total_ns / ops;
    b->mean_square = (extra > 0 ? 2 : 1) * square / ops +
                     2 * all->extra_ns * CONTROL_SAMPLE_MAX_NS / ops;
}

/*
 * Smooths the loads with `weight` for what is new. Of counts, which scatter by their square root,
 * `rate` and `variance` are smoothed alike: rate^2 / variance is how many samples the smoothed
 * loads are worth.
 */
static void
smooth(struct balancer *b, const struct delta *deltas, double seconds, double weight)
{
    double scale = CONTROL_SAMPLE_EVERY / seconds, counted = 0;
    for (unsigned i = 0; i < b->partitions; i++) {
        double ns = deltas[i].extra_ns;
        for (unsigned k = 0; k < CONTROL_KINDS; k++) {
            ns += deltas[i].ops[k] * b->op_ns[k];
            counted += deltas[i].ops[k];
        }
        b->cells[i].load += (float)((ns * scale - b->cells[i].load) * weight);
    }
    double rate = counted / seconds;
    b->rate = (1 - weight) * b->rate + weight * rate;
    b->variance = (1 - weight) * (1 - weight) * b->variance + weight * weight * rate / seconds;
}

double
look_worth(const struct balancer *b)
{
    return b->variance > 0 ? b->rate * b->rate / b->variance : 0;
}

bool
look_open(struct control *c, const struct control_numbers *n, struct look *l)
{
    size_t p = n->partitions, s = n->shards;
    size_t bytes =
        sizeof(*l->plan) + s * sizeof(*l->shards) +
        p * (sizeof(*l->items) + sizeof(*l->entries) + sizeof(*l->deltas) + sizeof(*l->owners));
    char *at = prepare(c, n) ? alloc_zero(&c->alloc, bytes) : NULL;
    if (!at)
        return false;
    *l = (struct look){ .n = n };
    l->plan = (struct balance_plan *)(void *)at; /* first: this is what is freed */
    at += sizeof(*l->plan);
    l->items = (struct balance_item *)(void *)at;
    at += p * sizeof(*l->items);
    l->entries = (uint64_t *)(void *)at;
    at += p * sizeof(*l->entries);
    l->deltas = (struct delta *)(void *)at;
    at += p * sizeof(*l->deltas);
    l->shards = (struct balance_shard *)(void *)at;
    at += s * sizeof(*l->shards);
    l->owners = (uint16_t *)(void *)at;
    return true;
}

void
look_close(struct control *c, struct look *l)
{
    alloc_free(&c->alloc, l->plan);
}

static void
read_loads(struct control *c, struct look *l, struct delta *ret_all)
{
    struct balancer *b = &c->balancer;
    struct control_load loads[LOADS_AT_ONCE];
    for (unsigned first = 0; first < b->partitions; first += LOADS_AT_ONCE) {
        control_observe_loads(c->a, first, LOADS_AT_ONCE, loads);
        for (unsigned i = 0; i < LOADS_AT_ONCE; i++) {
            unsigned p = first + i;
            read_partition(&b->cells[p], &loads[i], &l->deltas[p]);
            ret_all->extra_ns += l->deltas[p].extra_ns;
            /* A partition may be about to leave a shard that is no more. */
            l->items[p].owner = (uint16_t)(loads[i].owner % l->n->shards);
            l->items[p].bytes = loads[i].live_bytes;
            l->items[p].resting = b->cells[p].rests_s > l->n->now_ms / MS_PER_S;
            l->entries[p] = loads[i].items;
        }
    }
}

/* Brings the loads up to date. */
void
look_now(struct control *c, struct look *l)
{
    struct balancer *b = &c->balancer;
    const struct control_numbers *n = l->n;
    struct delta all = { { 0 }, 0 };
    double seconds = (double)(n->mono_ns - b->looked_ns) / NS_PER_S;
    read_loads(c, l, &all);
    if (seconds <= 0 || !b->looked_ns)
        seconds = (double)b->interval_ms / MS_PER_S;
    double weight = b->fresh ? 1 : 1 - exp(-seconds / TAU_S);
    price(b, n, &all, weight);
    smooth(b, l->deltas, seconds, weight);
    for (unsigned i = 0; i < b->partitions; i++)
        l->items[i].load = b->cells[i].load;
    b->fresh = false;
    b->looked_ns = n->mono_ns;
    b->sampled_look = look_sampled(n);
    b->stats.looks++;
}
