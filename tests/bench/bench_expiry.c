/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Millions of entries whose deadlines fall into one second, in the process: how long after its
 * deadline an entry's memory is reclaimed, what CPU that takes, how long a concurrent reader is
 * held up by it, and how much memory goes back to the system. The reader gets live keys in a closed
 * loop and times each call with the clock it also uses for the next; its longest calls are given
 * for a quiet stretch before and for the expiry, because the scheduler alone interrupts a thread
 * for milliseconds on a shared machine. The reader owns its histograms; the main thread only
 * samples counters.
 */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { LIVE_KEYS = 100000, SAMPLE_MS = 5, SPREAD_MS = 1000, AFTER_MS = 4000, LEAD_MIN_MS = 1000 };

enum phase { PHASE_REST, PHASE_QUIET, PHASE_EXPIRY, PHASE_END, PHASES };

struct settings {
    uint64_t seed, items, quiet_ms;
    const char *json;
};

struct reader {
    attl *cache;
    pthread_t thread;
    _Atomic int phase;
    struct hist *hist[PHASES];
    uint64_t cpu_ns[PHASES]; /* CPU of the reader's thread within each phase */
    struct rng rng;
};

static void
item_key(uint8_t key[BENCH_KEY_BYTES], uint64_t item, bool live)
{
    key_write(key, live ? item : LIVE_KEYS + item);
}

static void *
reader_main(void *arg)
{
    struct reader *r = arg;
    uint8_t key[BENCH_KEY_BYTES], value[BENCH_VALUE_BYTES];
    int phase = PHASE_REST;
    uint64_t at_ns = bench_now_ns(), cpu_ns = bench_thread_cpu_ns();
    bench_pin(1);
    while (phase != PHASE_END) {
        size_t len;
        item_key(key, rng_below(&r->rng, LIVE_KEYS), true);
        if (attl_get(r->cache, attl_b(key, sizeof key), value, sizeof value, &len) != ATTL_OK)
            bench_die("a live entry is missing");
        uint64_t now_ns = bench_now_ns();
        hist_add(r->hist[phase], now_ns - at_ns);
        at_ns = now_ns;
        int wanted = atomic_load_explicit(&r->phase, memory_order_relaxed);
        if (wanted != phase) {
            uint64_t cpu_now_ns = bench_thread_cpu_ns();
            r->cpu_ns[phase] = cpu_now_ns - cpu_ns;
            cpu_ns = cpu_now_ns;
            phase = wanted;
            at_ns = bench_now_ns();
        }
    }
    return NULL;
}

static void
item_store(attl *cache, const struct settings *s, uint64_t item, int64_t due_ms)
{
    uint8_t key[BENCH_KEY_BYTES], value[BENCH_VALUE_BYTES] = { 1 };
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.ttl_ms = ATTL_TTL_NONE;
    if (due_ms > 0)
        opts.deadline_ms = due_ms + (int64_t)(mix64(s->seed + item) % SPREAD_MS);
    item_key(key, item, due_ms == 0);
    int rc =
        attl_set_if(cache, attl_b(key, sizeof key), attl_b(value, sizeof value), &opts, NULL, NULL);
    if (rc != ATTL_OK)
        bench_die("attl_set_if: %s", attl_strerror(rc));
}

/*
 * Stores the live keys, whose pace tells how long the others will take, then those; returns the
 * first deadline, which is far enough away for the quiet stretch even if the machine halves its
 * speed.
 */
static int64_t
load(attl *cache, const struct settings *s)
{
    uint64_t from_ns = bench_now_ns();
    for (uint64_t i = 0; i < LIVE_KEYS; i++)
        item_store(cache, s, i, 0);
    double ms_each = (double)(bench_now_ns() - from_ns) / 1e6 / LIVE_KEYS;
    int64_t due_ms = bench_unix_ms() + LEAD_MIN_MS + (int64_t)s->quiet_ms +
                     (int64_t)(2 * ms_each * (double)s->items);
    for (uint64_t i = 0; i < s->items; i++)
        item_store(cache, s, i, due_ms);
    if (bench_unix_ms() > due_ms - (int64_t)s->quiet_ms)
        bench_die("the machine slowed down while loading: try again");
    (void)printf("loaded %.1f s before the first deadline\n",
                 (double)(due_ms - bench_unix_ms()) / 1e3);
    return due_ms;
}

/* What was seen from outside while the entries went away. */
struct outside {
    double held_s; /* integral of entries still there over time, after the deadline, per item */
    int64_t gone_after_ms; /* last one gone, after the last deadline */
    uint64_t cpu_ns;       /* of the whole process but the reader and us */
};

static void
watch(attl *cache, const struct settings *s, int64_t due_ms, struct outside *ret_seen)
{
    double held = 0;
    uint64_t cpu_ns = 0, at_ns = bench_now_ns();
    int64_t end_ms = due_ms + SPREAD_MS;
    ret_seen->gone_after_ms = -1;
    while (bench_unix_ms() < end_ms + AFTER_MS) {
        bench_sleep_ns(SAMPLE_MS * UINT64_C(1000000));
        uint64_t own_from_ns = bench_thread_cpu_ns(), now_ns = bench_now_ns();
        uint64_t left = attl_size(cache) - LIVE_KEYS;
        if (bench_unix_ms() >= due_ms)
            held += (double)left * (double)(now_ns - at_ns) / 1e9;
        at_ns = now_ns;
        cpu_ns += bench_thread_cpu_ns() - own_from_ns;
        if (left == 0 && ret_seen->gone_after_ms < 0)
            ret_seen->gone_after_ms = bench_unix_ms() - end_ms;
    }
    ret_seen->held_s = held / (double)s->items;
    ret_seen->cpu_ns = cpu_ns;
}

static void
report_reader(const struct settings *s, const struct reader *r)
{
    const char *const names[] = { "", "quiet", "expiry" };
    (void)printf(
        "\nconcurrent reader: time from one get to the next\n%-8s %12s %8s %8s %10s %10s\n", "",
        "gets", "p50 ns", "p99.9 us", "p99.999 us", "longest us");
    for (int p = PHASE_QUIET; p <= PHASE_EXPIRY; p++) {
        const struct hist *h = r->hist[p];
        (void)printf("%-8s %12llu %8llu %8.1f %10.1f %10.1f\n", names[p],
                     (unsigned long long)h->total, (unsigned long long)hist_quantile(h, 0.5),
                     (double)hist_quantile(h, 0.999) / 1e3, (double)hist_quantile(h, 0.99999) / 1e3,
                     (double)h->max_ns / 1e3);
        bench_json(s->json,
                   "{\"bench\":\"expiry_reader\",\"phase\":\"%s\",\"items\":%llu,\"gets\":%llu,"
                   "\"p50_ns\":%llu,\"p999_us\":%.2f,\"longest_us\":%.1f}",
                   names[p], (unsigned long long)s->items, (unsigned long long)h->total,
                   (unsigned long long)hist_quantile(h, 0.5), (double)hist_quantile(h, 0.999) / 1e3,
                   (double)h->max_ns / 1e3);
    }
}

struct reading {
    attl_stats st;
    uint64_t rss_bytes, cpu_ns;
};

static struct reading
reading_take(attl *cache)
{
    struct reading x = { bench_attl_stats(cache), bench_rss_bytes(), bench_process_cpu_ns() };
    return x;
}

static void
report(const struct settings *s, const struct reading *a, const struct reading *b,
       const struct outside *seen, const struct reader *r)
{
    double n = (double)(b->st.expired - a->st.expired), mib = 1048576;
    double lag = n > 0 ? (double)(b->st.expire_lag_ms_sum - a->st.expire_lag_ms_sum) / n : 0;
    double own = n > 0 ? (double)(b->st.expire_cpu_ns - a->st.expire_cpu_ns) / n : 0;
    double cpu = (double)(b->cpu_ns - a->cpu_ns) - (double)r->cpu_ns[PHASE_EXPIRY] -
                 (double)seen->cpu_ns;
    (void)printf("\n%.0f of %llu entries expired, deadlines within one second\n", n,
                 (unsigned long long)s->items);
    (void)printf(
        "staleness (deadline to reclaim): mean %.0f ms, max %llu ms; seen from outside: mean "
        "%.0f ms, last one gone %lld ms after the last deadline\n",
        lag, (unsigned long long)b->st.expire_lag_ms_max, seen->held_s * 1e3 - SPREAD_MS / 2.0,
        (long long)seen->gone_after_ms);
    (void)printf("CPU per expired entry: %.3f us by the library's count, %.3f us of the process\n",
                 own / 1e3, n > 0 ? cpu / n / 1e3 : 0);
    (void)printf(
        "resident: %.0f MiB before, %.0f MiB after (committed %.0f, %.0f; %d live entries stay)\n",
        (double)a->rss_bytes / mib, (double)b->rss_bytes / mib, (double)a->st.mem_committed / mib,
        (double)b->st.mem_committed / mib, LIVE_KEYS);
    bench_json(
        s->json,
        "{\"bench\":\"expiry\",\"items\":%llu,\"expired\":%.0f,\"lag_mean_ms\":%.1f,"
        "\"lag_max_ms\":%llu,\"seen_mean_ms\":%.1f,\"gone_after_ms\":%lld,"
        "\"cpu_us_library\":%.4f,\"cpu_us_process\":%.4f,\"rss_before\":%llu,\"rss_after\":%llu}",
        (unsigned long long)s->items, n, lag, (unsigned long long)b->st.expire_lag_ms_max,
        seen->held_s * 1e3 - SPREAD_MS / 2.0, (long long)seen->gone_after_ms, own / 1e3,
        n > 0 ? cpu / n / 1e3 : 0, (unsigned long long)a->rss_bytes,
        (unsigned long long)b->rss_bytes);
}

static void
bench(const struct settings *s)
{
    const char *config[] = { "cache.max_memory=0", "cache.max_entries=0",
                             "cache.eviction=noeviction", NULL };
    struct outside seen;
    attl *cache = bench_attl_open(config);
    struct reader r = { .cache = cache };
    r.rng.state = mix64(s->seed);
    for (int p = 0; p < PHASES; p++)
        r.hist[p] = bench_alloc(sizeof *r.hist[p]);
    bench_pin(0);
    int64_t due_ms = load(cache, s);
    if (pthread_create(&r.thread, NULL, reader_main, &r) != 0)
        bench_die("pthread_create");
    while (bench_unix_ms() < due_ms - (int64_t)s->quiet_ms)
        bench_sleep_ns(1000000);
    atomic_store(&r.phase, PHASE_QUIET);
    while (bench_unix_ms() < due_ms)
        bench_sleep_ns(1000000);
    atomic_store(&r.phase, PHASE_EXPIRY);
    struct reading before = reading_take(cache);
    watch(cache, s, due_ms, &seen);
    atomic_store(&r.phase, PHASE_END);
    (void)pthread_join(r.thread, NULL);
    struct reading after = reading_take(cache);
    report(s, &before, &after, &seen, &r);
    report_reader(s, &r);
    for (int p = 0; p < PHASES; p++)
        free(r.hist[p]);
    attl_close(&cache);
}

int
main(int argc, char **argv)
{
    struct settings s = { .seed = 1, .items = 2000000, .quiet_ms = 2000 };
    const struct arg args[] = {
        { "seed", ARG_U64, &s.seed, "seed of the draws" },
        { "items", ARG_U64, &s.items, "entries that expire" },
        { "quiet-ms", ARG_U64, &s.quiet_ms, "reader's quiet stretch before the deadlines" },
        { "json", ARG_TEXT, &s.json, "file to append JSON lines to" },
    };
    args_parse(argc, argv, "Mass expiry in the process, with a concurrent reader.", args,
               sizeof args / sizeof args[0]);
    bench(&s);
    return 0;
}
