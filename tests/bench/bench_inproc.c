/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In-process speed: get (hit, miss, 16 keys at once), overwrite, insert, 95/5 zipf, at 1, 2 and 16
 * threads, libattl beside maps and caches from Debian's packages.
 * The idea: all stores are loaded with the same items, then measured in turn, A B C D A B C D, each
 * for a fraction of a second; a ratio is taken within one round only. Keys are drawn while
 * measuring, so the harness's own cost (a line of its own in the table) is contained in every
 * figure. Every value read is checked against its key: a fast wrong answer ends the program. A
 * worker owns its generator, its buffers and its histogram; `stop` is the only shared word.
 */
#include "bench.h"
#include "store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { BLOCK = 64, STORES_MAX = 5, THREADS_MAX = 64, LATENCY_THREADS = 16 };

enum op_kind { OP_GET, OP_MISS, OP_MGET, OP_OVERWRITE, OP_MIX, OP_COUNT };

struct op {
    const char *name;
    const char *json;
};

static const struct op ops[OP_COUNT] = {
    [OP_GET] = { "get, hit, uniform", "get_hit" },
    [OP_MISS] = { "get, miss", "get_miss" },
    [OP_MGET] = { "get of 16, per key", "mget16" },
    [OP_OVERWRITE] = { "overwrite, uniform", "overwrite" },
    [OP_MIX] = { "95/5 get/set, zipf", "mix95_zipf" },
};

struct settings {
    uint64_t seed, rounds, slot_ms;
    const char *sizes, *stores, *json;
    double theta;
    bool no_threads16;
};

/* One measurement: an operation on a store by some threads. */
struct job {
    const struct store_ops *ops;
    void *store;
    enum op_kind op;
    uint64_t items;
    const struct zipf *zipf;
    bool timed; /* sample latencies, one operation in 16 */
    atomic_bool stop;
    pthread_barrier_t start;
};

struct worker {
    struct job *job;
    pthread_t thread;
    unsigned cpu;
    struct rng rng;
    uint64_t done;
    struct hist *hist;
    uint8_t keys[STORE_BATCH * STORE_KEY];
    uint8_t values[STORE_BATCH * STORE_VALUE];
};

struct result {
    double mops; /* million operations (keys for mget) per second, all threads together */
    uint64_t p50_ns, p999_ns, p9999_ns;
};

static void
value_write(uint8_t value[STORE_VALUE], uint64_t index)
{
    memcpy(value, &index, sizeof index);
    memset(value + 8, (int)(index & 0x7f), STORE_VALUE - 8);
}

static void
value_check(const struct job *j, const uint8_t *value, uint64_t index)
{
    if (memcmp(value, &index, sizeof index) != 0)
        bench_die("%s: wrong value for item %llu", j->ops->name, (unsigned long long)index);
}

static void
do_get(struct worker *w, uint64_t index, bool expect)
{
    struct job *j = w->job;
    key_write(w->keys, index);
    bool hit = j->ops->get(j->store, w->keys, w->values);
    if (hit != expect)
        bench_die("%s: item %llu %s", j->ops->name, (unsigned long long)index,
                  hit ? "is there but should not be" : "is missing");
    if (hit)
        value_check(j, w->values, index);
}

static void
do_set(struct worker *w, uint64_t index)
{
    struct job *j = w->job;
    key_write(w->keys, index);
    value_write(w->values, index);
    if (!j->ops->set(j->store, w->keys, w->values))
        bench_die("%s: a set was refused", j->ops->name);
}

static void
do_mget(struct worker *w)
{
    struct job *j = w->job;
    uint64_t index[STORE_BATCH];
    unsigned hits = 0;
    for (size_t i = 0; i < STORE_BATCH; i++) {
        index[i] = rng_below(&w->rng, j->items);
        key_write(w->keys + i * STORE_KEY, index[i]);
    }
    if (j->ops->mget) {
        hits = j->ops->mget(j->store, w->keys, w->values);
    } else {
        for (size_t i = 0; i < STORE_BATCH; i++)
            hits += j->ops->get(j->store, w->keys + i * STORE_KEY, w->values + i * STORE_VALUE);
    }
    if (hits != STORE_BATCH)
        bench_die("%s: only %u of %d hits", j->ops->name, hits, STORE_BATCH);
    for (size_t i = 0; i < STORE_BATCH; i++)
        value_check(j, w->values + i * STORE_VALUE, index[i]);
}

/* One draw and one call; returns how many keys it handled. */
static unsigned
step(struct worker *w)
{
    struct job *j = w->job;
    switch (j->op) {
    case OP_GET: do_get(w, rng_below(&w->rng, j->items), true); return 1;
    case OP_MISS: do_get(w, j->items + rng_below(&w->rng, j->items), false); return 1;
    case OP_MGET: do_mget(w); return STORE_BATCH;
    case OP_OVERWRITE: do_set(w, rng_below(&w->rng, j->items)); return 1;
    case OP_MIX:
    default:
        if (rng_below(&w->rng, 100) < 95)
            do_get(w, zipf_draw(j->zipf, &w->rng), true);
        else
            do_set(w, zipf_draw(j->zipf, &w->rng));
        return 1;
    }
}

static void *
worker_main(void *arg)
{
    struct worker *w = arg;
    struct job *j = w->job;
    bench_pin(w->cpu);
    (void)pthread_barrier_wait(&j->start);
    while (!atomic_load_explicit(&j->stop, memory_order_relaxed)) {
        for (unsigned i = 0; i < BLOCK;) {
            if (j->timed && i % 16 == 0) {
                uint64_t from_ns = bench_now_ns();
                unsigned n = step(w);
                hist_add(w->hist, bench_now_ns() - from_ns);
                i += n;
                w->done += n;
            } else {
                unsigned n = step(w);
                i += n;
                w->done += n;
            }
        }
    }
    return NULL;
}

static struct result
job_finish(struct worker *workers, unsigned threads, uint64_t wall_ns)
{
    struct result r = { 0, 0, 0, 0 };
    struct hist *all = bench_alloc(sizeof *all);
    uint64_t done = 0;
    for (unsigned t = 0; t < threads; t++) {
        done += workers[t].done;
        hist_merge(all, workers[t].hist);
        free(workers[t].hist);
    }
    r.mops = (double)done * 1e3 / (double)wall_ns;
    r.p50_ns = hist_quantile(all, 0.5);
    r.p999_ns = hist_quantile(all, 0.999);
    r.p9999_ns = hist_quantile(all, 0.9999);
    free(all);
    return r;
}

/* Runs `threads` workers on the job for `slot_ns` and adds up what they did. */
static struct result
job_run(struct job *j, unsigned threads, uint64_t slot_ns, uint64_t seed)
{
    struct worker *workers = bench_alloc(threads * sizeof *workers);
    atomic_store(&j->stop, false);
    if (pthread_barrier_init(&j->start, NULL, threads + 1) != 0)
        bench_die("pthread_barrier_init");
    for (unsigned t = 0; t < threads; t++) {
        struct worker *w = &workers[t];
        w->job = j;
        w->cpu = t;
        w->rng.state = mix64(seed + t);
        w->hist = bench_alloc(sizeof *w->hist);
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
            bench_die("pthread_create");
    }
    (void)pthread_barrier_wait(&j->start);
    uint64_t from_ns = bench_now_ns();
    bench_sleep_ns(slot_ns);
    atomic_store(&j->stop, true);
    uint64_t wall_ns = bench_now_ns() - from_ns;
    for (unsigned t = 0; t < threads; t++)
        (void)pthread_join(workers[t].thread, NULL);
    struct result r = job_finish(workers, threads, wall_ns);
    (void)pthread_barrier_destroy(&j->start);
    free(workers);
    return r;
}

/* ---- loading, which is also the measurement of insert ---- */

struct loader {
    const struct store_ops *ops;
    void *store;
    pthread_t thread;
    uint64_t first, end;
    unsigned cpu;
};

static void *
loader_main(void *arg)
{
    struct loader *l = arg;
    uint8_t key[STORE_KEY], value[STORE_VALUE];
    bench_pin(l->cpu);
    for (uint64_t i = l->first; i < l->end; i++) {
        key_write(key, i);
        value_write(value, i);
        if (!l->ops->set(l->store, key, value))
            bench_die("%s: a set was refused while loading", l->ops->name);
    }
    return NULL;
}

/* Inserts items [0, n) and returns million inserts per second. */
static double
store_load(const struct store_ops *so, void *store, uint64_t n, unsigned threads)
{
    struct loader loaders[THREADS_MAX];
    uint64_t from_ns = bench_now_ns();
    for (unsigned t = 0; t < threads; t++) {
        loaders[t] = (struct loader){ so, store, 0, n * t / threads, n * (t + 1) / threads, t };
        if (pthread_create(&loaders[t].thread, NULL, loader_main, &loaders[t]) != 0)
            bench_die("pthread_create");
    }
    for (unsigned t = 0; t < threads; t++)
        (void)pthread_join(loaders[t].thread, NULL);
    uint64_t wall_ns = bench_now_ns() - from_ns;
    if (so->size(store) != n)
        bench_die("%s: %llu items after loading %llu", so->name,
                  (unsigned long long)so->size(store), (unsigned long long)n);
    return (double)n * 1e3 / (double)wall_ns;
}

/* ---- tables ---- */

static void
head_print(const struct store_ops *const *stores, unsigned n, const char *title)
{
    (void)printf("\n%s\n%-20s %8s %8s", title, "", stores[0]->name, "ns/op");
    for (unsigned i = 1; i < n; i++)
        (void)printf(" | %9s %7s %-13s", stores[i]->name, "ratio", "(min..max)");
    (void)printf("\n");
}

static void
row_print(const char *label, const struct series *mops, unsigned n, unsigned threads)
{
    double first = series_median(&mops[0]);
    (void)printf("%-20s %8.2f %8.0f", label, first, first > 0 ? 1e3 * threads / first : 0);
    for (unsigned i = 1; i < n; i++) {
        struct series r;
        char range[32];
        series_ratio(&mops[0], &mops[i], &r);
        (void)snprintf(range, sizeof range, "(%.2f..%.2f)", series_min(&r), series_max(&r));
        (void)printf(" | %9.2f %7.2f %-13s", series_median(&mops[i]), series_median(&r), range);
    }
    (void)printf("\n");
    (void)fflush(stdout);
}

static void
row_json(const struct settings *s, const char *op, const struct store_ops *const *stores,
         const struct series *mops, unsigned n, uint64_t items_threads[2])
{
    for (unsigned i = 0; i < n; i++) {
        struct series r;
        series_ratio(&mops[0], &mops[i], &r);
        bench_json(s->json,
                   "{\"bench\":\"inproc\",\"op\":\"%s\",\"items\":%llu,\"threads\":%llu,"
                   "\"store\":\"%s\",\"mops\":%.3f,\"mops_min\":%.3f,\"mops_max\":%.3f,"
                   "\"ratio_min\":%.3f,\"ratio_max\":%.3f,\"rounds\":%u}",
                   op, (unsigned long long)items_threads[0], (unsigned long long)items_threads[1],
                   stores[i]->name, series_median(&mops[i]), series_min(&mops[i]),
                   series_max(&mops[i]), series_min(&r), series_max(&r), mops[i].n);
    }
}

struct field {
    const struct store_ops *stores[STORES_MAX];
    void *open[STORES_MAX];
    unsigned n;
    uint64_t items;
    struct zipf *zipf;
};

static void
bench_threads(const struct settings *s, struct field *f, unsigned threads)
{
    char title[96];
    (void)snprintf(title, sizeof title, "%llu items, %u thread%s: M ops/s, attl / peer",
                   (unsigned long long)f->items, threads, threads > 1 ? "s" : "");
    head_print(f->stores, f->n, title);
    for (unsigned op = 0; op < OP_COUNT; op++) {
        struct series mops[STORES_MAX] = { 0 };
        for (uint64_t round = 0; round < s->rounds; round++)
            for (unsigned i = 0; i < f->n; i++) {
                struct job j = { .ops = f->stores[i],
                                 .store = f->open[i],
                                 .op = (enum op_kind)op,
                                 .items = f->items,
                                 .zipf = f->zipf };
                uint64_t seed = s->seed + round * 1000 + op;
                series_add(&mops[i], job_run(&j, threads, s->slot_ms * 1000000, seed).mops);
            }
        row_print(ops[op].name, mops, f->n, threads);
        row_json(s, ops[op].json, f->stores, mops, f->n, (uint64_t[2]){ f->items, threads });
    }
}

/* 16 threads on the few cores there are: what happens to the operations that are interrupted. */
static void
bench_latency(const struct settings *s, struct field *f)
{
    (void)printf(
        "\n%llu items, 95/5 zipf, %d threads on %u cores: sampled latency of one operation\n"
        "%-12s %8s %8s %10s %22s %22s\n",
        (unsigned long long)f->items, LATENCY_THREADS, bench_cpus(), "", "M ops/s", "p50 ns",
        "ratio M/s", "p99.9 us (min..max)", "p99.99 us (min..max)");
    struct series mops[STORES_MAX] = { 0 }, p50[STORES_MAX] = { 0 }, p999[STORES_MAX] = { 0 },
                  p9999[STORES_MAX] = { 0 };
    for (uint64_t round = 0; round < s->rounds; round++)
        for (unsigned i = 0; i < f->n; i++) {
            struct job j = { .ops = f->stores[i],
                             .store = f->open[i],
                             .op = OP_MIX,
                             .items = f->items,
                             .zipf = f->zipf,
                             .timed = true };
            struct result r = job_run(&j, LATENCY_THREADS, s->slot_ms * 3000000, s->seed + round);
            series_add(&mops[i], r.mops);
            series_add(&p50[i], (double)r.p50_ns);
            series_add(&p999[i], (double)r.p999_ns / 1e3);
            series_add(&p9999[i], (double)r.p9999_ns / 1e3);
        }
    for (unsigned i = 0; i < f->n; i++) {
        struct series ratio;
        series_ratio(&mops[0], &mops[i], &ratio);
        (void)printf("%-12s %8.2f %8.0f %10.2f %9.1f (%.1f..%.1f) %9.1f (%.1f..%.1f)\n",
                     f->stores[i]->name, series_median(&mops[i]), series_median(&p50[i]),
                     series_median(&ratio), series_median(&p999[i]), series_min(&p999[i]),
                     series_max(&p999[i]), series_median(&p9999[i]), series_min(&p9999[i]),
                     series_max(&p9999[i]));
        bench_json(s->json,
                   "{\"bench\":\"inproc_latency\",\"items\":%llu,\"threads\":%d,\"store\":\"%s\","
                   "\"mops\":%.3f,\"p50_ns\":%.0f,\"p999_us\":%.2f,\"p9999_us\":%.2f,"
                   "\"p9999_us_max\":%.2f}",
                   (unsigned long long)f->items, LATENCY_THREADS, f->stores[i]->name,
                   series_median(&mops[i]), series_median(&p50[i]), series_median(&p999[i]),
                   series_median(&p9999[i]), series_max(&p9999[i]));
    }
    (void)fflush(stdout);
}

/* Opens every store anew and loads it, in turn; adds the speed of each to its series. */
static void
insert_round(struct field *f, unsigned threads, struct series *mops)
{
    for (unsigned i = 0; i < f->n; i++) {
        if (f->open[i])
            f->stores[i]->close(f->open[i]);
        f->open[i] = f->stores[i]->open(f->items);
        series_add(&mops[i], store_load(f->stores[i], f->open[i], f->items, threads));
    }
}

/* Small stores are rebuilt every round; a load of millions is its own average and done once. */
static void
bench_insert(const struct settings *s, struct field *f)
{
    enum { REPEAT_BELOW = 1000000 };
    bool small = f->items < REPEAT_BELOW;
    head_print(f->stores, f->n,
               "insert into an empty store (growth included): M ops/s, attl / peer");
    for (unsigned threads = small ? 1 : 2; threads <= 2; threads++) {
        struct series mops[STORES_MAX] = { 0 };
        char label[32];
        for (uint64_t round = 0; round < (small ? s->rounds : 1); round++)
            insert_round(f, threads, mops);
        (void)snprintf(label, sizeof label, "insert, %u thread%s", threads, threads > 1 ? "s" : "");
        row_print(label, mops, f->n, threads);
        row_json(s, "insert", f->stores, mops, f->n, (uint64_t[2]){ f->items, threads });
    }
}

/* The harness without a store: draw, write the key, compare. Contained in all figures above. */
static void
bench_harness(const struct settings *s, uint64_t items)
{
    enum { N = 4000000 };
    struct rng r = { mix64(s->seed) };
    uint8_t key[STORE_KEY];
    uint64_t sink = 0, word;
    uint64_t from_ns = bench_now_ns();
    for (unsigned i = 0; i < N; i++) {
        key_write(key, rng_below(&r, items));
        memcpy(&word, key, sizeof word);
        sink += word;
        __asm__ volatile("" : : "r"(sink));
    }
    (void)printf("the harness itself: %.1f ns to draw and write a uniform key",
                 (double)(bench_now_ns() - from_ns) / N);
    struct zipf *z = zipf_new(items, s->theta);
    from_ns = bench_now_ns();
    for (unsigned i = 0; i < N; i++) {
        key_write(key, zipf_draw(z, &r));
        memcpy(&word, key, sizeof word);
        sink += word;
        __asm__ volatile("" : : "r"(sink));
    }
    (void)printf(", %.1f ns for a zipf one; contained in every figure\n",
                 (double)(bench_now_ns() - from_ns) / N);
    zipf_free(z);
}

static void
bench_size(const struct settings *s, struct field *f)
{
    f->zipf = zipf_new(f->items, s->theta);
    bench_insert(s, f);
    for (unsigned threads = 1; threads <= 2; threads++)
        bench_threads(s, f, threads);
    if (!s->no_threads16)
        bench_latency(s, f);
    for (unsigned i = 0; i < f->n; i++) {
        f->stores[i]->close(f->open[i]);
        f->open[i] = NULL;
    }
    zipf_free(f->zipf);
}

/* True if `name` is one of the comma-separated names in `list`, or the list is empty. */
static bool
name_listed(const char *list, const char *name)
{
    size_t len = strlen(name);
    if (!*list)
        return true;
    for (const char *at = strstr(list, name); at; at = strstr(at + 1, name))
        if ((at == list || at[-1] == ',') && (at[len] == '\0' || at[len] == ','))
            return true;
    return false;
}

static void
field_fill(struct field *f, const char *list)
{
    const struct store_ops *all[] = { &store_attl, &store_tbb, &store_cuckoo, &store_glib };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (!all[i] || !name_listed(list, all[i]->name))
            continue;
        (void)printf("# %-9s %s\n", all[i]->name, all[i]->what);
        f->stores[f->n++] = all[i];
    }
    if (f->n == 0)
        bench_die("no store is called %s", list);
}

int
main(int argc, char **argv)
{
    struct settings s = {
        .seed = 1, .rounds = 3, .slot_ms = 250, .sizes = "100k,10M", .stores = "", .theta = 0.99
    };
    const struct arg args[] = {
        { "seed", ARG_U64, &s.seed, "seed of the key draws" },
        { "sizes", ARG_TEXT, &s.sizes, "numbers of items, a list" },
        { "rounds", ARG_U64, &s.rounds, "interleaved rounds" },
        { "slot-ms", ARG_U64, &s.slot_ms, "length of one measurement" },
        { "theta", ARG_REAL, &s.theta, "skew of zipf" },
        { "stores", ARG_TEXT, &s.stores, "which of attl,tbb,cuckoo,glib+lru; empty: all" },
        { "no-threads16", ARG_FLAG, &s.no_threads16, "leave out the 16-thread latencies" },
        { "json", ARG_TEXT, &s.json, "file to append JSON lines to" },
    };
    args_parse(argc, argv, "In-process speed of libattl beside other maps and caches.", args,
               sizeof args / sizeof args[0]);
    struct field f = { .n = 0 };
    uint64_t sizes[BENCH_LIST_MAX];
    unsigned n = args_list(s.sizes, sizes);
    field_fill(&f, s.stores);
    bench_harness(&s, 1000000);
    for (unsigned i = 0; i < n; i++) {
        f.items = sizes[i];
        bench_size(&s, &f);
    }
    return 0;
}
