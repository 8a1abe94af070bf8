/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a completion queue costs: attl_set() beside attl_submit_set() and attl_queue_reap() of the
 * same keys, in rounds that alternate, so that the difference is the queue's and not the machine's.
 * One at a time is the worst case, a loop that submits a batch and reaps it the usual one. Then the
 * throughput from many submitters to one thread that sleeps on the descriptor, as an event loop
 * does. Each worker owns its keys; nothing waits for a disk here.
 */
#include "bench.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>

enum { BATCH_MAX = 256, THREADS_MAX = 16, TTL_MS = 3600 * 1000 };

struct settings {
    uint64_t seed, keys, operations, rounds, threads;
    const char *json;
};

struct worker {
    pthread_t thread;
    const struct settings *s;
    attl *cache;
    attl_queue *queue;
    struct rng rng;
    uint64_t operations;
};

static attl_slice
next_key(struct worker *w, uint8_t bytes[BENCH_KEY_BYTES])
{
    key_write(bytes, rng_below(&w->rng, w->s->keys));
    return attl_b(bytes, BENCH_KEY_BYTES);
}

static void
demand(int status, const char *what)
{
    if (status != ATTL_OK)
        bench_die("%s: %s", what, attl_strerror(status));
}

static double
plain_round(struct worker *w)
{
    static const uint8_t value[BENCH_VALUE_BYTES];
    uint8_t key[BENCH_KEY_BYTES];
    uint64_t start_ns = bench_now_ns();
    for (uint64_t i = 0; i < w->operations; i++)
        demand(attl_set(w->cache, next_key(w, key), attl_b(value, sizeof value), TTL_MS), "set");
    return (double)(bench_now_ns() - start_ns) / (double)w->operations;
}

static double
queue_round(struct worker *w, uint64_t batch)
{
    static const uint8_t value[BENCH_VALUE_BYTES];
    uint8_t key[BENCH_KEY_BYTES];
    attl_completion done[BATCH_MAX];
    uint64_t start_ns = bench_now_ns(), seen = 0;
    for (uint64_t i = 0; i < w->operations; i += batch) {
        for (uint64_t k = 0; k < batch; k++)
            demand(attl_submit_set(w->queue, next_key(w, key), attl_b(value, sizeof value), TTL_MS,
                                   NULL, NULL),
                   "submit");
        seen += attl_queue_reap(w->queue, done, batch);
    }
    if (seen != w->operations)
        bench_die("%llu completions of %llu", (unsigned long long)seen,
                  (unsigned long long)w->operations);
    return (double)(bench_now_ns() - start_ns) / (double)w->operations;
}

static void
report(const struct settings *s, uint64_t batch, const struct series *plain,
       const struct series *queued)
{
    struct series beyond = { .n = 0 };
    for (unsigned i = 0; i < plain->n; i++)
        series_add(&beyond, queued->v[i] - plain->v[i]);
    printf("%8llu  %10.0f  %14.0f  %8.0f (%.0f .. %.0f)\n", (unsigned long long)batch,
           series_median(plain), series_median(queued), series_median(&beyond), series_min(&beyond),
           series_max(&beyond));
    bench_json(s->json,
               "{\"part\":\"queue\",\"batch\":%llu,\"set_ns\":%.1f,\"submit_reap_ns\":%.1f,"
               "\"beyond_ns\":%.1f}",
               (unsigned long long)batch, series_median(plain), series_median(queued),
               series_median(&beyond));
}

static void
measure_cost(struct worker *w)
{
    static const uint64_t batches[] = { 1, 8, 32, 256 };
    printf("\nns per operation, one thread, %llu keys\n", (unsigned long long)w->s->keys);
    printf("   batch    attl_set    submit + reap    beyond the operation\n");
    for (unsigned b = 0; b < sizeof batches / sizeof batches[0]; b++) {
        struct series plain = { .n = 0 }, queued = { .n = 0 };
        for (uint64_t round = 0; round < w->s->rounds; round++) {
            series_add(&plain, plain_round(w));
            series_add(&queued, queue_round(w, batches[b]));
        }
        report(w->s, batches[b], &plain, &queued);
    }
}

/* ---- throughput ------------------------------------------------------------------------------ */

static void *
submit_main(void *arg)
{
    static const uint8_t value[BENCH_VALUE_BYTES];
    struct worker *w = arg;
    uint8_t key[BENCH_KEY_BYTES];
    for (uint64_t i = 0; i < w->operations;) {
        int status = attl_submit_set(w->queue, next_key(w, key), attl_b(value, sizeof value),
                                     TTL_MS, NULL, NULL);
        if (status == ATTL_E_BUSY) {
            sched_yield();
            continue;
        }
        demand(status, "submit");
        i++;
    }
    return NULL;
}

static void
measure_throughput(struct worker *model)
{
    struct worker workers[THREADS_MAX];
    attl_completion done[BATCH_MAX];
    uint64_t n = model->s->threads, total = n * model->operations, sleeps = 0;
    uint64_t start_ns = bench_now_ns();
    for (uint64_t i = 0; i < n; i++) {
        workers[i] = *model;
        workers[i].rng.state += i + 1;
        if (pthread_create(&workers[i].thread, NULL, submit_main, &workers[i]) != 0)
            bench_die("no thread");
    }
    for (uint64_t seen = 0; seen < total;) {
        size_t got = attl_queue_reap(model->queue, done, BATCH_MAX);
        struct pollfd p = { .fd = attl_queue_fd(model->queue), .events = POLLIN };
        if (got == 0 && ++sleeps)
            (void)poll(&p, 1, -1); /* a signal: look again */
        seen += got;
    }
    double seconds = (double)(bench_now_ns() - start_ns) / 1e9;
    for (uint64_t i = 0; i < n; i++)
        (void)pthread_join(workers[i].thread, NULL); /* they have submitted everything */
    printf("\n%llu submitting threads, one that reaps: %.2f M completions/s, asleep %.2f times per "
           "thousand\n",
           (unsigned long long)n, (double)total / seconds / 1e6,
           (double)sleeps * 1e3 / (double)total);
    bench_json(model->s->json, "{\"part\":\"queue\",\"threads\":%llu,\"completions_per_s\":%.0f}",
               (unsigned long long)n, (double)total / seconds);
}

int
main(int argc, char **argv)
{
    static const char *const options[] = { "cache.max_memory=0", "cache.max_entries=0",
                                           "validation.mode=binary", NULL };
    struct settings s = {
        .seed = 1, .keys = 100000, .operations = 1 << 20, .rounds = 5, .threads = 2
    };
    const struct arg args[] = {
        { "seed", ARG_U64, &s.seed, "of the keys" },
        { "keys", ARG_U64, &s.keys, "different keys" },
        { "operations", ARG_U64, &s.operations, "per round, rounded down to whole batches" },
        { "rounds", ARG_U64, &s.rounds, "of each measurement" },
        { "threads", ARG_U64, &s.threads, "that submit, in the last measurement" },
        { "json", ARG_TEXT, &s.json, "file to append results to" },
    };
    args_parse(argc, argv, "the cost of a completion queue", args, sizeof args / sizeof args[0]);
    if (s.rounds == 0 || s.rounds > BENCH_ROUNDS_MAX || s.threads > THREADS_MAX || s.keys == 0)
        bench_die("1 to %d rounds, at most %d threads", BENCH_ROUNDS_MAX, THREADS_MAX);
    struct worker w = { .s = &s,
                        .cache = bench_attl_open(options),
                        .rng = { s.seed },
                        .operations = s.operations / BATCH_MAX * BATCH_MAX };
    demand(attl_queue_open(w.cache, 4096, &w.queue), "queue");
    (void)plain_round(&w); /* every key is there, every page touched */
    measure_cost(&w);
    measure_throughput(&w);
    attl_queue_close(&w.queue);
    attl_close(&w.cache);
    return 0;
}
