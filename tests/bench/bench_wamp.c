/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cleaner's write amplification: records written per record accepted, in noeviction mode under
 * nothing but overwrites whose sizes vary, so that none can be done in place.
 * The table has the form of the simulation that led to the design (1000 chunks of 1000 records),
 * whose figures are printed beside: the real cleaner should be near them. One more row has equal
 * sizes, where overwriting in place applies and nothing should be copied at all. Each cell warms up
 * until the log has turned over several times, then counts. One writer; the library's maintenance
 * thread works beside it.
 */
#include "wamp_sim.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { VARY = 32, EQUAL_PERCENT = 85 };

static const char *const draw_names[DRAWS] = { "uniform", "80/20", "zipf" };

struct settings {
    uint64_t seed, items, warm, count;
    double theta;
    const char *percents, *json;
};

struct cell {
    const struct settings *s;
    attl *cache;
    struct rng rng;
    uint8_t *value_bytes;
    enum draw draw;
    bool sizes_vary;
};

static void
cell_write(struct cell *c, uint64_t item)
{
    static const uint8_t filler[BENCH_VALUE_BYTES + VARY] = { 1 };
    uint8_t key[BENCH_KEY_BYTES];
    size_t len = BENCH_VALUE_BYTES;
    if (c->sizes_vary)
        len = BENCH_VALUE_BYTES - VARY + (size_t)rng_below(&c->rng, 2 * VARY + 1);
    key_write(key, item);
    int rc = attl_set(c->cache, attl_b(key, sizeof key), attl_b(filler, len), ATTL_TTL_NONE);
    if (rc != ATTL_OK)
        bench_die("attl_set: %s", attl_strerror(rc));
    c->value_bytes[item] = (uint8_t)len;
}

static void
cell_report(const struct cell *c, double level, uint64_t rss_before, double us)
{
    attl_stats st = bench_attl_stats(c->cache);
    double n = (double)c->s->items, payload = 0;
    for (uint64_t i = 0; i < c->s->items; i++)
        payload += BENCH_KEY_BYTES + c->value_bytes[i];
    double resident = (double)bench_rss_bytes() - (double)rss_before;
    double log = (double)(st.mem_live + st.mem_dead + st.mem_unsealed + st.mem_retired);
    double accepted = (double)(st.records_written + st.writes_in_place);
    double reached = (double)st.mem_live / log;
    double simulated = c->sizes_vary ? wamp_simulate(c->draw, c->s->theta, reached, c->s->seed) : 0;
    double wamp = (double)(st.records_written + st.records_copied) / accepted;
    (void)printf("%5.2f %-9s %-5s %7.2f %9.2f %9.3f %8.2f %9.1f %9.1f %8.2f\n", level,
                 draw_names[c->draw], c->sizes_vary ? "vary" : "equal", wamp, simulated, reached,
                 (double)st.writes_in_place / accepted, resident / n, (resident - payload) / n, us);
    (void)fflush(stdout);
    bench_json(c->s->json,
               "{\"bench\":\"wamp\",\"utilization\":%.2f,\"draw\":\"%s\",\"sizes\":\"%s\","
               "\"wamp\":%.3f,\"simulated\":%.2f,\"achieved\":%.4f,\"resident\":%.2f,"
               "\"overhead\":%.2f,\"us_per_write\":%.3f,\"items\":%llu}",
               level, draw_names[c->draw], c->sizes_vary ? "vary" : "equal", wamp, simulated,
               reached, resident / n, (resident - payload) / n, us,
               (unsigned long long)c->s->items);
}

static void
cell_run(const struct settings *s, enum draw draw, bool sizes_vary, uint64_t percent)
{
    char utilization[64];
    (void)snprintf(utilization, sizeof utilization, "cache.utilization=%.2f",
                   (double)percent / 100);
    const char *config[] = { "cache.max_memory=0", "cache.max_entries=0",
                             "cache.eviction=noeviction", utilization, NULL };
    struct cell c = { .s = s, .draw = draw, .sizes_vary = sizes_vary };
    struct zipf *z = zipf_new(s->items, s->theta);
    c.rng.state = mix64(s->seed);
    c.value_bytes = bench_alloc(s->items);
    memset(c.value_bytes, 1, s->items);
    uint64_t rss_before = bench_rss_bytes();
    c.cache = bench_attl_open(config);
    for (uint64_t i = 0; i < s->items; i++)
        cell_write(&c, i);
    for (uint64_t i = 0; i < s->items * s->warm; i++)
        cell_write(&c, draw_item(draw, s->items, z, &c.rng));
    attl_stats_reset(c.cache);
    uint64_t from_ns = bench_now_ns();
    for (uint64_t i = 0; i < s->items * s->count; i++)
        cell_write(&c, draw_item(draw, s->items, z, &c.rng));
    double us = (double)(bench_now_ns() - from_ns) / 1e3 / (double)(s->items * s->count);
    cell_report(&c, (double)percent / 100, rss_before, us);
    attl_close(&c.cache);
    zipf_free(z);
    free(c.value_bytes);
}

/* In a child: the resident set of one cell must not contain what another left behind. */
static void
cell_fork(const struct settings *s, enum draw draw, bool sizes_vary, uint64_t percent)
{
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        cell_run(s, draw, sizes_vary, percent);
        exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        bench_die("a cell failed");
}

int
main(int argc, char **argv)
{
    struct settings s = {
        .seed = 1, .items = 500000, .warm = 4, .count = 4, .theta = 0.99, .percents = "80,85,90,95"
    };
    const struct arg args[] = {
        { "seed", ARG_U64, &s.seed, "seed of the draws" },
        { "items", ARG_U64, &s.items, "items" },
        { "warm", ARG_U64, &s.warm, "overwrites before counting, times the items" },
        { "count", ARG_U64, &s.count, "overwrites counted, times the items" },
        { "theta", ARG_REAL, &s.theta, "skew of zipf" },
        { "percents", ARG_TEXT, &s.percents, "settings of cache.utilization, a list" },
        { "json", ARG_TEXT, &s.json, "file to append JSON lines to" },
    };
    args_parse(argc, argv, "Write amplification of the cleaner under overwrites, noeviction.", args,
               sizeof args / sizeof args[0]);
    (void)printf(
        "\nrecords written per write accepted (sim: at the utilisation reached); bytes per item\n"
        "%5s %-9s %-5s %7s %9s %9s %8s %9s %9s %8s\n",
        "util.", "draw", "sizes", "wamp", "sim", "reached", "in place", "resident", "overhead",
        "us/write");
    uint64_t percents[BENCH_LIST_MAX];
    unsigned n = args_list(s.percents, percents);
    for (unsigned i = 0; i < n; i++)
        for (unsigned draw = 0; draw < DRAWS; draw++)
            cell_fork(&s, (enum draw)draw, true, percents[i]);
    cell_fork(&s, DRAW_UNIFORM, false, EQUAL_PERCENT);
    return 0;
}
