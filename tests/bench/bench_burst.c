/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What callers feel of a burst of expirations, in the process: a million or more entries whose
 * deadlines fall into one second, beside one thread that reads and writes as fast as it may and one
 * that makes single calls by timetable and times them from when they were due, so that waiting is
 * not left out. Arms, in interleaved rounds: the baseline that sweeps all partitions each second,
 * the same engine that drains without pauses, and the one whose pace is controlled. The measuring
 * thread owns its histograms; the load thread shares one flag.
 */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    LIVE_KEYS = 200000,
    SPREAD_MS = 1000,
    AFTER_MS = 4000,
    LEAD_MIN_MS = 1500,
    KINDS = 2,
    ARMS_MAX = 3,
};

struct settings {
    uint64_t seed, items, rounds, period_us, loads;
    const char *json;
};

struct arm {
    const char *name;
    const char *config[8];
    struct series p99[KINDS], p999[KINDS], max[KINDS], gone_ms, cpu_s, loaded;
};

struct load {
    attl *cache;
    pthread_t thread;
    _Atomic bool stop;
    struct rng rng;
    uint64_t calls;
};

static void
item_key(uint8_t key[BENCH_KEY_BYTES], uint64_t item, bool live)
{
    key_write(key, live ? item : LIVE_KEYS + item);
}

static int
call(attl *cache, struct rng *rng, bool writes)
{
    uint8_t key[BENCH_KEY_BYTES], value[BENCH_VALUE_BYTES] = { 1 };
    size_t len;
    item_key(key, rng_below(rng, LIVE_KEYS), true);
    attl_slice k = attl_b(key, sizeof key);
    return writes ? attl_set(cache, k, attl_b(value, sizeof value), 3600000)
                  : attl_get(cache, k, value, sizeof value, &len);
}

static void *
load_main(void *arg)
{
    struct load *l = arg;
    bench_pin(1);
    for (; !atomic_load_explicit(&l->stop, memory_order_relaxed); l->calls++)
        if (call(l->cache, &l->rng, l->calls % 10 == 0) < 0)
            bench_die("a call under load has failed");
    return NULL;
}

static int64_t
fill(attl *cache, const struct settings *s)
{
    uint8_t key[BENCH_KEY_BYTES], value[BENCH_VALUE_BYTES] = { 1 };
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.ttl_ms = ATTL_TTL_NONE;
    uint64_t from_ns = bench_now_ns();
    for (uint64_t i = 0; i < LIVE_KEYS; i++) {
        item_key(key, i, true);
        if (attl_set(cache, attl_b(key, sizeof key), attl_b(value, sizeof value), 3600000) < 0)
            bench_die("attl_set");
    }
    double ms_each = (double)(bench_now_ns() - from_ns) / 1e6 / LIVE_KEYS;
    int64_t due_ms = bench_unix_ms() + LEAD_MIN_MS + (int64_t)(2 * ms_each * (double)s->items);
    due_ms = (due_ms / 1000 + 1) * 1000;
    for (uint64_t i = 0; i < s->items; i++) {
        item_key(key, i, false);
        opts.deadline_ms = due_ms + (int64_t)(mix64(s->seed + i) % SPREAD_MS);
        if (attl_set_if(cache, attl_b(key, sizeof key), attl_b(value, sizeof value), &opts, NULL,
                        NULL) < 0)
            bench_die("attl_set_if");
    }
    if (bench_unix_ms() > due_ms)
        bench_die("the machine slowed down while loading: try again");
    return due_ms;
}

/* One call each period, timed from when it should have begun. */
static int64_t
measure(attl *cache, const struct settings *s, int64_t due_ms, struct hist *hist[KINDS])
{
    struct rng rng = { mix64(s->seed + 7) };
    int64_t gone_ms = -1;
    while (bench_unix_ms() < due_ms)
        bench_sleep_ns(100000);
    uint64_t at_ns = bench_now_ns();
    for (uint64_t i = 0; bench_unix_ms() < due_ms + SPREAD_MS + AFTER_MS; i++) {
        at_ns += s->period_us * 1000;
        while (bench_now_ns() < at_ns)
            ; /* sleeping would measure the scheduler */
        bool writes = i % 2;
        if (call(cache, &rng, writes) < 0)
            bench_die("a measured call has failed");
        hist_add(hist[writes], bench_now_ns() - at_ns);
        if (gone_ms < 0 && i % 64 == 0 && attl_size(cache) <= LIVE_KEYS)
            gone_ms = bench_unix_ms() - due_ms - SPREAD_MS;
    }
    return gone_ms;
}

static void
round_run(struct arm *arm, const struct settings *s)
{
    attl *cache = bench_attl_open(arm->config);
    struct hist *hist[KINDS] = { bench_alloc(sizeof *hist[0]), bench_alloc(sizeof *hist[0]) };
    struct load l = { .cache = cache, .rng = { mix64(s->seed + 3) } };
    bench_pin(0);
    int64_t due_ms = fill(cache, s);
    if (s->loads && pthread_create(&l.thread, NULL, load_main, &l) != 0)
        bench_die("pthread_create");
    int64_t gone_ms = measure(cache, s, due_ms, hist);
    atomic_store(&l.stop, true);
    if (s->loads)
        (void)pthread_join(l.thread, NULL);
    attl_stats st = bench_attl_stats(cache);
    attl_tuner_stats ts = ATTL_TUNER_STATS_INIT;
    attl_tuner_stats_get(cache, &ts);
    (void)printf("  %-8s duty %u/1000 (%s), %llu pauses of %.0f us, quiet p99 %.1f us, last one "
                 "gone %lld ms after the last deadline\n",
                 arm->name, ts.duty_permille, ts.duty_reason, (unsigned long long)ts.pauses,
                 ts.pauses ? (double)ts.pause_ns / (double)ts.pauses / 1e3 : 0,
                 (double)ts.quiet_p99_ns / 1e3, (long long)gone_ms);
    for (int k = 0; k < KINDS; k++) {
        series_add(&arm->p99[k], (double)hist_quantile(hist[k], 0.99) / 1e3);
        series_add(&arm->p999[k], (double)hist_quantile(hist[k], 0.999) / 1e3);
        series_add(&arm->max[k], (double)hist[k]->max_ns / 1e3);
        free(hist[k]);
    }
    series_add(&arm->gone_ms, (double)gone_ms);
    series_add(&arm->cpu_s, (double)st.expire_cpu_ns / 1e9);
    series_add(&arm->loaded, (double)l.calls);
    attl_close(&cache);
}

static void
report(const struct settings *s, const struct arm *arms, unsigned n)
{
    static const char *const kinds[KINDS] = { "GET", "SET" };
    (void)printf("\n%-10s %-4s %12s %12s %12s %14s %12s %12s\n", "arm", "", "p99 us", "p99.9 us",
                 "longest us", "last gone ms", "load calls", "reclaim s");
    for (unsigned i = 0; i < n; i++)
        for (int k = 0; k < KINDS; k++) {
            const struct arm *a = &arms[i];
            (void)printf("%-10s %-4s %12.1f %12.1f %12.1f %14.0f %12.0f %12.2f\n", a->name,
                         kinds[k], series_median(&a->p99[k]), series_median(&a->p999[k]),
                         series_median(&a->max[k]), series_median(&a->gone_ms),
                         series_median(&a->loaded), series_median(&a->cpu_s));
            bench_json(s->json,
                       "{\"bench\":\"burst\",\"arm\":\"%s\",\"kind\":\"%s\",\"items\":%llu,"
                       "\"p99_us\":%.2f,\"p999_us\":%.2f,\"max_us\":%.1f,\"gone_ms\":%.0f}",
                       a->name, kinds[k], (unsigned long long)s->items, series_median(&a->p99[k]),
                       series_median(&a->p999[k]), series_median(&a->max[k]),
                       series_median(&a->gone_ms));
        }
    (void)printf("\nratio to the sweep, each round with its own (min..max)\n");
    for (unsigned i = 1; i < n; i++)
        for (int k = 0; k < KINDS; k++) {
            struct series p99, p999, max;
            series_ratio(&arms[i].p99[k], &arms[0].p99[k], &p99);
            series_ratio(&arms[i].p999[k], &arms[0].p999[k], &p999);
            series_ratio(&arms[i].max[k], &arms[0].max[k], &max);
            (void)printf("%-10s %-4s p99 x%.3f (%.3f..%.3f)  p99.9 x%.3f (%.3f..%.3f)  longest "
                         "x%.3f (%.3f..%.3f)\n",
                         arms[i].name, kinds[k], series_median(&p99), series_min(&p99),
                         series_max(&p99), series_median(&p999), series_min(&p999),
                         series_max(&p999), series_median(&max), series_min(&max),
                         series_max(&max));
        }
}

int
main(int argc, char **argv)
{
    struct settings s = { .seed = 1, .items = 1000000, .rounds = 3, .period_us = 50, .loads = 1 };
    const struct arg args[] = {
        { "seed", ARG_U64, &s.seed, "seed of the draws" },
        { "items", ARG_U64, &s.items, "entries that expire within one second" },
        { "rounds", ARG_U64, &s.rounds, "interleaved rounds" },
        { "period-us", ARG_U64, &s.period_us, "time from one measured call to the next" },
        { "loads", ARG_U64, &s.loads, "threads that call without pause beside it, 0 or 1" },
        { "json", ARG_TEXT, &s.json, "file to append JSON lines to" },
    };
    static struct arm arms[ARMS_MAX] = {
        { .name = "sweep",
          .config = { "cache.max_memory=0", "cache.max_entries=0", "adaptive.reclaim=sweep",
                      "adaptive.min_interval=1s", "adaptive.base_interval=1s", NULL } },
        { .name = "unpaced",
          .config = { "cache.max_memory=0", "cache.max_entries=0", "adaptive.enabled=no", NULL } },
        { .name = "paced", .config = { "cache.max_memory=0", "cache.max_entries=0", NULL } },
    };
    args_parse(argc, argv, "What callers feel of a burst of expirations.", args,
               sizeof args / sizeof args[0]);
    for (uint64_t round = 0; round < s.rounds && round < BENCH_ROUNDS_MAX; round++)
        for (unsigned i = 0; i < ARMS_MAX; i++)
            round_run(&arms[i], &s);
    report(&s, arms, ARMS_MAX);
    return 0;
}
