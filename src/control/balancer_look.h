/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One look of the balancer: what every partition has cost since the last one, priced, smoothed and
 * laid out for balance.h. Who looks brings the balancer's cells up to date, so looks may come at
 * any time and from anybody: the smoothing follows the time that has passed. All of it belongs to
 * control.lock.
 */
#ifndef ATTL_CONTROL_BALANCER_LOOK_H
#define ATTL_CONTROL_BALANCER_LOOK_H

#include "control/balance.h"
#include "control/balancer.h"

/* What a partition did since the last look. */
struct delta {
    double ops[CONTROL_KINDS], extra_ns; /* bytes and waiting */
};

/* One entry for each partition, one shard for each shard. */
struct look {
    const struct control_numbers *n;
    struct balance_item *items;
    uint64_t *entries;
    struct delta *deltas;
    struct balance_shard *shards;
    uint16_t *owners;
    struct balance_plan *plan;
};

/* Memory for a look; false: there is none. `n` must outlive it. */
bool look_open(struct control *c, const struct control_numbers *n, struct look *ret);
void look_close(struct control *c, struct look *l);
/* Reads, prices and smooths. */
void look_now(struct control *c, struct look *l);
/* All sampled operations. */
static inline uint64_t
look_sampled(const struct control_numbers *n)
{
    return n->sampled[CONTROL_READ] + n->sampled[CONTROL_WRITE];
}
/* How many samples the smoothed loads are worth. */
double look_worth(const struct balancer *b);

#endif
