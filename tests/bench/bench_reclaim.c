/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What it costs a reader to say that it is inside: the library's own epochs beside liburcu's "bp"
 * flavour, the one an embedded library could use without registering its host's threads.
 * Both are timed inlined, over the same loop of one dependent load, quiet and while another thread
 * passes grace periods as fast as it may; the cost of the empty loop is printed and not subtracted.
 * This is evidence for docs/decisions, not a test of either. Every thread owns its counters.
 */
#include "bench.h"

#include "cache/reclaim.h"

#include <pthread.h>
#include <stdatomic.h>
#define URCU_INLINE_SMALL_FUNCTIONS
#define _LGPL_SOURCE
#include <urcu/urcu-bp.h>

enum { OPS = 20000000, KINDS = 4 };

struct disturber {
    pthread_t thread;
    atomic_bool stop;
    bool urcu;
    uint64_t periods;
};

static void *
disturber_main(void *arg)
{
    struct disturber *d = arg;
    bench_pin(1);
    while (!atomic_load_explicit(&d->stop, memory_order_relaxed)) {
        if (d->urcu)
            urcu_bp_synchronize_rcu();
        else
            (void)reclaim_advance();
        d->periods++;
    }
    return NULL;
}

static uint64_t word;

static double
time_empty(void)
{
    uint64_t from_ns = bench_now_ns();
    for (unsigned i = 0; i < OPS; i++)
        (void)*(volatile uint64_t *)&word;
    return (double)(bench_now_ns() - from_ns) / OPS;
}

static double
time_own(void)
{
    struct reclaim_reader *r = reclaim_self();
    if (!r)
        bench_die("reclaim_self");
    uint64_t from_ns = bench_now_ns();
    for (unsigned i = 0; i < OPS; i++) {
        reclaim_enter(r);
        (void)*(volatile uint64_t *)&word;
        reclaim_exit(r);
    }
    return (double)(bench_now_ns() - from_ns) / OPS;
}

/* As a public function does it: the thread's reader is looked up each time. */
static double
time_own_lookup(void)
{
    uint64_t from_ns = bench_now_ns();
    for (unsigned i = 0; i < OPS; i++) {
        struct reclaim_reader *r = reclaim_self();
        reclaim_enter(r);
        (void)*(volatile uint64_t *)&word;
        reclaim_exit(r);
    }
    return (double)(bench_now_ns() - from_ns) / OPS;
}

static double
time_urcu(void)
{
    urcu_bp_read_lock();
    urcu_bp_read_unlock();
    uint64_t from_ns = bench_now_ns();
    for (unsigned i = 0; i < OPS; i++) {
        urcu_bp_read_lock();
        (void)*(volatile uint64_t *)&word;
        urcu_bp_read_unlock();
    }
    return (double)(bench_now_ns() - from_ns) / OPS;
}

struct kind {
    const char *name;
    double (*time)(void);
    bool urcu;
};

static const struct kind kinds[KINDS] = {
    { "empty loop", time_empty, false },
    { "own epochs", time_own, false },
    { "own epochs + look-up of the thread", time_own_lookup, false },
    { "liburcu-bp", time_urcu, true },
};

/* All kinds in turn, `rounds` times, with or without a thread passing grace periods. */
static void
bench_kinds(uint64_t rounds, bool disturbed, const char *json)
{
    struct series ns[KINDS] = { 0 };
    double periods[KINDS] = { 0 };
    for (uint64_t round = 0; round < rounds; round++)
        for (unsigned k = 0; k < KINDS; k++) {
            struct disturber d = { .urcu = kinds[k].urcu };
            if (disturbed && pthread_create(&d.thread, NULL, disturber_main, &d) != 0)
                bench_die("pthread_create");
            uint64_t from_ns = bench_now_ns();
            series_add(&ns[k], kinds[k].time());
            double s = (double)(bench_now_ns() - from_ns) / 1e9;
            atomic_store(&d.stop, true);
            if (disturbed)
                (void)pthread_join(d.thread, NULL);
            periods[k] += (double)d.periods / s / (double)rounds;
        }
    (void)printf("\n%s\n%-36s %8s %16s %14s\n",
                 disturbed ? "with a thread passing grace periods" : "quiet", "", "ns",
                 "(min..max)", "periods/s");
    for (unsigned k = 0; k < KINDS; k++) {
        (void)printf("%-36s %8.2f (%6.2f..%6.2f) %14.0f\n", kinds[k].name, series_median(&ns[k]),
                     series_min(&ns[k]), series_max(&ns[k]), periods[k]);
        bench_json(
            json,
            "{\"bench\":\"reclaim\",\"kind\":\"%s\",\"disturbed\":%s,\"ns\":%.3f,\"ns_min\":%.3f,"
            "\"ns_max\":%.3f,\"periods_per_s\":%.0f}",
            kinds[k].name, disturbed ? "true" : "false", series_median(&ns[k]), series_min(&ns[k]),
            series_max(&ns[k]), periods[k]);
    }
}

int
main(int argc, char **argv)
{
    const char *json = NULL;
    uint64_t rounds = 5;
    const struct arg args[] = {
        { "rounds", ARG_U64, &rounds, "interleaved rounds" },
        { "json", ARG_TEXT, &json, "file to append JSON lines to" },
    };
    args_parse(argc, argv,
               "Cost of entering and leaving a read section, own epochs and liburcu-bp.", args,
               sizeof args / sizeof args[0]);
    bench_pin(0);
    bench_kinds(rounds, false, json);
    bench_kinds(rounds, true, json);
    return 0;
}
