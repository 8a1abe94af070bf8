/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What it costs to be watched: the same operations on caches that differ in who listens, in
 * interleaved rounds. Nobody at all, the death ledger (the default), a queue that watches other
 * keys, a queue that watches these and is reaped. Times are of one thread; keys are visited in a
 * scattered order, each once, so that no cache of the processor flatters one of them.
 */
#include "bench.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { KINDS = 5, STEPS = 6, REAP = 256, LIFE_MS = 1000, QUEUE = 1 << 14 };

static const char *const step_names[STEPS] = { "get, hit", "get, cold",  "set, in place",
                                               "del",      "get, del'd", "expire" };

struct kind {
    const char *name, *ledger, *prefix; /* NULL prefix: no watch */
    bool reaps;
};

static const struct kind kinds[KINDS] = {
    { "nobody", "0", NULL, false },
    { "ledger", "65536", NULL, false },
    { "ledger, other keys watched", "65536", "other:", false },
    { "watched, never reaped", "0", "", false },
    { "watched and reaped", "0", "", true },
};

struct table {
    attl *cache;
    attl_queue *queue;
    _Atomic int64_t now_ms;
    uint64_t keys, stride;
    bool reaps;
};

static int64_t
table_now_ms(void *ud)
{
    return atomic_load_explicit(&((struct table *)ud)->now_ms, memory_order_relaxed);
}

static void
must(int status, const char *what)
{
    if (status < 0)
        bench_die("%s: %s", what, attl_strerror(status));
}

static void
table_open(struct table *t, const struct kind *kind, uint64_t keys)
{
    attl_config *config = attl_config_new();
    if (!config)
        bench_die("no memory");
    *t = (struct table){ .now_ms = 1790000000000, .keys = keys, .reaps = kind->reaps };
    t->stride = keys * 5 / 8 | 1;
    while (keys % t->stride == 0)
        t->stride += 2;
    must(attl_config_set(config, "cache.max_entries", "0", NULL, 0), "max_entries");
    must(attl_config_set(config, "cache.max_memory", "0", NULL, 0), "max_memory");
    must(attl_config_set(config, "cache.background", "no", NULL, 0), "background");
    must(attl_config_set(config, "ledger.entries", kind->ledger, NULL, 0), "ledger");
    attl_config_set_clock(config, table_now_ms, t);
    must(attl_open(&t->cache, config), "attl_open");
    attl_config_free(config);
    if (!kind->prefix)
        return;
    must(attl_queue_open(t->cache, QUEUE, &t->queue), "attl_queue_open");
    must(attl_watch(t->queue, attl_s(kind->prefix), ATTL_EV_ALL, 0, NULL), "attl_watch");
}

static void
table_reap(struct table *t)
{
    attl_completion out[REAP];
    while (attl_queue_reap(t->queue, out, REAP) == REAP)
        ;
}

static attl_slice
key_of(char text[BENCH_KEY_BYTES], uint64_t i, char first)
{
    text[0] = first;
    for (int at = BENCH_KEY_BYTES - 1; at > 0; at--, i >>= 4)
        text[at] = "0123456789abcdef"[i & 15];
    return attl_b(text, BENCH_KEY_BYTES);
}

static void
one(struct table *t, unsigned step, uint64_t i)
{
    char text[BENCH_KEY_BYTES], value[BENCH_VALUE_BYTES] = { 'v' };
    size_t len;
    attl_slice key = key_of(text, i, step == 1 ? 'c' : 'k');
    switch (step) {
    case 2: must(attl_set(t->cache, key, attl_b(value, sizeof value), LIFE_MS), "attl_set"); break;
    case 3: must(attl_del(t->cache, key), "attl_del"); break;
    default: must(attl_get(t->cache, key, value, sizeof value, &len), "attl_get"); break;
    }
}

static double
run_step(struct table *t, unsigned step)
{
    uint64_t from_ns = bench_now_ns();
    for (uint64_t n = 0, i = 0; n < t->keys; n++, i = (i + t->stride) % t->keys) {
        one(t, step, i);
        if (t->reaps && n % REAP == 0)
            table_reap(t);
    }
    return (double)(bench_now_ns() - from_ns) / (double)t->keys;
}

static double
run_expiry(struct table *t)
{
    (void)run_step(t, 2); /* they are all gone by now */
    if (t->queue)
        table_reap(t);
    atomic_fetch_add(&t->now_ms, LIFE_MS * 3);
    uint64_t from_ns = bench_thread_cpu_ns();
    do {
        attl_tick(t->cache, t->reaps ? 100 : 0, NULL);
        if (t->reaps)
            table_reap(t);
    } while (attl_size(t->cache) > 0);
    return (double)(bench_thread_cpu_ns() - from_ns) / (double)t->keys;
}

static void
measure(const struct kind *kind, uint64_t keys, struct series ns[STEPS])
{
    struct table t;
    table_open(&t, kind, keys);
    (void)run_step(&t, 2); /* memory comes from the system once */
    (void)run_step(&t, 3);
    (void)run_step(&t, 2);
    for (unsigned step = 0; step < STEPS - 1; step++)
        series_add(&ns[step], run_step(&t, step));
    series_add(&ns[STEPS - 1], run_expiry(&t));
    attl_queue_close(&t.queue);
    attl_close(&t.cache);
}

int
main(int argc, char **argv)
{
    const char *json = NULL;
    uint64_t rounds = 5, keys = 300000;
    const struct arg args[] = {
        { "rounds", ARG_U64, &rounds, "interleaved rounds" },
        { "keys", ARG_U64, &keys, "keys" },
        { "json", ARG_TEXT, &json, "file to append JSON lines to" },
    };
    args_parse(argc, argv, "Cost of being watched, and of the death ledger.", args,
               sizeof args / sizeof args[0]);
    bench_pin(0);
    static struct series ns[KINDS][STEPS];
    for (uint64_t round = 0; round < rounds; round++)
        for (unsigned k = 0; k < KINDS; k++)
            measure(&kinds[k], keys, ns[k]);
    (void)printf("%-28s", "ns, median (min)");
    for (unsigned step = 0; step < STEPS; step++)
        (void)printf(" %16s", step_names[step]);
    for (unsigned k = 0; k < KINDS; k++) {
        (void)printf("\n%-28s", kinds[k].name);
        for (unsigned step = 0; step < STEPS; step++) {
            (void)printf("  %6.1f (%6.1f)", series_median(&ns[k][step]), series_min(&ns[k][step]));
            bench_json(json,
                       "{\"bench\":\"watch\",\"kind\":\"%s\",\"op\":\"%s\",\"ns\":%.2f,"
                       "\"ns_min\":%.2f,\"ns_max\":%.2f}",
                       kinds[k].name, step_names[step], series_median(&ns[k][step]),
                       series_min(&ns[k][step]), series_max(&ns[k][step]));
        }
    }
    (void)printf("\n");
    return 0;
}
