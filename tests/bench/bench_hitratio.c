/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hit ratio on recorded traces: libattl limited to 1 % and 10 % of a trace's different keys, beside
 * exact LRU, FIFO and S3-FIFO of the same number of entries.
 * Every request is a get, and a miss is followed by a set, as a program beside a database would do
 * it. All objects have one size, so that the policies are compared and not their packing. The
 * number of entries is checked while replaying: a cache that holds more than it was allowed wins
 * unfairly. Single-threaded but for the library's own maintenance thread.
 */
#include "bench.h"
#include "policies.h"

#include <errno.h>
#include <stdlib.h>

enum { SIZE_CHECK_EVERY = 256, VALUE = 8, MEANS = 3, NAME_MAX_BYTES = 512 };

struct trace {
    char name[32];
    uint32_t *requests; /* dense numbers, in order of first appearance */
    uint64_t n;
    uint64_t room;
    uint32_t objects;
};

struct settings {
    const char *traces, *percents, *json;
    uint64_t limit;
};

/* ---- from keys to dense numbers ---- */

struct dense {
    uint64_t *key; /* key + 1; 0: empty */
    uint32_t *id;
    uint64_t mask;
    uint32_t next;
};

static void
dense_grow(struct dense *d)
{
    struct dense old = *d;
    d->mask = old.mask * 2 + 1;
    d->key = bench_alloc((d->mask + 1) * sizeof *d->key);
    d->id = bench_alloc((d->mask + 1) * sizeof *d->id);
    for (uint64_t i = 0; old.key && i <= old.mask; i++) {
        if (old.key[i] == 0)
            continue;
        uint64_t at = mix64(old.key[i]) & d->mask;
        while (d->key[at] != 0)
            at = (at + 1) & d->mask;
        d->key[at] = old.key[i];
        d->id[at] = old.id[i];
    }
    free(old.key);
    free(old.id);
}

static uint32_t
dense_id(struct dense *d, uint64_t key)
{
    if ((uint64_t)d->next * 2 >= d->mask)
        dense_grow(d);
    uint64_t at = mix64(key + 1) & d->mask;
    while (d->key[at] != 0 && d->key[at] != key + 1)
        at = (at + 1) & d->mask;
    if (d->key[at] == 0) {
        d->key[at] = key + 1;
        d->id[at] = d->next++;
    }
    return d->id[at];
}

/* ---- reading traces ---- */

static void
trace_add(struct trace *t, struct dense *d, uint64_t key)
{
    if (t->n == t->room) {
        t->room = t->room ? t->room * 2 : 1 << 16;
        t->requests = realloc(t->requests, t->room * sizeof *t->requests);
        if (!t->requests)
            bench_die("out of memory");
    }
    t->requests[t->n++] = dense_id(d, key);
}

/* Big-endian 32-bit keys, nothing else (cache2k's format). */
static void
trace_read_be32(struct trace *t, struct dense *d, FILE *f, uint64_t limit)
{
    uint8_t b[4];
    while (t->n < limit && fread(b, 1, sizeof b, f) == sizeof b)
        trace_add(t, d, (uint64_t)b[0] << 24 | (uint64_t)b[1] << 16 | (uint64_t)b[2] << 8 | b[3]);
}

/* Lines "start count ignored sequence": `count` consecutive keys from `start` (the ARC paper's). */
static void
trace_read_arc(struct trace *t, struct dense *d, FILE *f, uint64_t limit)
{
    unsigned long long start, count;
    while (t->n < limit && fscanf(f, "%llu %llu %*[^\n]", &start, &count) == 2)
        for (uint64_t i = 0; i < count && t->n < limit; i++)
            trace_add(t, d, start + i);
}

static void
trace_read(struct trace *t, const char *path, uint64_t limit)
{
    struct dense d = { NULL, NULL, 0, 0 };
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    const char *base = slash ? slash + 1 : path;
    memset(t, 0, sizeof *t);
    FILE *f = fopen(path, "rb");
    if (!f || !dot || dot < base)
        bench_die("%s: %s", path, f ? "name a format: .be32 or .arc" : strerror(errno));
    (void)snprintf(t->name, sizeof t->name, "%.*s", (int)(dot - base), base);
    if (strcmp(dot, ".arc") == 0)
        trace_read_arc(t, &d, f, limit ? limit : UINT64_MAX);
    else
        trace_read_be32(t, &d, f, limit ? limit : UINT64_MAX);
    (void)fclose(f);
    t->objects = d.next;
    free(d.key);
    free(d.id);
    if (t->n == 0)
        bench_die("%s: no requests", path);
}

/* ---- the cache ---- */

/* Replays the trace; *ret_most is the largest number of entries seen. */
static uint64_t
replay_attl(const struct trace *t, uint32_t capacity, uint64_t *ret_most)
{
    char entries[64];
    uint8_t key[BENCH_KEY_BYTES], value[VALUE];
    uint64_t misses = 0, most = 0;
    (void)snprintf(entries, sizeof entries, "cache.max_entries=%u", capacity);
    const char *settings[] = { "cache.max_memory=4GiB", "cache.default_ttl=0", entries, NULL };
    attl *cache = bench_attl_open(settings);
    for (uint64_t i = 0; i < t->n; i++) {
        size_t len;
        key_write(key, t->requests[i]);
        int rc = attl_get(cache, attl_b(key, sizeof key), value, sizeof value, &len);
        if (rc == ATTL_MISS) {
            misses++;
            memcpy(value, key, sizeof value);
            rc = attl_set(cache, attl_b(key, sizeof key), attl_b(value, sizeof value),
                          ATTL_TTL_NONE);
        }
        if (rc != ATTL_OK)
            bench_die("request %llu: %s", (unsigned long long)i, attl_strerror(rc));
        if (i % SIZE_CHECK_EVERY == 0 && attl_size(cache) > most)
            most = attl_size(cache);
    }
    attl_close(&cache);
    *ret_most = most;
    return misses;
}

static void
bench_point(const struct settings *s, const struct trace *t, uint64_t percent,
            struct series *ratios)
{
    uint32_t capacity = (uint32_t)((t->objects * percent + 50) / 100);
    uint64_t most;
    if (capacity == 0)
        capacity = 1;
    double n = (double)t->n;
    double lru = (double)policy_lru(t->requests, t->n, t->objects, capacity) / n;
    double fifo = (double)policy_fifo(t->requests, t->n, t->objects, capacity) / n;
    double s3 = (double)policy_s3fifo(t->requests, t->n, t->objects, capacity) / n;
    double own = (double)replay_attl(t, capacity, &most) / n;
    series_add(&ratios[0], own / lru);
    series_add(&ratios[1], s3 / lru);
    series_add(&ratios[2], own / s3);
    (void)printf("%-10s %3llu%% %8u %8llu %7.4f %7.4f %7.4f %7.4f %9.3f %9.3f\n", t->name,
                 (unsigned long long)percent, capacity, (unsigned long long)most, lru, fifo, s3,
                 own, own / lru, own / s3);
    if (most > capacity)
        (void)printf("  !! held %llu entries where %u were allowed\n", (unsigned long long)most,
                     capacity);
    (void)fflush(stdout);
    bench_json(
        s->json,
        "{\"bench\":\"hitratio\",\"trace\":\"%s\",\"percent\":%llu,\"entries\":%u,\"most\":%llu,"
        "\"lru\":%.5f,\"fifo\":%.5f,\"s3fifo\":%.5f,\"attl\":%.5f}",
        t->name, (unsigned long long)percent, capacity, (unsigned long long)most, lru, fifo, s3,
        own);
}

static double
series_mean(const struct series *s)
{
    double sum = 0;
    for (unsigned i = 0; i < s->n; i++)
        sum += s->v[i];
    return s->n ? sum / s->n : 0;
}

static void
bench_traces(const struct settings *s)
{
    uint64_t percents[BENCH_LIST_MAX];
    unsigned n = args_list(s->percents, percents);
    struct series ratios[MEANS] = { 0 };
    char path[NAME_MAX_BYTES];
    (void)printf("\nmiss ratios, unit sizes; `most` is the largest number of entries seen\n");
    (void)printf("%-10s %4s %8s %8s %7s %7s %7s %7s %9s %9s\n", "trace", "size", "entries", "most",
                 "LRU", "FIFO", "S3FIFO", "attl", "attl/LRU", "attl/S3");
    for (const char *at = s->traces; *at;) {
        struct trace t;
        size_t len = strcspn(at, ",");
        (void)snprintf(path, sizeof path, "%.*s", (int)len, at);
        at += len + (at[len] == ',');
        trace_read(&t, path, s->limit);
        for (unsigned i = 0; i < n; i++)
            bench_point(s, &t, percents[i], ratios);
        free(t.requests);
    }
    (void)printf("mean attl/LRU %.3f (%.3f..%.3f), S3-FIFO/LRU %.3f (%.3f..%.3f), "
                 "attl/S3-FIFO %.3f (%.3f..%.3f)\n",
                 series_mean(&ratios[0]), series_min(&ratios[0]), series_max(&ratios[0]),
                 series_mean(&ratios[1]), series_min(&ratios[1]), series_max(&ratios[1]),
                 series_mean(&ratios[2]), series_min(&ratios[2]), series_max(&ratios[2]));
    bench_json(s->json, "{\"bench\":\"hitratio_mean\",\"attl_lru\":%.4f,\"s3fifo_lru\":%.4f}",
               series_mean(&ratios[0]), series_mean(&ratios[1]));
}

int
main(int argc, char **argv)
{
    struct settings s = { .traces = "", .percents = "1,10", .limit = 2000000 };
    const struct arg args[] = {
        { "traces", ARG_TEXT, &s.traces, "files, a list: NAME.be32 or NAME.arc, decompressed" },
        { "percents", ARG_TEXT, &s.percents, "cache sizes in per cent of the different keys" },
        { "limit", ARG_U64, &s.limit, "only the first so many requests of each; 0: all" },
        { "json", ARG_TEXT, &s.json, "file to append JSON lines to" },
    };
    args_parse(argc, argv, "Miss ratios on traces: libattl beside exact LRU, FIFO and S3-FIFO.",
               args, sizeof args / sizeof args[0]);
    if (!*s.traces) {
        (void)fprintf(stderr, "bench: no --traces given\n");
        return 64;
    }
    bench_traces(&s);
    return 0;
}
