/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A load generator for servers that speak RESP or memcached's text protocol: N connections, each
 * with a pipeline of P requests, one thread with epoll. A connection sends its next batch when the
 * last reply of the previous one is there, so the load is a closed loop and the server decides the
 * pace. Besides throughput and latency it reads the CPU that the server's threads used meanwhile:
 * CPU per operation survives a noisy machine far better than operations per second do. Every reply
 * is compared with its key. Keys are drawn uniformly, never replayed. One thread owns all.
 *
 * With a rate the loop is open: each connection has a timetable, latency counts from when a batch
 * was due, and what a stall kept from being sent is sent behind it. So a stall of the server shows
 * in every request that it delayed, not just in the one per connection that was under way.
 */
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIPELINE_MAX = 512, CONNECTIONS_MAX = 4096, EVENTS = 128, IN_BYTES = 65536 };
enum { SLEEP_MAX_NS = 1000000 };

struct conn {
    int fd;
    bool wants_out;   /* registered for EPOLLOUT */
    uint64_t sent_ns; /* with a rate: when it was due */
    uint64_t due_ns;  /* with a rate: the next batch */
    uint64_t *index;  /* of the requests in flight */
    unsigned sent, answered;
    char *out;
    size_t out_len, out_at;
    char *in;
    size_t in_len;
};

struct settings {
    const char *host, *protocol, *op, *label, *json;
    uint64_t port, connections, pipeline, keys, seed, server_pid, cpu, warm_ms, rate;
    bool until_eof;
    double seconds;
    struct wire_set set;
    uint64_t value_bytes, deadline_ms;
};

struct load {
    const struct settings *s;
    enum wire_protocol protocol;
    enum wire_op op;
    bool sequential;      /* preload: every key once, in order */
    bool ended;           /* standard input was closed */
    uint64_t interval_ns; /* between batches of a connection; 0: closed loop */
    uint64_t gap_ns;      /* longest that a sleep took beyond its end */
    uint64_t next_key, done_keys;
    struct rng rng;
    struct conn *conns;
    int epoll;
    uint64_t hits, misses, stored;
    struct hist *hist;
};

static void
conn_arm(struct load *l, struct conn *c, bool wants_out)
{
    struct epoll_event ev = { .events = EPOLLIN | (wants_out ? EPOLLOUT : 0u), .data.ptr = c };
    if (wants_out == c->wants_out)
        return;
    c->wants_out = wants_out;
    if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &ev) != 0)
        bench_die("epoll_ctl: %s", strerror(errno));
}

static void
conn_flush(struct load *l, struct conn *c)
{
    while (c->out_at < c->out_len) {
        ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n < 0)
            bench_die("send: %s", strerror(errno));
        c->out_at += (size_t)n;
    }
    conn_arm(l, c, c->out_at < c->out_len);
}

/* Fills the pipeline and sends it; when a preload has no keys left, fewer or no requests. */
static void
conn_send(struct load *l, struct conn *c)
{
    c->out_len = c->out_at = 0;
    c->sent = c->answered = 0;
    for (uint64_t i = 0; i < l->s->pipeline; i++) {
        if (l->sequential && l->next_key == l->s->keys)
            break;
        uint64_t index = l->sequential ? l->next_key++ : rng_below(&l->rng, l->s->keys);
        c->index[c->sent++] = index;
        c->out_len += wire_request(l->protocol, l->op, &l->s->set, index, c->out + c->out_len);
    }
    c->sent_ns = bench_now_ns();
    conn_flush(l, c);
}

static void
load_count(struct load *l, enum wire_kind kind, const char *text)
{
    switch (kind) {
    case WIRE_HIT: l->hits++; break;
    case WIRE_MISS: l->misses++; break;
    case WIRE_STORED: l->stored++; break;
    case WIRE_PARTIAL:
    case WIRE_ERROR:
    case WIRE_WRONG:
        bench_die("%s reply: %.60s", kind == WIRE_WRONG ? "wrong value in" : "unexpected", text);
    }
}

/* Counts the whole replies in the input; true when the batch is complete. */
static bool
conn_parse(struct load *l, struct conn *c)
{
    uint64_t now_ns = bench_now_ns();
    size_t at = 0, used;
    while (c->answered < c->sent) {
        uint64_t index = c->index[c->answered];
        enum wire_kind kind = wire_reply(l->protocol, c->in + at, c->in_len - at, index, &used);
        if (kind == WIRE_PARTIAL)
            break;
        c->in[c->in_len] = '\0';
        load_count(l, kind, c->in + at);
        hist_add(l->hist, now_ns - c->sent_ns);
        at += used;
        c->answered++;
    }
    memmove(c->in, c->in + at, c->in_len - at);
    c->in_len -= at;
    return c->answered == c->sent;
}

/* Sends what is due; a connection that is behind catches up batch by batch. */
static void
conns_keep_time(struct load *l, uint64_t now_ns)
{
    for (uint64_t i = 0; i < l->s->connections; i++) {
        struct conn *c = &l->conns[i];
        if (c->answered < c->sent || c->due_ns > now_ns)
            continue;
        conn_send(l, c);
        c->sent_ns = c->due_ns;
        c->due_ns += l->interval_ns;
    }
}

static void
conns_start(struct load *l)
{
    const struct settings *s = l->s;
    uint64_t now_ns = bench_now_ns();
    if (s->rate > 0) {
        (void)prctl(PR_SET_TIMERSLACK, 1UL); /* a wish; 50 us otherwise */
        l->interval_ns = UINT64_C(1000000000) * s->connections * s->pipeline / s->rate;
    }
    for (uint64_t i = 0; i < s->connections; i++)
        if (l->interval_ns > 0)
            l->conns[i].due_ns = now_ns + l->interval_ns * i / s->connections;
        else
            conn_send(l, &l->conns[i]);
}

/* What is still owed counts with the time it has waited so far: a stall at the end is a stall. */
static void
conns_count_owed(struct load *l)
{
    uint64_t now_ns = bench_now_ns();
    for (uint64_t i = 0; i < l->s->connections; i++) {
        struct conn *c = &l->conns[i];
        if (c->answered < c->sent)
            hist_add(l->hist, now_ns - c->sent_ns);
    }
}

static void
conn_event(struct load *l, struct conn *c, uint32_t events)
{
    if (events & EPOLLOUT)
        conn_flush(l, c);
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        return;
    ssize_t n = recv(c->fd, c->in + c->in_len, IN_BYTES - c->in_len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        bench_die("the server closed a connection");
    c->in_len += (size_t)n;
    unsigned before = c->answered;
    bool complete = conn_parse(l, c);
    l->done_keys += c->answered - before;
    if (complete && c->sent > 0 && l->interval_ns == 0)
        conn_send(l, c);
}

static void
conns_open(struct load *l)
{
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0)
        bench_die("epoll_create1: %s", strerror(errno));
    l->conns = bench_alloc(l->s->connections * sizeof *l->conns);
    for (uint64_t i = 0; i < l->s->connections; i++) {
        struct conn *c = &l->conns[i];
        struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
        c->fd = wire_connect(l->s->host, l->s->port);
        c->index = bench_alloc(l->s->pipeline * sizeof *c->index);
        c->out = bench_alloc(l->s->pipeline * (l->s->value_bytes + 256));
        c->in = bench_alloc(IN_BYTES + 1);
        if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0 ||
            epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0)
            bench_die("epoll_ctl: %s", strerror(errno));
    }
}

/* Standard input has no connection: its event means that whoever started us wants the result. */
static void
watch_input(struct load *l)
{
    struct epoll_event ev = { .events = EPOLLIN | EPOLLHUP, .data.ptr = NULL };
    if (l->s->until_eof && epoll_ctl(l->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &ev) != 0)
        bench_die("standard input cannot be waited for: %s", strerror(errno));
}

static void
conns_close(struct load *l)
{
    for (uint64_t i = 0; i < l->s->connections; i++) {
        (void)close(l->conns[i].fd);
        free(l->conns[i].index);
        free(l->conns[i].out);
        free(l->conns[i].in);
    }
    free(l->conns);
    (void)close(l->epoll);
}

/* Until when to sleep: the next batch that is due, or soon, so that a gap is noticed. */
static uint64_t
next_due_ns(const struct load *l, uint64_t now_ns)
{
    uint64_t next_ns = now_ns + SLEEP_MAX_NS;
    for (uint64_t i = 0; i < l->s->connections; i++) {
        const struct conn *c = &l->conns[i];
        if (c->answered == c->sent && c->due_ns < next_ns)
            next_ns = c->due_ns > now_ns ? c->due_ns : now_ns;
    }
    return next_ns;
}

/*
 * Waits for events. With a rate it sleeps to the nanosecond and does not spin: on a machine whose
 * processor time is rationed, spinning would use up the server's ration. What it sleeps longer than
 * it asked for is a gap, of ours and probably of the whole machine.
 */
static int
load_wait(struct load *l, struct epoll_event *events)
{
    if (l->interval_ns == 0)
        return epoll_wait(l->epoll, events, EVENTS, 100);
    uint64_t now_ns = bench_now_ns(), until_ns = next_due_ns(l, now_ns);
    struct timespec left = { .tv_nsec = (long)(until_ns - now_ns) };
    int n = epoll_pwait2(l->epoll, events, EVENTS, &left, NULL);
    uint64_t woken_ns = bench_now_ns();
    if (n == 0 && woken_ns > until_ns && woken_ns - until_ns > l->gap_ns)
        l->gap_ns = woken_ns - until_ns;
    return n;
}

/* Turns the loop until the clock reaches `until_ns`, a preload is complete or the input closed. */
static void
load_turn(struct load *l, uint64_t until_ns)
{
    struct epoll_event events[EVENTS];
    while (!l->ended && !(l->sequential && l->done_keys >= l->s->keys)) {
        uint64_t now_ns = bench_now_ns();
        if (now_ns >= until_ns)
            break;
        if (l->interval_ns > 0)
            conns_keep_time(l, now_ns);
        int n = load_wait(l, events);
        for (int i = 0; i < n; i++)
            if (events[i].data.ptr)
                conn_event(l, events[i].data.ptr, events[i].events);
            else
                l->ended = true;
    }
}

struct outcome {
    double seconds, server_cpu_us, own_cpu_s;
    uint64_t ops;
};

static void
report(const struct load *l, const struct outcome *o)
{
    const struct settings *s = l->s;
    const struct hist *h = l->hist;
    double ops = (double)(o->ops ? o->ops : 1);
    (void)printf(
        "%s %s p%llu: %.0f ops/s, server CPU %.3f us/op (busy %.0f %%, generator %.0f %%), "
        "latency us p50 %.0f p99 %.0f p99.9 %.0f max %.0f, misses %llu\n",
        s->label, s->op, (unsigned long long)s->pipeline, (double)o->ops / o->seconds,
        o->server_cpu_us / ops, o->server_cpu_us / o->seconds / 1e4,
        o->own_cpu_s / o->seconds * 100, (double)hist_quantile(h, 0.5) / 1e3,
        (double)hist_quantile(h, 0.99) / 1e3, (double)hist_quantile(h, 0.999) / 1e3,
        (double)h->max_ns / 1e3, (unsigned long long)l->misses);
    bench_json(
        s->json,
        "{\"bench\":\"load\",\"server\":\"%s\",\"op\":\"%s\",\"pipeline\":%llu,"
        "\"connections\":%llu,\"rate\":%llu,\"seconds\":%.3f,\"ops\":%llu,\"ops_per_s\":%.0f,"
        "\"cpu_us_per_op\":%.4f,"
        "\"server_busy\":%.3f,\"generator_busy\":%.3f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
        "\"p999_us\":%.1f,\"max_us\":%.1f,\"gap_us\":%.1f,\"misses\":%llu}",
        s->label, s->op, (unsigned long long)s->pipeline, (unsigned long long)s->connections,
        (unsigned long long)s->rate, o->seconds, (unsigned long long)o->ops,
        (double)o->ops / o->seconds, o->server_cpu_us / ops, o->server_cpu_us / o->seconds / 1e6,
        o->own_cpu_s / o->seconds, (double)hist_quantile(h, 0.5) / 1e3,
        (double)hist_quantile(h, 0.99) / 1e3, (double)hist_quantile(h, 0.999) / 1e3,
        (double)h->max_ns / 1e3, (double)l->gap_ns / 1e3, (unsigned long long)l->misses);
}

static void
load_run(struct load *l)
{
    struct outcome o = { 0 };
    conns_open(l);
    watch_input(l);
    conns_start(l);
    if (!l->sequential)
        load_turn(l, bench_now_ns() + l->s->warm_ms * 1000000);
    memset(l->hist, 0, sizeof *l->hist);
    l->misses = l->gap_ns = 0;
    uint64_t before = l->done_keys, from_ns = bench_now_ns();
    uint64_t cpu_ns = wire_server_cpu_ns(l->s->server_pid), own_ns = bench_thread_cpu_ns();
    uint64_t length_ns = (uint64_t)(l->s->seconds * 1e9);
    (void)printf("# measuring\n");
    (void)fflush(stdout);
    load_turn(l, l->sequential ? UINT64_MAX : from_ns + length_ns);
    o.server_cpu_us = (double)(wire_server_cpu_ns(l->s->server_pid) - cpu_ns) / 1e3;
    o.seconds = (double)(bench_now_ns() - from_ns) / 1e9;
    o.own_cpu_s = (double)(bench_thread_cpu_ns() - own_ns) / 1e9;
    o.ops = l->done_keys - before;
    if (l->interval_ns > 0)
        conns_count_owed(l);
    report(l, &o);
    conns_close(l);
}

static void
load_start(struct settings *s)
{
    struct load l = { .s = s };
    if (s->pipeline == 0 || s->pipeline > PIPELINE_MAX || s->connections == 0 ||
        s->connections > CONNECTIONS_MAX || s->value_bytes > WIRE_VALUE_MAX || s->keys == 0)
        bench_die("a parameter is out of range");
    if (s->pipeline * (s->value_bytes + 64) >= IN_BYTES)
        bench_die("a pipeline of replies must fit %d bytes", IN_BYTES);
    s->set.value_bytes = s->value_bytes;
    s->set.deadline_ms = (int64_t)s->deadline_ms;
    l.protocol = strcmp(s->protocol, "memcache") == 0 ? WIRE_MEMCACHE : WIRE_RESP;
    l.op = strcmp(s->op, "get") == 0 ? WIRE_GET : WIRE_SET;
    l.sequential = strcmp(s->op, "preload") == 0;
    l.rng.state = mix64(s->seed);
    l.hist = bench_alloc(sizeof *l.hist);
    bench_pin((unsigned)s->cpu);
    load_run(&l);
    free(l.hist);
}

int
main(int argc, char **argv)
{
    struct settings s = { .host = "127.0.0.1",
                          .protocol = "resp",
                          .op = "get",
                          .label = "server",
                          .port = 6411,
                          .connections = 50,
                          .pipeline = 1,
                          .keys = 1000000,
                          .seed = 1,
                          .cpu = 1,
                          .warm_ms = 300,
                          .seconds = 2,
                          .value_bytes = 100 };
    const struct arg args[] = {
        { "host", ARG_TEXT, &s.host, "IPv4 address, or path of a unix socket" },
        { "port", ARG_U64, &s.port, "port" },
        { "protocol", ARG_TEXT, &s.protocol, "resp or memcache" },
        { "op", ARG_TEXT, &s.op, "get, set, or preload: every key once" },
        { "connections", ARG_U64, &s.connections, "connections" },
        { "pipeline", ARG_U64, &s.pipeline, "requests in flight per connection" },
        { "keys", ARG_U64, &s.keys, "different keys" },
        { "value-bytes", ARG_U64, &s.value_bytes, "length of values" },
        { "ttl-ms", ARG_U64, &s.set.ttl_ms, "TTL given by SET; 0: none" },
        { "deadline-ms", ARG_U64, &s.deadline_ms, "deadline (PXAT) given by SET; 0: none" },
        { "spread-ms", ARG_U64, &s.set.spread_ms, "deadlines are spread over so many ms" },
        { "rate", ARG_U64, &s.rate, "requests per second, on a timetable; 0: closed loop" },
        { "seconds", ARG_REAL, &s.seconds, "length of the measurement" },
        { "until-eof", ARG_FLAG, &s.until_eof, "end when standard input is closed" },
        { "warm-ms", ARG_U64, &s.warm_ms, "not measured before it" },
        { "server-pid", ARG_U64, &s.server_pid, "process whose CPU is read; 0: none" },
        { "cpu", ARG_U64, &s.cpu, "core of the generator" },
        { "seed", ARG_U64, &s.seed, "seed of the key draws" },
        { "label", ARG_TEXT, &s.label, "name in the output" },
        { "json", ARG_TEXT, &s.json, "file to append JSON lines to" },
    };
    args_parse(argc, argv,
               "Load on a server: throughput, latency, and the server's CPU per operation.", args,
               sizeof args / sizeof args[0]);
    load_start(&s);
    return 0;
}
