/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A skewed, concurrent workload: Zipf 0.99, nine reads to one write with a TTL, on all processors.
 * Four arms run in interleaved rounds: the cache as it is; the same while another thread moves
 * partitions between shards all the time; the same engine with the features off, which is the
 * baseline of the claim; and a design as the ancestor's, 16 tables each with a mutex and an LRU
 * list. One operation in 32 is timed for the percentiles; threads share nothing but the store.
 */
#include "bench.h"
#include "store.h"

#include <attl/attl_unstable.h>

#include <pthread.h>
#include <stdatomic.h>

enum {
    ARMS = 4,
    ANCESTOR_SHARDS = 16,
    THREADS_MAX = 64,
    TIMED_ONE_IN = 32,
    LIFE_MS = 600000,
    MOVE_EVERY_NS = 10000000,
};

static const char *const arm_names[ARMS] = { "adaptive", "adaptive, moving", "features off",
                                             "mutex per shard" };

struct world {
    attl *cache;                     /* or */
    void *ancestor[ANCESTOR_SHARDS]; /* of glib's tables */
    struct zipf *zipf;
    uint64_t keys, moves_per_step, moved;
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
one_op(struct world *w, const uint8_t *key, bool write)
{
    uint8_t value[BENCH_VALUE_BYTES] = { 1 };
    size_t len;
    if (w->cache) {
        attl_slice k = attl_b(key, BENCH_KEY_BYTES);
        int status = write ? attl_set(w->cache, k, attl_b(value, sizeof value), LIFE_MS)
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

static void *
work(void *arg)
{
    struct worker *me = arg;
    struct rng r = { .state = me->seed };
    uint8_t key[BENCH_KEY_BYTES];
    bench_pin(me->number);
    while (!atomic_load_explicit(&me->w->stop, memory_order_relaxed)) {
        key_write(key, zipf_draw(me->w->zipf, &r));
        bool write = rng_below(&r, 10) == 0, timed = me->ops % TIMED_ONE_IN == 0;
        uint64_t from_ns = timed ? bench_now_ns() : 0;
        one_op(me->w, key, write);
        if (timed)
            hist_add(&me->hist, bench_now_ns() - from_ns);
        me->ops++;
    }
    return NULL;
}

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

static void
world_open(struct world *w, unsigned arm, uint64_t keys)
{
    static const char *const on[] = { "cache.max_memory=4gb", "cache.max_entries=0",
                                      "balancer.interval=1s", NULL };
    static const char *const off[] = { "cache.max_memory=4gb",
                                       "cache.max_entries=0",
                                       "balancer.enabled=no",
                                       "adaptive.enabled=no",
                                       "incident.enabled=no",
                                       "hotkeys.enabled=no",
                                       NULL };
    *w = (struct world){ .keys = keys };
    uint8_t key[BENCH_KEY_BYTES];
    if (arm < ARMS - 1)
        w->cache = bench_attl_open(arm == 2 ? off : on);
    for (unsigned i = 0; !w->cache && i < ANCESTOR_SHARDS; i++)
        w->ancestor[i] = store_glib.open(keys);
    for (uint64_t i = 0; i < keys; i++) {
        key_write(key, i);
        one_op(w, key, true);
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
    struct series mops, p99_ns;
};

static void
run_arm(struct world *w, unsigned arm, uint64_t threads, uint64_t slot_ms, struct outcome *ret)
{
    static struct worker workers[THREADS_MAX];
    static struct hist all;
    pthread_t mover;
    all = (struct hist){ .total = 0 };
    atomic_store(&w->stop, false);
    uint64_t from_ns = bench_now_ns(), ops = 0;
    for (unsigned i = 0; i < threads; i++) {
        workers[i] = (struct worker){ .w = w, .number = i, .seed = from_ns + i };
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            bench_die("no thread");
    }
    if (arm == 1 && pthread_create(&mover, NULL, move, w) != 0)
        bench_die("no thread");
    bench_sleep_ns(slot_ms * 1000000);
    atomic_store(&w->stop, true);
    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        ops += workers[i].ops;
        hist_merge(&all, &workers[i].hist);
    }
    double seconds = (double)(bench_now_ns() - from_ns) / 1e9;
    if (arm == 1)
        (void)pthread_join(mover, NULL);
    series_add(&ret->mops, (double)ops / seconds / 1e6);
    series_add(&ret->p99_ns, (double)hist_quantile(&all, 0.99));
}

static void
print_ratio(const struct outcome *out, unsigned a, unsigned b, const char *json)
{
    struct series mops, p99;
    series_ratio(&out[a].mops, &out[b].mops, &mops);
    series_ratio(&out[a].p99_ns, &out[b].p99_ns, &p99);
    (void)printf("%s / %s: throughput %.2fx (%.2f..%.2f), p99 %.2fx (%.2f..%.2f)\n", arm_names[a],
                 arm_names[b], series_median(&mops), series_min(&mops), series_max(&mops),
                 series_median(&p99), series_min(&p99), series_max(&p99));
    json_line(json,
              "{\"bench\":\"skew\",\"arm\":\"%s\",\"baseline\":\"%s\",\"throughput\":%.3f,"
              "\"p99\":%.3f}",
              arm_names[a], arm_names[b], series_median(&mops), series_median(&p99));
}

int
main(int argc, char **argv)
{
    const char *json = NULL;
    uint64_t rounds = 5, keys = 1000000, threads = bench_cpus(), slot_ms = 1000, moves = 100;
    const struct arg args[] = {
        { "rounds", ARG_U64, &rounds, "interleaved rounds" },
        { "keys", ARG_U64, &keys, "keys" },
        { "threads", ARG_U64, &threads, "threads" },
        { "slot-ms", ARG_U64, &slot_ms, "length of a measurement" },
        { "moves", ARG_U64, &moves, "partitions moved every 10 ms in the arm that moves" },
        { "json", ARG_TEXT, &json, "file to append JSON lines to" },
    };
    args_parse(argc, argv, "A skewed concurrent workload, with features, moves and neither.", args,
               sizeof args / sizeof args[0]);
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    static struct outcome out[ARMS];
    unsigned arms = &store_glib ? ARMS : ARMS - 1; /* a weak reference */
    static struct world worlds[ARMS];
    struct zipf *zipf = zipf_new(keys, 0.99);
    for (unsigned arm = 0; arm < arms; arm++) {
        world_open(&worlds[arm], arm, keys);
        worlds[arm].zipf = zipf;
        worlds[arm].moves_per_step = moves;
    }
    for (uint64_t round = 0; round < rounds; round++)
        for (unsigned arm = 0; arm < arms; arm++)
            run_arm(&worlds[arm], arm, threads, slot_ms, &out[arm]);
    for (unsigned arm = 0; arm < arms; arm++)
        (void)printf("%-18s %7.2f Mops/s  p99 %6.0f ns\n", arm_names[arm],
                     series_median(&out[arm].mops), series_median(&out[arm].p99_ns));
    (void)printf("%llu partitions were moved\n", (unsigned long long)worlds[1].moved);
    print_ratio(out, 1, 0, json);
    print_ratio(out, 0, 2, json);
    if (arms == ARMS)
        print_ratio(out, 0, ARMS - 1, json);
    for (unsigned arm = 0; arm < arms; arm++)
        world_close(&worlds[arm]);
    zipf_free(zipf);
    return 0;
}
