/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes per item: after loading, and again after every item was overwritten several times, because
 * a log that looks dense when it was just written shows its slack only in the steady state. Two
 * figures are given. Metadata is what the layout costs (index, ghost, record header, rounding):
 * live + index + ghost - payload. Overhead is what the process pays: growth of the resident set
 * over the payload, slack, unsealed tails and the harness's nothing included (its own tables are
 * touched before the first reading). Each configuration runs in a child, so that none inherits a
 * used heap. A worker owns the items whose number is its own modulo the number of workers.
 */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS_MAX = 8, VARY = 32, SETTLE_MS = 2500 };

struct settings {
    uint64_t seed, items, overwrites;
    const char *json;
};

struct shape {
    const char *name;
    int64_t ttl_ms; /* 0: none */
    int64_t ttl_spread_ms;
    bool sizes_vary; /* values of 64 +- 32 bytes instead of 64 */
};

static const struct shape shapes[] = {
    { "TTL 1 h", 3600000, 0, false },
    { "no TTL", 0, 0, false },
    { "TTL 1 h, sizes +-32", 3600000, 0, true },
    { "no TTL, sizes +-32", 0, 0, true },
    { "TTL 1..2 h spread", 3600000, 3600000, false },
};

struct run {
    const struct settings *s;
    const struct shape *shape;
    attl *cache;
    uint8_t *value_bytes; /* of each item, as last written */
    uint64_t rss_before;
    unsigned threads;
};

struct worker {
    struct run *run;
    pthread_t thread;
    unsigned id;
    uint64_t writes; /* 0: load every own item once, in order */
    struct rng rng;
};

static void
item_write(struct worker *w, uint64_t item)
{
    static const uint8_t filler[BENCH_VALUE_BYTES + VARY] = { 1 };
    const struct shape *sh = w->run->shape;
    uint8_t key[BENCH_KEY_BYTES];
    size_t len = BENCH_VALUE_BYTES;
    int64_t ttl_ms = sh->ttl_ms ? sh->ttl_ms : ATTL_TTL_NONE;
    if (sh->sizes_vary)
        len = BENCH_VALUE_BYTES - VARY + (size_t)rng_below(&w->rng, 2 * VARY + 1);
    if (sh->ttl_spread_ms)
        ttl_ms += (int64_t)rng_below(&w->rng, (uint64_t)sh->ttl_spread_ms);
    key_write(key, item);
    int rc = attl_set(w->run->cache, attl_b(key, sizeof key), attl_b(filler, len), ttl_ms);
    if (rc != ATTL_OK)
        bench_die("attl_set: %s", attl_strerror(rc));
    w->run->value_bytes[item] = (uint8_t)len;
}

static void *
worker_main(void *arg)
{
    struct worker *w = arg;
    uint64_t n = w->run->s->items, step = w->run->threads;
    bench_pin(w->id);
    if (w->writes == 0)
        for (uint64_t i = w->id; i < n; i += step)
            item_write(w, i);
    for (uint64_t i = 0; i < w->writes; i++)
        item_write(w, rng_below(&w->rng, n / step) * step + w->id);
    return NULL;
}

/* All threads at once; returns microseconds of wall time per write. */
static double
run_phase(struct run *r, uint64_t writes_each, uint64_t writes_total)
{
    struct worker workers[THREADS_MAX];
    uint64_t from_ns = bench_now_ns();
    for (unsigned t = 0; t < r->threads; t++) {
        workers[t] = (struct worker){ .run = r, .id = t, .writes = writes_each };
        workers[t].rng.state = mix64(r->s->seed + t + writes_each);
        if (pthread_create(&workers[t].thread, NULL, worker_main, &workers[t]) != 0)
            bench_die("pthread_create");
    }
    for (unsigned t = 0; t < r->threads; t++)
        (void)pthread_join(workers[t].thread, NULL);
    return (double)(bench_now_ns() - from_ns) / 1e3 / (double)writes_total;
}

/* The columns of the table, in bytes per item but for the last three. */
enum column {
    COL_PAYLOAD,
    COL_METADATA,
    COL_RESIDENT,
    COL_LIVE,
    COL_INDEX,
    COL_GHOST,
    COL_DEAD,
    COL_UNSEALED,
    COL_RETIRED,
    COL_PEAK,
    COL_COMMITTED,
    COL_WAMP,
    COL_IN_PLACE,
    COL_US,
    COLUMNS
};

static const char *const columns[COLUMNS] = {
    "payload",  "metadata", "resident", "live",      "index",    "ghost",    "dead",
    "unsealed", "retired",  "peak",     "committed", "copy_amp", "in_place", "us_write",
};

static void
run_measure(const struct run *r, double us_per_write, double ret_values[COLUMNS])
{
    attl_stats st = bench_attl_stats(r->cache);
    double n = (double)r->s->items, payload = 0;
    if (st.items != r->s->items)
        bench_die("%llu items, not %llu", (unsigned long long)st.items,
                  (unsigned long long)r->s->items);
    for (uint64_t i = 0; i < r->s->items; i++)
        payload += BENCH_KEY_BYTES + r->value_bytes[i];
    double accepted = (double)(st.records_written + st.writes_in_place);
    ret_values[COL_PAYLOAD] = payload / n;
    ret_values[COL_METADATA] = ((double)(st.mem_live + st.mem_index + st.mem_ghost) - payload) / n;
    ret_values[COL_RESIDENT] = ((double)bench_rss_bytes() - (double)r->rss_before - payload) / n;
    ret_values[COL_LIVE] = (double)st.mem_live / n;
    ret_values[COL_INDEX] = (double)st.mem_index / n;
    ret_values[COL_GHOST] = (double)st.mem_ghost / n;
    ret_values[COL_DEAD] = (double)st.mem_dead / n;
    ret_values[COL_UNSEALED] = (double)st.mem_unsealed / n;
    ret_values[COL_RETIRED] = (double)st.mem_retired / n;
    ret_values[COL_PEAK] = (double)st.mem_used_peak / n;
    ret_values[COL_COMMITTED] = (double)st.mem_committed / n;
    ret_values[COL_WAMP] =
        accepted > 0 ? (double)(st.records_written + st.records_copied) / accepted : 0;
    ret_values[COL_IN_PLACE] = accepted > 0 ? (double)st.writes_in_place / accepted : 0;
    ret_values[COL_US] = us_per_write;
}

static void
run_report(const struct run *r, const char *phase, double us_per_write)
{
    double values[COLUMNS];
    char json[1024];
    size_t at = 0;
    run_measure(r, us_per_write, values);
    (void)printf("%-20s %-10s", r->shape->name, phase);
    for (unsigned c = 0; c < COLUMNS; c++) {
        (void)printf(" %8.*f", c >= COL_WAMP ? 2 : 1, values[c]);
        at += (size_t)snprintf(json + at, sizeof json - at, ",\"%s\":%.3f", columns[c], values[c]);
    }
    (void)printf("\n");
    (void)fflush(stdout);
    bench_json(r->s->json,
               "{\"bench\":\"memory\",\"shape\":\"%s\",\"phase\":\"%s\",\"items\":%llu%s}",
               r->shape->name, phase, (unsigned long long)r->s->items, json);
}

static void
run_shape(const struct settings *s, const struct shape *shape)
{
    const char *config[] = { "cache.max_memory=0", "cache.max_entries=0",
                             "cache.eviction=noeviction", NULL };
    struct run r = { .s = s, .shape = shape, .threads = bench_cpus() };
    if (r.threads > THREADS_MAX)
        r.threads = THREADS_MAX;
    r.value_bytes = bench_alloc(s->items);
    memset(r.value_bytes, 1, s->items);
    r.rss_before = bench_rss_bytes();
    r.cache = bench_attl_open(config);
    double us = run_phase(&r, 0, s->items);
    bench_sleep_ns(SETTLE_MS * UINT64_C(1000000));
    run_report(&r, "loaded", us);
    attl_stats_reset(r.cache);
    uint64_t writes = s->overwrites * s->items;
    if (writes > 0) {
        us = run_phase(&r, writes / r.threads, writes);
        run_report(&r, "overwrites", us);
        bench_sleep_ns(SETTLE_MS * UINT64_C(1000000));
        run_report(&r, "..settled", us);
    }
    attl_close(&r.cache);
    free(r.value_bytes);
}

int
main(int argc, char **argv)
{
    struct settings s = { .seed = 1, .items = 5000000, .overwrites = 5 };
    const struct arg args[] = {
        { "seed", ARG_U64, &s.seed, "seed of the draws" },
        { "items", ARG_U64, &s.items, "items" },
        { "overwrites", ARG_U64, &s.overwrites, "overwrites, times the items" },
        { "json", ARG_TEXT, &s.json, "file to append JSON lines to" },
    };
    args_parse(argc, argv, "Bytes per item of 16 + 64 bytes, after loading and after overwrites.",
               args, sizeof args / sizeof args[0]);
    (void)printf(
        "\nbytes per item; metadata and resident are what comes on top of the payload\n%-31s", "");
    for (unsigned c = 0; c < COLUMNS; c++)
        (void)printf(" %8.8s", columns[c]);
    (void)printf("\n");
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        (void)fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            run_shape(&s, &shapes[i]);
            exit(0);
        }
        int status = 0;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            bench_die("%s failed", shapes[i].name);
    }
    return 0;
}
