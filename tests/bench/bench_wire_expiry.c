/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mass expiry as a client sees it: a server holds keys whose deadlines fall into one second, one
 * client gets live keys at a steady pace, and a second connection polls DBSIZE to see the expired
 * ones go. Staleness is the integral of the entries still counted after their deadline, per entry;
 * the polling interval is its resolution. The server's CPU during the expiry, less what the same
 * client cost in the quiet stretch before, is charged to the expired entries. The keys are loaded
 * by bench_load. One thread per connection; the main thread owns the result and joins the getter
 * before reading it.
 */
#include "wire.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LIVE_KEYS = 1000, LINE_MAX_BYTES = 64, IN_BYTES = 8192 };

/* Numbers of the live keys lie far above those of the keys that expire. */
#define LIVE_FIRST (UINT64_C(1) << 40)

enum phase { PHASE_QUIET, PHASE_EXPIRY, PHASE_END, PHASES };

struct settings {
    const char *host, *label, *json;
    uint64_t port, keys, deadline_ms, spread_ms, quiet_ms, after_ms, poll_ms, pace_us, server_pid;
    uint64_t limit_ms;
};

struct getter {
    const struct settings *s;
    pthread_t thread;
    int fd;
    _Atomic int phase;
    struct hist *hist[PHASES];
};

/* Sends `len` bytes and receives until one whole reply for `index` is there. */
static enum wire_kind
round_trip(int fd, const char *out, size_t len, uint64_t index)
{
    char in[IN_BYTES];
    size_t have = 0, used;
    if (send(fd, out, len, MSG_NOSIGNAL) != (ssize_t)len)
        bench_die("send: %s", strerror(errno));
    for (;;) {
        ssize_t n = recv(fd, in + have, sizeof in - have, 0);
        if (n <= 0)
            bench_die("the server closed the connection");
        have += (size_t)n;
        enum wire_kind kind = wire_reply(WIRE_RESP, in, have, index, &used);
        if (kind != WIRE_PARTIAL)
            return kind;
    }
}

static uint64_t
dbsize(int fd)
{
    static const char request[] = "*1\r\n$6\r\nDBSIZE\r\n";
    char in[LINE_MAX_BYTES + 1];
    size_t have = 0;
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)sizeof request - 1)
        bench_die("send: %s", strerror(errno));
    while (have < 2 || in[have - 1] != '\n') {
        ssize_t n = recv(fd, in + have, LINE_MAX_BYTES - have, 0);
        if (n <= 0)
            bench_die("the server closed the connection");
        have += (size_t)n;
    }
    in[have] = '\0';
    if (in[0] != ':')
        bench_die("DBSIZE: %s", in);
    return strtoull(in + 1, NULL, 10);
}

static void
live_load(int fd, size_t value_bytes)
{
    char out[WIRE_REQUEST_MAX];
    struct wire_set set = { .value_bytes = value_bytes };
    for (uint64_t i = 0; i < LIVE_KEYS; i++) {
        size_t len = wire_request(WIRE_RESP, WIRE_SET, &set, LIVE_FIRST + i, out);
        if (round_trip(fd, out, len, LIVE_FIRST + i) != WIRE_STORED)
            bench_die("SET of a live key failed");
    }
}

static void *
getter_main(void *arg)
{
    struct getter *g = arg;
    struct rng r = { mix64(1) };
    char out[WIRE_REQUEST_MAX];
    uint64_t next_ns = bench_now_ns();
    int phase;
    bench_pin(1);
    while ((phase = atomic_load_explicit(&g->phase, memory_order_relaxed)) != PHASE_END) {
        uint64_t index = LIVE_FIRST + rng_below(&r, LIVE_KEYS);
        size_t len = wire_request(WIRE_RESP, WIRE_GET, NULL, index, out);
        uint64_t from_ns = bench_now_ns();
        if (round_trip(g->fd, out, len, index) != WIRE_HIT)
            bench_die("a live key is missing");
        uint64_t now_ns = bench_now_ns();
        hist_add(g->hist[phase], now_ns - from_ns);
        next_ns += g->s->pace_us * 1000;
        if (next_ns > now_ns)
            bench_sleep_ns(next_ns - now_ns);
        else
            next_ns = now_ns;
    }
    return NULL;
}

struct outcome {
    double stale_ms;       /* mean over the keys */
    int64_t gone_after_ms; /* behind the last deadline; -1: some were still there at the end */
    uint64_t left;
    double cpu_us, watched_s; /* of the server while watching */
};

static void
watch(const struct settings *s, int fd, struct outcome *ret)
{
    double held_ms = 0;
    int64_t end_ms = (int64_t)(s->deadline_ms + s->spread_ms), done_ms = -1, now_ms;
    uint64_t cpu_ns = wire_server_cpu_ns(s->server_pid), from_ns = bench_now_ns(), at_ns = from_ns;
    do {
        bench_sleep_ns(s->poll_ms * 1000000);
        uint64_t left = dbsize(fd);
        uint64_t now_ns = bench_now_ns();
        now_ms = bench_unix_ms();
        left = left > LIVE_KEYS ? left - LIVE_KEYS : 0;
        held_ms += (double)left * (double)(now_ns - at_ns) / 1e6;
        at_ns = now_ns;
        ret->left = left;
        if (left == 0 && done_ms < 0)
            done_ms = now_ms;
    } while (now_ms < end_ms + (int64_t)s->limit_ms &&
             (done_ms < 0 || now_ms < end_ms + (int64_t)s->after_ms));
    ret->stale_ms = held_ms / (double)s->keys - (double)s->spread_ms / 2;
    ret->gone_after_ms = done_ms < 0 ? -1 : done_ms - end_ms;
    ret->cpu_us = (double)(wire_server_cpu_ns(s->server_pid) - cpu_ns) / 1e3;
    ret->watched_s = (double)(bench_now_ns() - from_ns) / 1e9;
}

static void
sleep_until(int64_t unix_ms)
{
    while (bench_unix_ms() < unix_ms)
        bench_sleep_ns(1000000);
}

static void
report(const struct settings *s, const struct outcome *o, double quiet_us_per_s,
       struct hist *const *h)
{
    double expired = (double)(s->keys - o->left);
    double cpu = expired > 0 ? (o->cpu_us - quiet_us_per_s * o->watched_s) / expired : 0;
    (void)printf(
        "%-10s stale mean %.0f ms, last gone %lld ms after, left %llu; server CPU %.3f us per "
        "expired key; client us quiet p99 %.0f max %.0f, during p99 %.0f max %.0f\n",
        s->label, o->stale_ms, (long long)o->gone_after_ms, (unsigned long long)o->left, cpu,
        (double)hist_quantile(h[PHASE_QUIET], 0.99) / 1e3, (double)h[PHASE_QUIET]->max_ns / 1e3,
        (double)hist_quantile(h[PHASE_EXPIRY], 0.99) / 1e3, (double)h[PHASE_EXPIRY]->max_ns / 1e3);
    bench_json(s->json,
               "{\"bench\":\"wire_expiry\",\"server\":\"%s\",\"keys\":%llu,\"stale_ms\":%.1f,"
               "\"gone_after_ms\":%lld,\"left\":%llu,\"cpu_us_per_key\":%.4f,\"quiet_p99_us\":%.1f,"
               "\"quiet_max_us\":%.1f,\"during_p99_us\":%.1f,\"during_max_us\":%.1f}",
               s->label, (unsigned long long)s->keys, o->stale_ms, (long long)o->gone_after_ms,
               (unsigned long long)o->left, cpu, (double)hist_quantile(h[PHASE_QUIET], 0.99) / 1e3,
               (double)h[PHASE_QUIET]->max_ns / 1e3,
               (double)hist_quantile(h[PHASE_EXPIRY], 0.99) / 1e3,
               (double)h[PHASE_EXPIRY]->max_ns / 1e3);
}

static void
bench(const struct settings *s)
{
    struct outcome o = { 0 };
    struct getter g = { .s = s, .fd = wire_connect(s->host, s->port) };
    int fd = wire_connect(s->host, s->port);
    for (int p = 0; p < PHASES; p++)
        g.hist[p] = bench_alloc(sizeof *g.hist[p]);
    live_load(fd, 100);
    if (dbsize(fd) < s->keys)
        bench_die("only %llu keys in the server", (unsigned long long)dbsize(fd));
    if (bench_unix_ms() > (int64_t)(s->deadline_ms - s->quiet_ms))
        bench_die("too late for the quiet stretch: load earlier");
    bench_pin(1);
    sleep_until((int64_t)(s->deadline_ms - s->quiet_ms));
    if (pthread_create(&g.thread, NULL, getter_main, &g) != 0)
        bench_die("pthread_create");
    uint64_t cpu_ns = wire_server_cpu_ns(s->server_pid);
    sleep_until((int64_t)s->deadline_ms);
    double quiet_us = (double)(wire_server_cpu_ns(s->server_pid) - cpu_ns) / 1e3;
    atomic_store(&g.phase, PHASE_EXPIRY);
    watch(s, fd, &o);
    atomic_store(&g.phase, PHASE_END);
    (void)pthread_join(g.thread, NULL);
    report(s, &o, quiet_us / ((double)s->quiet_ms / 1e3), g.hist);
    for (int p = 0; p < PHASES; p++)
        free(g.hist[p]);
    (void)close(g.fd);
    (void)close(fd);
}

int
main(int argc, char **argv)
{
    struct settings s = { .host = "127.0.0.1",
                          .label = "server",
                          .port = 6411,
                          .keys = 2000000,
                          .spread_ms = 1000,
                          .quiet_ms = 2000,
                          .after_ms = 500,
                          .poll_ms = 10,
                          .pace_us = 200,
                          .limit_ms = 20000 };
    const struct arg args[] = {
        { "host", ARG_TEXT, &s.host, "IPv4 address, or path of a unix socket" },
        { "port", ARG_U64, &s.port, "port" },
        { "keys", ARG_U64, &s.keys, "keys that expire" },
        { "deadline-ms", ARG_U64, &s.deadline_ms, "their first deadline, Unix ms" },
        { "spread-ms", ARG_U64, &s.spread_ms, "over how many ms they are spread" },
        { "quiet-ms", ARG_U64, &s.quiet_ms, "quiet stretch before" },
        { "after-ms", ARG_U64, &s.after_ms, "watched on after the last one is gone" },
        { "limit-ms", ARG_U64, &s.limit_ms, "watched at most, after the last deadline" },
        { "poll-ms", ARG_U64, &s.poll_ms, "between two DBSIZE" },
        { "pace-us", ARG_U64, &s.pace_us, "between two GETs" },
        { "server-pid", ARG_U64, &s.server_pid, "process whose CPU is read" },
        { "label", ARG_TEXT, &s.label, "name in the output" },
        { "json", ARG_TEXT, &s.json, "file to append JSON lines to" },
    };
    args_parse(argc, argv, "Mass expiry in a server, seen over the wire.", args,
               sizeof args / sizeof args[0]);
    if (s.deadline_ms == 0)
        bench_die("--deadline-ms is needed");
    bench(&s);
    return 0;
}
