/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of counters and their sums. A set is one allocation, sized by the table. Summing walks at
 * most one set per worker; it is done for INFO only, so nothing is kept precomputed.
 */
#include "command/stats.h"

#include "base/assert.h"
#include "command/table.h"

#include <stdlib.h>

static const char *const error_names[ERROR_COUNT] = {
    [ERROR_ERR] = "ERR",
    [ERROR_OOM] = "OOM",
    [ERROR_NOAUTH] = "NOAUTH",
    [ERROR_WRONGPASS] = "WRONGPASS",
    [ERROR_NOPROTO] = "NOPROTO",
    [ERROR_LOADING] = "LOADING",
    [ERROR_MISCONF] = "MISCONF",
    [ERROR_BUSY] = "BUSY",
    [ERROR_THROTTLED] = "THROTTLED",
};

struct command_stats *
command_stats_new(void)
{
    size_t rows = command_table_len;
    struct command_stats *stats =
        calloc(1, sizeof(struct command_stats) + rows * sizeof(struct command_counter));
    if (!stats)
        return NULL;
    stats->rows = rows;
    stats->latency = calloc(rows, sizeof(*stats->latency));
    if (stats->latency)
        return stats;
    free(stats);
    return NULL;
}

void
command_stats_free(struct command_stats *stats)
{
    if (stats)
        free(stats->latency);
    free(stats);
}

void
stats_timed(struct command_stats *stats, size_t row, int64_t ns)
{
    ASSERT(row < stats->rows);
    uint64_t took_ns = ns > 0 ? (uint64_t)ns : 0;
    stats_add(&stats->counters[row].timed, 1);
    stats_add(&stats->counters[row].timed_ns, took_ns);
    _Atomic uint32_t *class = &stats->latency[row].counts[histogram_class(took_ns)];
    uint32_t old = atomic_load_explicit(class, memory_order_relaxed);
    atomic_store_explicit(class, old + 1, memory_order_relaxed); /* as stats_add() */
}

void
stats_error(struct command_stats *stats, attl_slice text)
{
    const char *space = memchr(text.data, ' ', text.len);
    size_t len = space ? (size_t)(space - (const char *)text.data) : text.len;
    size_t error = ERROR_COUNT;
    while (--error > ERROR_ERR)
        if (strlen(error_names[error]) == len && memcmp(error_names[error], text.data, len) == 0)
            break;
    stats_add(&stats->errors[error], 1);
}

const char *
stats_error_name(enum command_error error)
{
    ASSERT(error < ERROR_COUNT);
    return error_names[error];
}

/* The i-th set of the environment, or NULL past the last. */
static struct command_stats *
stats_set(const struct command_env *env, size_t i)
{
    if (!env->all_stats)
        return i == 0 ? env->stats : NULL;
    return i < env->all_stats_len ? env->all_stats[i] : NULL;
}

static uint64_t
read_counter(_Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

struct command_total
stats_total(const struct command_env *env, size_t row)
{
    struct command_total total = { 0 };
    struct command_stats *set;
    for (size_t i = 0; (set = stats_set(env, i)) != NULL; i++) {
        ASSERT(row < set->rows);
        struct command_counter *c = &set->counters[row];
        uint64_t calls = read_counter(&c->calls);
        uint64_t timed = read_counter(&c->timed);
        total.calls += calls;
        total.rejected += read_counter(&c->rejected);
        total.failed += read_counter(&c->failed);
        uint64_t timed_ns = read_counter(&c->timed_ns);
        total.timed += timed;
        total.timed_ns += timed_ns;
        if (timed)
            total.usec += (double)timed_ns / 1000.0 / (double)timed * (double)calls;
    }
    return total;
}

void
stats_latency(const struct command_env *env, size_t row, uint64_t counts[HISTOGRAM_CLASSES])
{
    struct command_stats *set;
    for (size_t i = 0; (set = stats_set(env, i)) != NULL; i++) {
        ASSERT(row < set->rows);
        if (read_counter(&set->counters[row].timed) == 0)
            continue; /* and no page of the system's zeros is asked for */
        for (unsigned class = 0; class < HISTOGRAM_CLASSES; class ++)
            counts[class] +=
                atomic_load_explicit(&set->latency[row].counts[class], memory_order_relaxed);
    }
}

uint64_t
stats_errors_total(const struct command_env *env, enum command_error error)
{
    ASSERT(error < ERROR_COUNT);
    uint64_t total = 0;
    struct command_stats *set;
    for (size_t i = 0; (set = stats_set(env, i)) != NULL; i++)
        total += read_counter(&set->errors[error]);
    return total;
}

static void
clear_counter(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, 0, memory_order_relaxed);
}

static void
stats_clear(struct command_stats *set)
{
    for (size_t e = 0; e < ERROR_COUNT; e++)
        clear_counter(&set->errors[e]);
    for (size_t row = 0; row < set->rows; row++) {
        struct command_counter *c = &set->counters[row];
        if (read_counter(&c->timed) > 0)
            for (unsigned class = 0; class < HISTOGRAM_CLASSES; class ++)
                atomic_store_explicit(&set->latency[row].counts[class], 0, memory_order_relaxed);
        clear_counter(&c->calls);
        clear_counter(&c->timed);
        clear_counter(&c->timed_ns);
        clear_counter(&c->rejected);
        clear_counter(&c->failed);
    }
}

void
stats_reset(const struct command_env *env)
{
    struct command_stats *set;
    for (size_t i = 0; (set = stats_set(env, i)) != NULL; i++)
        stats_clear(set);
}
