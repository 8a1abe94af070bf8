/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts for INFO that are no metric, or have Redis' own unit; the others come from the table of
 * metrics, by way of measure.c. Counters of the net only ever grow; a reset remembers where they
 * stood and subtracts. "Instantaneous" rates compare with a reading that is at least RATE_WINDOW_US
 * old and is renewed when somebody asks: an idle server must not wake up ten times a second to keep
 * a number nobody reads.
 */
#include "server/info.h"

#include "os/clock.h"
#include "os/process.h"
#include "server/host.h"

enum { RATE_WINDOW_US = 1000000, SECONDS_PER_DAY = 86400 };

typedef unsigned long long ull;

struct net_counters
server_counters(struct server *server)
{
    struct net_counters c;
    net_counters_get(server->net, &c);
    lock_acquire(&server->rate_lock);
    const struct net_counters *base = &server->base;
    c.connections -= base->connections;
    c.rejected -= base->rejected;
    c.requests -= base->requests;
    c.in_bytes -= base->in_bytes;
    c.out_bytes -= base->out_bytes;
    c.protocol_errors -= base->protocol_errors;
    c.foreign -= base->foreign;
    c.dropped_query -= base->dropped_query;
    c.dropped_output -= base->dropped_output;
    c.dropped_memory -= base->dropped_memory;
    c.timed_out -= base->timed_out;
    c.auth_lockouts -= base->auth_lockouts;
    c.killed -= base->killed;
    c.held -= base->held;
    c.held_failed -= base->held_failed;
    c.tls_connections -= base->tls_connections;
    c.tls_failures -= base->tls_failures;
    for (unsigned class = 0; class < SHED_CLASSES; class ++)
        for (unsigned outcome = 0; outcome < SHED_OUTCOMES; outcome++)
            c.shed[class][outcome] -= base->shed[class][outcome];
    lock_release(&server->rate_lock);
    return c;
}

void
info_reset(void *ud)
{
    struct server *server = host_server(ud);
    struct net_counters c;
    net_counters_get(server->net, &c);
    lock_acquire(&server->rate_lock);
    server->base = c;
    lock_release(&server->rate_lock);
}

static struct rate_reading
read_rates(struct server *server)
{
    struct net_counters c;
    attl_stats st = { .struct_size = sizeof st };
    net_counters_get(server->net, &c);
    attl_stats_get(server->cache, &st);
    return (struct rate_reading){ .requests = c.requests,
                                  .in_bytes = c.in_bytes,
                                  .out_bytes = c.out_bytes,
                                  .hits = st.hits,
                                  .misses = st.misses,
                                  .sets = st.sets,
                                  .expired = st.expired,
                                  .evicted = st.evicted };
}

/* Per second. CONFIG RESETSTAT makes a counter smaller: then nothing is known. */
static double
rate_of(uint64_t now, uint64_t then, double seconds)
{
    return now >= then ? (double)(now - then) / seconds : 0;
}

struct server_rates
server_rates(struct server *server)
{
    struct rate_reading c = read_rates(server);
    int64_t now_us = clock_mono_ns() / 1000;
    lock_acquire(&server->rate_lock);
    struct rate *r = &server->rate;
    if (now_us - r->last_us >= RATE_WINDOW_US) {
        r->then = r->last;
        r->since_us = r->last_us;
        r->last = c;
        r->last_us = now_us;
    }
    struct rate_reading then = r->then;
    double seconds = (double)(now_us - r->since_us) / 1e6;
    lock_release(&server->rate_lock);
    if (seconds <= 0)
        return (struct server_rates){ 0 };
    return (struct server_rates){ .requests = rate_of(c.requests, then.requests, seconds),
                                  .in_bytes = rate_of(c.in_bytes, then.in_bytes, seconds),
                                  .out_bytes = rate_of(c.out_bytes, then.out_bytes, seconds),
                                  .hits = rate_of(c.hits, then.hits, seconds),
                                  .misses = rate_of(c.misses, then.misses, seconds),
                                  .sets = rate_of(c.sets, then.sets, seconds),
                                  .expired = rate_of(c.expired, then.expired, seconds),
                                  .evicted = rate_of(c.evicted, then.evicted, seconds) };
}

static void
append_server(struct server *server, struct buf *out)
{
    char os[PROCESS_OS_NAME_MAX];
    process_os_name(os);
    int64_t up_s = (clock_mono_ns() / 1000 - server->started_us) / 1000000;
    lock_acquire(&server->config_lock);
    int64_t port = config_i64(server->config, OPT_SERVER_PORT);
    int64_t hz = config_i64(server->config, OPT_REDIS_HZ);
    lock_release(&server->config_lock);
    buf_printf(out, "os:%s\r\narch_bits:%d\r\nmultiplexing_api:epoll\r\n", os,
               (int)sizeof(void *) * 8);
    buf_printf(out, "process_id:%ld\r\nrun_id:%s\r\ntcp_port:%lld\r\n", process_id(),
               server->run_id, (long long)port);
    buf_printf(out, "server_time_usec:%lld\r\nuptime_in_seconds:%lld\r\nuptime_in_days:%lld\r\n",
               (long long)clock_wall_us(), (long long)up_s, (long long)(up_s / SECONDS_PER_DAY));
    buf_printf(out, "hz:%lld\r\nconfigured_hz:%lld\r\nio_threads_active:%d\r\n", (long long)hz,
               (long long)hz, server->workers > 1);
}

/* What was refused, under the names of Redis. */
static void
append_denials(struct server *server, struct buf *out)
{
    static const char *const names[DENIAL_REASONS] = { "cmd", "key", "channel", "auth",
                                                       "tls_cert" };
    uint64_t totals[DENIAL_REASONS];
    denials_totals(&server->access->denials, totals);
    for (size_t i = 0; i < DENIAL_REASONS; i++)
        buf_printf(out, "acl_access_denied_%s:%llu\r\n", names[i], (ull)totals[i]);
}

/* Redis' unit of traffic is the KiB. */
static void
append_stats(struct server *server, struct buf *out)
{
    append_denials(server, out);
    struct server_rates r = server_rates(server);
    buf_printf(out, "instantaneous_ops_per_sec:%.0f\r\n", r.requests);
    buf_printf(out, "instantaneous_input_kbps:%.2f\r\ninstantaneous_output_kbps:%.2f\r\n",
               r.in_bytes / 1024, r.out_bytes / 1024);
}

static void
append_memory(struct server *server, struct buf *out)
{
    attl_pressure p = { .struct_size = sizeof p };
    attl_pressure_get(server->cache, &p);
    buf_printf(out, "mem_stall_percent:%.2f\r\n", p.stall_percent < 0 ? 0 : p.stall_percent);
}

/* The rest of the section is the cache's. */
static void
append_persistence(struct server *server, struct buf *out)
{
    attl_load_progress progress = { .struct_size = sizeof progress };
    attl_load_progress_get(server->cache, &progress);
    int64_t up_us = clock_mono_ns() / 1000 - server->started_us;
    if (progress.loading)
        buf_printf(out, "loading_start_time:%lld\r\n",
                   (long long)((clock_wall_us() - up_us) / 1000000));
}

static void
append_attl(struct server *server, struct buf *out)
{
    struct net_counters c = server_counters(server);
    buf_printf(out, "attl_queue_delay_ms:%llu\r\nattl_queue_delay_p99_ms:%llu\r\n", (ull)c.wait_ms,
               (ull)c.wait_p99_ms);
    buf_printf(out, "attl_tls_clients:%llu\r\nattl_tls_connections:%llu\r\n", (ull)c.tls_clients,
               (ull)c.tls_connections);
    buf_printf(out, "attl_tls_failures:%llu\r\nattl_users:%zu\r\n", (ull)c.tls_failures,
               access_count(server->access));
}

void
info_append(void *ud, const char *section, struct buf *out)
{
    struct server *server = host_server(ud);
    if (strcmp(section, "server") == 0)
        append_server(server, out);
    else if (strcmp(section, "memory") == 0)
        append_memory(server, out);
    else if (strcmp(section, "stats") == 0)
        append_stats(server, out);
    else if (strcmp(section, "persistence") == 0)
        append_persistence(server, out);
    else if (strcmp(section, "attl") == 0)
        append_attl(server, out);
}
