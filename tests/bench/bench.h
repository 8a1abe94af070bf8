/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every benchmark here shares: clocks, random draws, histograms, options and output.
 * A benchmark is only worth something if another person can repeat it, so each program prints its
 * seed and parameters, draws its keys on the fly (a replayed sequence would be cache-hot and
 * flatter everybody), and compares in interleaved rounds, of which the smallest and largest ratio
 * is printed. Invariant: nothing here is shared between threads; every worker owns its generator
 * and histogram.
 */
#ifndef ATTL_TESTS_BENCH_H
#define ATTL_TESTS_BENCH_H

#include <attl/attl.h>
#include <stdbool.h>
#include <stdio.h>

enum {
    BENCH_KEY_BYTES = 16,
    BENCH_VALUE_BYTES = 64,
    BENCH_ROUNDS_MAX = 32,
    BENCH_LIST_MAX = 8,
    BENCH_HIST_SUB_BITS = 6, /* 64 buckets per power of two: 1.6 % wide */
    BENCH_HIST_BUCKETS = (40 - BENCH_HIST_SUB_BITS + 1) << BENCH_HIST_SUB_BITS
};

/* ---- clocks and the process ---- */

uint64_t bench_now_ns(void);        /* CLOCK_MONOTONIC */
int64_t bench_unix_ms(void);        /* CLOCK_REALTIME, only to state deadlines */
uint64_t bench_thread_cpu_ns(void); /* CPU of the calling thread */
uint64_t bench_process_cpu_ns(void);
void bench_sleep_ns(uint64_t ns);
uint64_t bench_rss_bytes(void); /* resident, from /proc/self/smaps_rollup */
unsigned bench_cpus(void);      /* processors this process may run on */
void bench_pin(unsigned cpu);   /* pins the calling thread to cpu modulo their number */
void bench_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void *bench_alloc(size_t bytes); /* zeroed; ends the program on failure */

/* ---- random draws ---- */

/* splitmix64: one addition and a mix, far cheaper than what it is used to measure. */
struct rng {
    uint64_t state;
};

static inline uint64_t
mix64(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static inline uint64_t
rng_next(struct rng *r)
{
    r->state += UINT64_C(0x9e3779b97f4a7c15);
    return mix64(r->state);
}

__extension__ typedef unsigned __int128 bench_u128;

/* Uniform in [0, n); the bias of multiply-shift is below n / 2^64. */
static inline uint64_t
rng_below(struct rng *r, uint64_t n)
{
    return (uint64_t)(((bench_u128)rng_next(r) * n) >> 64);
}

/*
 * Zipf over [0, n) by an alias table of ranges: the first ranks have one entry each, later ranks
 * share ranges less than 1 % wide and are drawn evenly within them. So a draw costs two table
 * lookups in L1/L2 instead of the pow() of the exact method, and the skew is off by under 1 %.
 */
struct zipf;
struct zipf *zipf_new(uint64_t n, double theta);
void zipf_free(struct zipf *z);
uint64_t zipf_draw(const struct zipf *z, struct rng *r);

/*
 * The 16 hexadecimal digits of a scrambled index. mix64 is a bijection, so different indexes have
 * different keys, and neighbours in rank are no neighbours in any table.
 */
void key_write(uint8_t out[BENCH_KEY_BYTES], uint64_t index);

/* ---- latency histogram (nanoseconds) ---- */

struct hist {
    uint64_t count[BENCH_HIST_BUCKETS];
    uint64_t total;
    uint64_t max_ns;
};

void hist_add(struct hist *h, uint64_t ns);
void hist_merge(struct hist *into, const struct hist *from);
/* The value below which a fraction q of the samples lies, 0 if there are none. */
uint64_t hist_quantile(const struct hist *h, double q);

/* ---- series of rounds ---- */

struct series {
    double v[BENCH_ROUNDS_MAX];
    unsigned n;
};

void series_add(struct series *s, double x);
double series_min(const struct series *s);
double series_max(const struct series *s);
double series_median(const struct series *s);
/* Round by round a/b: the paired ratio, which survives a machine whose speed drifts. */
void series_ratio(const struct series *a, const struct series *b, struct series *ret_ratio);

/* ---- options ---- */

enum arg_kind { ARG_U64, ARG_REAL, ARG_TEXT, ARG_FLAG };

struct arg {
    const char *name; /* without the dashes */
    enum arg_kind kind;
    void *ret_value; /* uint64_t, double, const char * or bool; holds the default at first */
    const char *help;
};

/*
 * Reads the command line and prints the parameters in force. --help prints the table and ends the
 * program; an unknown option ends it with status 64. Numbers take k, M and G (powers of ten).
 */
void args_parse(int argc, char **argv, const char *about, const struct arg *args, size_t n);
/* "100k,10M" as numbers; at most BENCH_LIST_MAX. Returns how many. */
unsigned args_list(const char *text, uint64_t ret_values[BENCH_LIST_MAX]);

/* ---- output ---- */

/* One JSON object per line, appended to `path` (NULL: nowhere). Flushed, so a killed run keeps
 * them. */
void bench_json(const char *path, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- libattl ---- */

/* Opens a cache from "name=value" settings, ended by NULL; ends the program if one is refused. */
attl *bench_attl_open(const char *const *settings);
attl_stats bench_attl_stats(attl *cache);

#endif
