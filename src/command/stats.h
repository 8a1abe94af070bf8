/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters of commands. Each worker owns one set and is its only writer, so that counting is a
 * plain load and store; INFO reads the sets of all workers with relaxed atomics and adds them. Time
 * is measured for one call in COMMAND_TIMED_EVERY of each command, the first included, because
 * reading a clock twice for every command would cost more than most commands do.
 */
#ifndef ATTL_COMMAND_STATS_H
#define ATTL_COMMAND_STATS_H

#include "base/histogram.h"
#include "command/command.h"

#include <stdatomic.h>

enum { COMMAND_TIMED_EVERY = 16 };

/* Error codes counted one by one; everything else counts as the first. */
enum command_error {
    ERROR_ERR,
    ERROR_OOM,
    ERROR_NOAUTH,
    ERROR_WRONGPASS,
    ERROR_NOPROTO,
    ERROR_LOADING,
    ERROR_MISCONF,
    ERROR_BUSY,
    ERROR_THROTTLED,
    ERROR_COUNT
};

struct command_counter {
    _Atomic uint64_t calls;
    _Atomic uint64_t timed;    /* calls whose time was taken */
    _Atomic uint64_t timed_ns; /* and their nanoseconds */
    _Atomic uint64_t rejected; /* refused before they ran: arity, authentication, loading */
    _Atomic uint64_t failed;   /* ran, and answered an error */
};

/* Durations of the timed calls of one command, ns. A row that is never timed touches no memory. */
struct command_latency {
    _Atomic uint32_t counts[HISTOGRAM_CLASSES];
};

struct command_stats {
    _Atomic uint64_t errors[ERROR_COUNT];
    struct command_latency *latency; /* one for each row */
    size_t rows;                     /* of command_table */
    struct command_counter counters[];
};

/* The sum over all workers of one command. */
struct command_total {
    uint64_t calls, rejected, failed;
    uint64_t timed, timed_ns;
    double usec; /* estimated from the timed calls */
};

static inline void
stats_add(_Atomic uint64_t *counter, uint64_t n)
{
    /* One writer: no read-modify-write instruction is needed. */
    uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, old + n, memory_order_relaxed);
}

/* Counts a call of row `row`; true if its time is to be taken and given to stats_timed(). */
static inline bool
stats_call(struct command_stats *stats, size_t row)
{
    _Atomic uint64_t *calls = &stats->counters[row].calls;
    uint64_t old = atomic_load_explicit(calls, memory_order_relaxed);
    atomic_store_explicit(calls, old + 1, memory_order_relaxed);
    return old % COMMAND_TIMED_EVERY == 0;
}

void stats_timed(struct command_stats *stats, size_t row, int64_t ns);
/* Counts an error reply, given its text after the '-'. */
void stats_error(struct command_stats *stats, attl_slice text);

struct command_total stats_total(const struct command_env *env, size_t row);
/* Adds the durations of the timed calls of a row, all workers', to `counts`, by class. */
void stats_latency(const struct command_env *env, size_t row, uint64_t counts[HISTOGRAM_CLASSES]);
uint64_t stats_errors_total(const struct command_env *env, enum command_error error);
const char *stats_error_name(enum command_error error);
/* Clears the counters of all workers. Calls counted at the same time may survive or get lost. */
void stats_reset(const struct command_env *env);

#endif
