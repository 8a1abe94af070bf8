/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the balancer decides, as a pure function: loads of partitions and who owns them in, moves
 * with their reason out. The law is the greedy weighted move: as long as the busiest shard stands
 * too far above the mean it gives its heaviest partition that is no heavier than half its distance
 * from the idlest one, or swaps two. Each move lowers the sum of squares and never makes a new
 * maximum, so it ends. A partition that alone is more than a shard should carry cannot be helped by
 * moving it: its shard keeps it and gives the others away.
 *
 * Nothing here keeps state, knows the time or is locked; the caller lends the memory.
 */
#ifndef ATTL_CONTROL_BALANCE_H
#define ATTL_CONTROL_BALANCE_H

#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known of one partition. */
struct balance_item {
    double load; /* CPU ns per second, smoothed */
    uint64_t bytes;
    uint16_t owner;
    bool resting; /* moved a short while ago */
};

struct balance_settings {
    double threshold;         /* max over mean from which something is done */
    double stop;              /* and below which nothing more is */
    double noise;             /* of max over mean, by chance alone: see balance_noise() */
    unsigned budget;          /* most moves */
    uint64_t shard_bytes_max; /* a shard must not come to hold more, 0: no limit */
};

struct balance_input {
    const struct balance_item *items;
    unsigned partitions, shards;
    struct balance_settings settings;
};

struct balance_move {
    uint16_t partition, from, to;
    double load;
};

enum balance_outcome {
    BALANCE_EVEN,   /* nothing to do */
    BALANCE_WAIT,   /* too uneven, but by one shard whose hot partition cannot be split */
    BALANCE_DONE,   /* moves bring it below `stop` */
    BALANCE_BUDGET, /* moves help, and there is more to do */
    BALANCE_STUCK,  /* no move helps any further: resting partitions, memory, or size */
};

struct balance_plan {
    enum balance_outcome outcome;
    double before, after; /* max over mean of all shards, as measured and as expected */
    double relative;      /* the same, shards set aside for a hot partition left out, before */
    unsigned hottest;     /* shard */
    unsigned aside;       /* shards with a partition that is too hot to help */
    unsigned hot;         /* the heaviest such partition, if `aside` */
    double hot_load;      /* over the mean */
    unsigned count;
    struct balance_move moves[LIMIT_BALANCE_MOVES];
};

/* Scratch for one decision: one for each shard. */
struct balance_shard {
    double load, biggest; /* of its heaviest partition */
    uint64_t bytes;
    uint16_t biggest_at;
    bool aside, stuck;
};

/* Whether it is uneven enough to act: for hysteresis, and before a plan is made. */
bool balance_is_uneven(const struct balance_input *in, struct balance_shard *scratch,
                       struct balance_plan *ret);
/* The moves to make now. `owners` is scratch, one for each partition. */
void balance_decide(const struct balance_input *in, struct balance_shard *scratch, uint16_t *owners,
                    struct balance_plan *ret);

/*
 * How far max over mean may lie above 1 by chance alone, when all shards are loaded evenly and the
 * loads come from `samples` samples whose weights have the given mean and mean square. A shard gets
 * n = samples / shards of them; its sum has the relative standard deviation
 * sqrt(E[w^2] / E[w]^2 / n), and four of those are exceeded once in 30 000 shards and looks.
 */
double balance_noise(double samples, unsigned shards, double mean, double mean_square);
/* Where to stop for a threshold: close to 1, because moves within a process cost next to nothing
 * and every one that is saved is made later. */
double balance_stop(double threshold);

const char *balance_outcome_name(enum balance_outcome outcome);
/* One sentence with the numbers. */
void balance_why(const struct balance_plan *plan, const struct balance_settings *settings,
                 char *buf, size_t len);

#endif
