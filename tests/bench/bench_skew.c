/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A skewed, concurrent workload on all processors, Zipf 0.99, in two kinds: nine reads to one write
 * of lives that outlast the run; and churn, seven to three, whose writes live for one to four
 * seconds, so that entries expire all the time. Arms: the cache as it is; the same cache while
 * another thread moves partitions between shards, or only wakes as often as that one does; the
 * baseline of the claim, which is the same engine with fixed shards, a full sweep at fixed
 * intervals and no incident response; and a design as the ancestor's, 16 tables each with a mutex
 * and an LRU list, which knows no lives. A store exists only while it is measured, because a
 * baseline sweeps when idle, too. One operation in 32 is timed; threads share nothing but the
 * store.
 */
#include "bench.h"
#include "store.h"

#include <attl/attl_unstable.h>

#include <pthread.h>
#include <stdatomic.h>

enum {
    ANCESTOR_SHARDS = 16,
    THREADS_MAX = 64,
    TIMED_ONE_IN = 32,
    LIFE_MS = 600000,
    CHURN_LIFE_MS = 1000,
    CHURN_LIVES = 4,
    MOVE_EVERY_NS = 10000000,
    SETTINGS_MAX = 12,
};

enum side { NOBODY, WAKES, MOVES };
enum store { ADAPTIVE, BASELINE, ANCESTOR };

static const struct arm {
    const char *name;
    enum store store; /* neighbours of one store are measured in the same one */
    bool churn;
    enum side side;
} arms[] = {
    { "adaptive", ADAPTIVE, false, NOBODY },        { "adaptive, woken", ADAPTIVE, false, WAKES },
    { "adaptive, moving", ADAPTIVE, false, MOVES }, { "baseline", BASELINE, false, NOBODY },
    { "mutex per shard", ANCESTOR, false, NOBODY }, { "adaptive, churn", ADAPTIVE, true, NOBODY },
    { "baseline, churn", BASELINE, true, NOBODY },
};

enum { ARMS = sizeof arms / sizeof arms[0] };

struct world {
    attl *cache;                     /* or */
    void *ancestor[ANCESTOR_SHARDS]; /* of glib's tables */
    struct zipf *zipf;
    uint64_t moves_per_step, moved;
    bool churn;
    _Atomic bool stop;
};

struct worker {
    pthread_t thread;
    struct world *w;
    unsigned number;
    uint64_t seed, ops;
    struct hist hist;
};

static void
one_op(struct world *w, const uint8_t *key, bool write, int64_t life_ms)
{
    uint8_t value[BENCH_VALUE_BYTES] = { 1 };
    size_t len;
    if (w->cache) {
        attl_slice k = attl_b(key, BENCH_KEY_BYTES);
        int status = write ? attl_set(w->cache, k, attl_b(value, sizeof value), life_ms)
                           : attl_get(w->cache, k, value, sizeof value, &len);
        if (status < 0)
            bench_die("%s", attl_strerror(status));
        return;
    }
    void *store = w->ancestor[key[BENCH_KEY_BYTES - 1] % ANCESTOR_SHARDS];
    if (write)
        (void)store_glib.set(store, key, value);
    else
        (void)store_glib.get(store, key, value);
}

static int64_t
draw_life(const struct world *w, struct rng *r)
{
    return w->churn ? CHURN_LIFE_MS * (int64_t)(1 + rng_below(r, CHURN_LIVES)) : LIFE_MS;
}

static void *
work(void *arg)
{
    struct worker *me = arg;
    struct rng r = { .state = me->seed };
    uint8_t key[BENCH_KEY_BYTES];
    bench_pin(me->number);
    while (!atomic_load_explicit(&me->w->stop, memory_order_relaxed)) {
        key_write(key, zipf_draw(me->w->zipf, &r));
        bool write = rng_below(&r, 10) < (me->w->churn ? 3 : 1);
        bool timed = me->ops % TIMED_ONE_IN == 0;
        int64_t life_ms = draw_life(me->w, &r);
        uint64_t from_ns = timed ? bench_now_ns() : 0;
        one_op(me->w, key, write, life_ms);
        if (timed)
            hist_add(&me->hist, bench_now_ns() - from_ns);
        me->ops++;
    }
    return NULL;
}

/* Moves partitions, or with none to move only takes a processor as often. */
static void *
move(void *arg)
{
    struct world *w = arg;
    struct rng r = { .state = 1 };
    attl_stats st = bench_attl_stats(w->cache);
    while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
        for (uint64_t i = 0; i < w->moves_per_step; i++)
            attl_unstable_partition_move(w->cache, rng_below(&r, st.partitions),
                                         (uint32_t)rng_below(&r, st.shards));
        w->moved += w->moves_per_step;
        bench_sleep_ns(MOVE_EVERY_NS);
    }
    return NULL;
}

struct settings {
    uint64_t rounds, keys, threads, slot_ms, moves, sweep_ms, shards;
    const char *json;
};

static void
open_cache(struct world *w, const struct settings *s, enum store store)
{
    char sweep[64], least[64], shards[64];
    const char *on[SETTINGS_MAX] = { "cache.max_memory=4gb", "cache.max_entries=0", shards,
                                     "balancer.interval=1s", NULL };
    const char *off[SETTINGS_MAX] = { "cache.max_memory=4gb",
                                      "cache.max_entries=0",
                                      shards,
                                      "balancer.enabled=no",
                                      "hotkeys.enabled=no",
                                      "adaptive.reclaim=sweep",
                                      least,
                                      sweep,
                                      "incident.enabled=no",
                                      NULL };
    (void)snprintf(sweep, sizeof sweep, "adaptive.base_interval=%llums",
                   (unsigned long long)s->sweep_ms);
    (void)snprintf(least, sizeof least, "adaptive.min_interval=%llums",
                   (unsigned long long)s->sweep_ms);
    (void)snprintf(shards, sizeof shards, "cache.num_shards=%llu", (unsigned long long)s->shards);
    w->cache = bench_attl_open(store == BASELINE ? off : on);
}

static void
world_open(struct world *w, const struct settings *s, const struct arm *arm)
{
    struct zipf *zipf = w->zipf;
    struct rng r = { .state = 5 };
    uint8_t key[BENCH_KEY_BYTES];
    *w = (struct world){ .zipf = zipf, .churn = arm->churn };
    if (arm->store != ANCESTOR)
        open_cache(w, s, arm->store);
    for (unsigned i = 0; !w->cache && i < ANCESTOR_SHARDS; i++)
        w->ancestor[i] = store_glib.open(s->keys);
    for (uint64_t i = 0; i < s->keys; i++) {
        key_write(key, i);
        one_op(w, key, true, draw_life(w, &r));
    }
}

static void
world_close(struct world *w)
{
    for (unsigned i = 0; !w->cache && i < ANCESTOR_SHARDS; i++)
        store_glib.close(w->ancestor[i]);
    attl_close(&w->cache);
}

struct outcome {
    struct series mops, p99_ns, cpu_ns;
};

/* One slot of work on all threads; `ret` NULL: only to warm up. */
static void
run_slot(struct world *w, const struct settings *s, enum side side, struct outcome *ret)
{
    static struct worker workers[THREADS_MAX];
    static struct hist all;
    pthread_t mover;
    all = (struct hist){ .total = 0 };
    atomic_store(&w->stop, false);
    w->moves_per_step = side == MOVES ? s->moves : 0;
    uint64_t from_ns = bench_now_ns(), cpu_ns = bench_process_cpu_ns(), ops = 0;
    for (unsigned i = 0; i < s->threads; i++) {
        workers[i] = (struct worker){ .w = w, .number = i, .seed = from_ns + i };
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            bench_die("no thread");
    }
    if (side != NOBODY && pthread_create(&mover, NULL, move, w) != 0)
        bench_die("no thread");
    bench_sleep_ns(s->slot_ms * 1000000);
    atomic_store(&w->stop, true);
    for (unsigned i = 0; i < s->threads; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        ops += workers[i].ops;
        hist_merge(&all, &workers[i].hist);
    }
    double seconds = (double)(bench_now_ns() - from_ns) / 1e9;
    if (side != NOBODY)
        (void)pthread_join(mover, NULL);
    if (!ret)
        return;
    series_add(&ret->mops, (double)ops / seconds / 1e6);
    series_add(&ret->p99_ns, (double)hist_quantile(&all, 0.99));
    series_add(&ret->cpu_ns, (double)(bench_process_cpu_ns() - cpu_ns) / (double)ops);
}

/* All arms once. */
static uint64_t
run_round(struct world *w, const struct settings *s, struct outcome out[ARMS])
{
    uint64_t moved = 0;
    for (unsigned arm = 0; arm < ARMS; arm++) {
        const struct arm *before = arm ? &arms[arm - 1] : NULL, *a = &arms[arm];
        if (a->store == ANCESTOR && !&store_glib) /* a weak reference */
            continue;
        if (!before || before->store != a->store || before->churn != a->churn) {
            world_open(w, s, a);
            run_slot(w, s, NOBODY, NULL);
        }
        run_slot(w, s, a->side, &out[arm]);
        if (arm + 1 == ARMS || arms[arm + 1].store != a->store || arms[arm + 1].churn != a->churn) {
            moved += w->moved;
            world_close(w);
        }
    }
    return moved;
}

static void
print_ratio(const struct outcome *out, unsigned a, unsigned b, const char *json)
{
    struct series mops, p99, cpu;
    if (out[a].mops.n == 0 || out[b].mops.n == 0)
        return;
    series_ratio(&out[a].mops, &out[b].mops, &mops);
    series_ratio(&out[a].p99_ns, &out[b].p99_ns, &p99);
    series_ratio(&out[a].cpu_ns, &out[b].cpu_ns, &cpu);
    (void)printf("%s / %s: throughput %.2fx (%.2f..%.2f), p99 %.2fx (%.2f..%.2f), CPU per "
                 "operation %.2fx (%.2f..%.2f)\n",
                 arms[a].name, arms[b].name, series_median(&mops), series_min(&mops),
                 series_max(&mops), series_median(&p99), series_min(&p99), series_max(&p99),
                 series_median(&cpu), series_min(&cpu), series_max(&cpu));
    bench_json(json,
               "{\"bench\":\"skew\",\"arm\":\"%s\",\"baseline\":\"%s\",\"throughput\":%.3f,"
               "\"p99\":%.3f,\"cpu\":%.3f}",
               arms[a].name, arms[b].name, series_median(&mops), series_median(&p99),
               series_median(&cpu));
}

static void
report(const struct settings *s, const struct outcome out[ARMS], uint64_t moved)
{
    (void)printf("baseline: the same engine, balancer.enabled=no, hotkeys.enabled=no, "
                 "adaptive.reclaim=sweep each %llu ms, incident.enabled=no\n",
                 (unsigned long long)s->sweep_ms);
    for (unsigned arm = 0; arm < ARMS; arm++)
        if (out[arm].mops.n)
            (void)printf("%-18s %7.2f Mops/s  p99 %6.0f ns  CPU %6.0f ns/op\n", arms[arm].name,
                         series_median(&out[arm].mops), series_median(&out[arm].p99_ns),
                         series_median(&out[arm].cpu_ns));
    (void)printf("%llu partitions were moved\n", (unsigned long long)moved);
    print_ratio(out, 2, 1, s->json);
    print_ratio(out, 2, 0, s->json);
    print_ratio(out, 0, 3, s->json);
    print_ratio(out, 0, 4, s->json);
    print_ratio(out, 5, 6, s->json);
}

int
main(int argc, char **argv)
{
    struct settings s = { .rounds = 5,
                          .keys = 1000000,
                          .threads = bench_cpus(),
                          .slot_ms = 1000,
                          .moves = 100,
                          .sweep_ms = 1000,
                          .shards = 8 };
    const struct arg args[] = {
        { "rounds", ARG_U64, &s.rounds, "interleaved rounds" },
        { "keys", ARG_U64, &s.keys, "keys" },
        { "threads", ARG_U64, &s.threads, "threads" },
        { "slot-ms", ARG_U64, &s.slot_ms, "length of a measurement" },
        { "moves", ARG_U64, &s.moves, "partitions moved every 10 ms in the arm that moves" },
        { "sweep-ms", ARG_U64, &s.sweep_ms, "the baseline sweeps so often, at least 1000" },
        { "shards", ARG_U64, &s.shards, "shards" },
        { "json", ARG_TEXT, &s.json, "file to append JSON lines to" },
    };
    args_parse(argc, argv, "A skewed concurrent workload, with features, moves and neither.", args,
               sizeof args / sizeof args[0]);
    if (s.threads > THREADS_MAX)
        s.threads = THREADS_MAX;
    static struct outcome out[ARMS];
    static struct world world;
    uint64_t moved = 0;
    world.zipf = zipf_new(s.keys, 0.99);
    for (uint64_t round = 0; round < s.rounds && round < BENCH_ROUNDS_MAX; round++)
        moved += run_round(&world, &s, out);
    report(&s, out, moved);
    zipf_free(world.zipf);
    return 0;
}
