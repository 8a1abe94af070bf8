/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared parts of the benchmarks; the contract is in bench.h.
 * Everything fails loudly: a benchmark that goes on after an error measures the error. The idea of
 * the ratio printing is that both sides of a ratio were measured in the same second of the same
 * machine. Owner: single-threaded except for the draws and histograms, which their worker owns.
 */
#include "bench.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static uint64_t
clock_ns(clockid_t clock)
{
    struct timespec ts;
    if (clock_gettime(clock, &ts) != 0)
        bench_die("clock_gettime: %s", strerror(errno));
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t
bench_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t
bench_unix_ms(void)
{
    return (int64_t)(clock_ns(CLOCK_REALTIME) / 1000000u);
}

uint64_t
bench_thread_cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t
bench_process_cpu_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void
bench_sleep_ns(uint64_t ns)
{
    struct timespec ts = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };
    while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
        ;
}

uint64_t
bench_rss_bytes(void)
{
    char line[256];
    unsigned long long kib = 0;
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    if (!f)
        bench_die("/proc/self/smaps_rollup: %s", strerror(errno));
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "Rss: %llu kB", &kib) == 1)
            break;
    (void)fclose(f);
    return (uint64_t)kib * 1024;
}

unsigned
bench_cpus(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? (unsigned)n : 1;
}

void
bench_pin(unsigned cpu)
{
    cpu_set_t set;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    CPU_ZERO(&set);
    CPU_SET(cpu % (unsigned)(online > 0 ? online : 1), &set);
    /* A container may forbid it; the run is then merely noisier. */
    (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

void
bench_die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)fputs("bench: ", stderr);
    (void)vfprintf(stderr, fmt, ap);
    (void)fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

void *
bench_alloc(size_t bytes)
{
    void *p = calloc(1, bytes ? bytes : 1);
    if (!p)
        bench_die("out of memory (%zu bytes)", bytes);
    return p;
}

/* ---- zipf ---- */

struct zipf_range {
    uint64_t first; /* first rank of the range */
    uint64_t width;
    uint64_t accept; /* keep this range if the low word is below it, else take `alias` */
    uint64_t alias;
};

struct zipf {
    uint64_t n;
    struct zipf_range *range;
};

/* Splits [0, n) into ranges; with `out` NULL only counts them. */
static uint64_t
zipf_split(uint64_t total, struct zipf_range *out)
{
    uint64_t n = 0;
    for (uint64_t first = 0; first < total; n++) {
        uint64_t width = first / 128 ? first / 128 : 1;
        if (width > total - first)
            width = total - first;
        if (out)
            out[n] = (struct zipf_range){ first, width, 0, 0 };
        first += width;
    }
    return n;
}

/* Vose's alias construction: small columns are topped up by large ones. */
static void
zipf_alias(struct zipf *z, double *p)
{
    uint64_t *small = bench_alloc(z->n * sizeof *small);
    uint64_t *large = bench_alloc(z->n * sizeof *large);
    uint64_t ns = 0, nl = 0;
    for (uint64_t i = 0; i < z->n; i++) {
        z->range[i].accept = UINT64_MAX;
        z->range[i].alias = i;
        if (p[i] < 1.0)
            small[ns++] = i;
        else
            large[nl++] = i;
    }
    while (ns > 0 && nl > 0) {
        uint64_t s = small[--ns], l = large[nl - 1];
        z->range[s].accept = (uint64_t)(p[s] * 18446744073709549568.0);
        z->range[s].alias = l;
        p[l] -= 1.0 - p[s];
        if (p[l] < 1.0) {
            nl--;
            small[ns++] = l;
        }
    }
    free(small);
    free(large);
}

struct zipf *
zipf_new(uint64_t n, double theta)
{
    struct zipf *z = bench_alloc(sizeof *z);
    double sum = 0;
    z->n = zipf_split(n, NULL);
    z->range = bench_alloc(z->n * sizeof *z->range);
    (void)zipf_split(n, z->range);
    double *p = bench_alloc(z->n * sizeof *p);
    for (uint64_t i = 0; i < z->n; i++) {
        const struct zipf_range *r = &z->range[i];
        p[i] = (double)r->width * pow((double)r->first + ((double)r->width + 1) / 2, -theta);
        sum += p[i];
    }
    for (uint64_t i = 0; i < z->n; i++)
        p[i] *= (double)z->n / sum;
    zipf_alias(z, p);
    free(p);
    return z;
}

void
zipf_free(struct zipf *z)
{
    if (!z)
        return;
    free(z->range);
    free(z);
}

uint64_t
zipf_draw(const struct zipf *z, struct rng *r)
{
    const struct zipf_range *c = &z->range[rng_below(r, z->n)];
    if (rng_next(r) >= c->accept)
        c = &z->range[c->alias];
    return c->width == 1 ? c->first : c->first + rng_below(r, c->width);
}

/* ---- keys ---- */

/* Eight hexadecimal digits of a word without a loop: spread the nibbles, then add '0' or 'a' - 10.
 */
static uint64_t
hex8(uint32_t v)
{
    uint64_t x = v;
    x = (x & 0xffff) | ((x & 0xffff0000u) << 16);
    x = (x | (x << 8)) & UINT64_C(0x00ff00ff00ff00ff);
    x = (x | (x << 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    uint64_t letters = ((x + UINT64_C(0x0606060606060606)) >> 4) & UINT64_C(0x0101010101010101);
    return x + UINT64_C(0x3030303030303030) + letters * 0x27;
}

void
key_write(uint8_t out[BENCH_KEY_BYTES], uint64_t index)
{
    uint64_t m = mix64(index + 1);
    uint64_t high = hex8((uint32_t)(m >> 32)), low = hex8((uint32_t)m);
    memcpy(out, &high, 8);
    memcpy(out + 8, &low, 8);
}

/* ---- histogram ---- */

static size_t
hist_bucket(uint64_t ns)
{
    if (ns >> 40)
        ns = (UINT64_C(1) << 40) - 1;
    if (ns < (1u << BENCH_HIST_SUB_BITS))
        return (size_t)ns;
    unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - BENCH_HIST_SUB_BITS;
    return ((size_t)shift << BENCH_HIST_SUB_BITS) + (size_t)(ns >> shift);
}

/* The middle of a bucket, so that quantiles are not biased to one side. */
static uint64_t
hist_value(size_t bucket)
{
    if (bucket < (2u << BENCH_HIST_SUB_BITS))
        return bucket;
    unsigned shift = (unsigned)(bucket >> BENCH_HIST_SUB_BITS) - 1;
    uint64_t top = bucket - ((uint64_t)shift << BENCH_HIST_SUB_BITS);
    return (top << shift) + ((UINT64_C(1) << shift) >> 1);
}

void
hist_add(struct hist *h, uint64_t ns)
{
    h->count[hist_bucket(ns)]++;
    h->total++;
    if (ns > h->max_ns)
        h->max_ns = ns;
}

void
hist_merge(struct hist *into, const struct hist *from)
{
    for (size_t i = 0; i < BENCH_HIST_BUCKETS; i++)
        into->count[i] += from->count[i];
    into->total += from->total;
    if (from->max_ns > into->max_ns)
        into->max_ns = from->max_ns;
}

uint64_t
hist_quantile(const struct hist *h, double q)
{
    uint64_t want = (uint64_t)ceil(q * (double)h->total), seen = 0;
    for (size_t i = 0; i < BENCH_HIST_BUCKETS; i++) {
        seen += h->count[i];
        if (seen >= want && seen > 0)
            return hist_value(i) < h->max_ns ? hist_value(i) : h->max_ns;
    }
    return h->max_ns;
}

/* ---- series ---- */

void
series_add(struct series *s, double x)
{
    if (s->n == BENCH_ROUNDS_MAX)
        bench_die("more than %d rounds", BENCH_ROUNDS_MAX);
    s->v[s->n++] = x;
}

double
series_min(const struct series *s)
{
    double m = s->n ? s->v[0] : 0;
    for (unsigned i = 1; i < s->n; i++)
        m = s->v[i] < m ? s->v[i] : m;
    return m;
}

double
series_max(const struct series *s)
{
    double m = s->n ? s->v[0] : 0;
    for (unsigned i = 1; i < s->n; i++)
        m = s->v[i] > m ? s->v[i] : m;
    return m;
}

double
series_median(const struct series *s)
{
    struct series t = *s;
    for (unsigned i = 1; i < t.n; i++)
        for (unsigned j = i; j > 0 && t.v[j] < t.v[j - 1]; j--) {
            double swap = t.v[j];
            t.v[j] = t.v[j - 1];
            t.v[j - 1] = swap;
        }
    if (t.n == 0)
        return 0;
    return t.n % 2 ? t.v[t.n / 2] : (t.v[t.n / 2 - 1] + t.v[t.n / 2]) / 2;
}

void
series_ratio(const struct series *a, const struct series *b, struct series *ret_ratio)
{
    ret_ratio->n = 0;
    for (unsigned i = 0; i < a->n && i < b->n; i++)
        series_add(ret_ratio, b->v[i] > 0 ? a->v[i] / b->v[i] : 0);
}

/* ---- output and libattl ---- */

void
bench_json(const char *path, const char *fmt, ...)
{
    va_list ap;
    if (!path || !*path)
        return;
    FILE *f = fopen(path, "a");
    if (!f)
        bench_die("%s: %s", path, strerror(errno));
    va_start(ap, fmt);
    (void)vfprintf(f, fmt, ap);
    va_end(ap);
    (void)fputc('\n', f);
    if (fclose(f) != 0)
        bench_die("%s: %s", path, strerror(errno));
}
