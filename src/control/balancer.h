/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The balancer of shards: looks at what each partition has cost since the last look, smooths it,
 * asks balance.h what to move, moves, and remembers why. The unit is CPU time: nanoseconds of the
 * callers' threads per second, from sampled operations times what such an operation costs on
 * average, plus a price for bytes, plus waiting for locks. It acts when two looks in a row were too
 * uneven, lets a moved partition rest, and stops looking while (almost) nothing happens.
 *
 * Everything belongs to control.lock.
 */
#ifndef ATTL_CONTROL_BALANCER_H
#define ATTL_CONTROL_BALANCER_H

#include "config/config.h"
#include "control/balance.h"
#include "engine/control.h"

struct control;

/* Sums of a partition at the last look, and what they have made of it. */
struct balancer_cell {
    uint64_t bytes, wait_ns;
    uint32_t ops[CONTROL_KINDS];
    float load;       /* CPU ns per second, smoothed */
    uint32_t rests_s; /* until then it is not moved (cache's time, s); 0: it never was */
};

/* A cycle that did something, or would have. */
struct balancer_cycle {
    int64_t at_ms;
    double before, after;
    uint64_t entries, bytes; /* in the partitions moved */
    unsigned count;
    bool dry_run, asked_for;
    struct balance_move moves[LIMIT_BALANCE_MOVES];
    char why[ATTL_WHY_BYTES];
};

struct balancer {
    double threshold;
    int64_t interval_ms;
    unsigned budget;
    struct balancer_cell *cells; /* NULL before the first look */
    unsigned partitions;
    int64_t due_ms;        /* next look of the loop; INT64_MAX: asleep */
    int64_t looked_ns;     /* real time of the last look, or of waking up */
    uint64_t sampled_look; /* samples at the last look */
    uint64_t sampled_step; /* and at the last look of the loop */
    uint64_t sampled[CONTROL_KINDS], sampled_ns[CONTROL_KINDS]; /* at the last look */
    double op_ns[CONTROL_KINDS];                                /* what one costs, smoothed */
    double rate, variance;    /* of samples: what the smoothed loads are worth, see smooth() */
    double mean, mean_square; /* weight of a sample, ns */
    bool fresh;               /* the next look starts the smoothing anew */
    unsigned uneven;          /* looks in a row */
    /* Results. */
    attl_balance_stats stats;
    struct balancer_cycle *history; /* LIMIT_BALANCE_HISTORY of them, a ring */
    unsigned history_count, history_next;
};

/* The loop's step. */
int64_t balancer_step(struct control *c, const struct control_numbers *n);
void balancer_configure(struct control *c, const attl_config *config);
void balancer_fini(struct control *c);

/* The public calls; they take the lock. */
int balancer_run(struct control *c, bool dry_run, attl_balance_report *ret);
int balancer_list(struct control *c, attl_shard_fn fn, void *ud);
int balancer_partitions(struct control *c, attl_partition_fn fn, void *ud);
int balancer_history(struct control *c, size_t max, attl_balance_fn fn, void *ud);
void balancer_stats(struct control *c, attl_balance_stats *ret);

#endif
