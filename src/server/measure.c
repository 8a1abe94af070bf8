/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filling in struct metric_host. What the system does not say is not known (NAN) rather than 0,
 * because an alert on "no file descriptors left" must not fire where nobody can count them. Rates
 * share INFO's window. Nothing is kept here.
 */
#include "server/measure.h"

#include "metric/sources.h"
#include "os/clock.h"
#include "os/process.h"
#include "server/host.h"
#include "server/info.h"

#include <math.h>

static double
known(uint64_t n)
{
    return n ? (double)n : NAN;
}

static void
measure_process(struct server *server, struct metric_host *m)
{
    struct process_usage u;
    struct process_facts f;
    process_usage_get(&u);
    process_facts_get(&f);
    m->start_s = (double)server->started_wall_us / 1e6;
    m->uptime_s = (double)(clock_mono_ns() / 1000 - server->started_us) / 1e6;
    m->cpu_user_s = (double)u.user_cpu_us / 1e6;
    m->cpu_system_s = (double)u.system_cpu_us / 1e6;
    m->cpu_s = m->cpu_user_s + m->cpu_system_s;
    m->resident_bytes = known(u.resident_bytes);
    m->virtual_bytes = known(f.virtual_bytes);
    m->open_fds = known(f.open_fds);
    m->max_fds = known(f.max_fds);
    m->threads = known(f.threads);
    m->machine_bytes = known(process_machine_memory_bytes());
}

static void
measure_clients(const struct net_counters *c, struct metric_host *m)
{
    m->clients = c->clients;
    m->blocked = c->parked;
    m->tracking = c->tracking_clients;
    m->connections = c->connections;
    m->rejected = c->rejected;
    m->requests = c->requests;
    m->in_bytes = c->in_bytes;
    m->out_bytes = c->out_bytes;
    m->client_bytes = c->buffered_bytes;
    m->protocol_errors = c->protocol_errors;
    m->foreign = c->foreign;
    m->dropped_query = c->dropped_query;
    m->dropped_output = c->dropped_output;
    m->dropped_memory = c->dropped_memory;
    m->timed_out = c->timed_out;
    m->auth_lockouts = c->auth_lockouts;
    m->killed = c->killed;
    m->held = c->held;
    m->held_failed = c->held_failed;
    m->events_lost = c->events_lost;
    m->channels = c->topics[PUBSUB_CHANNEL];
    m->patterns = c->topics[PUBSUB_PATTERN];
    m->shard_channels = c->topics[PUBSUB_SHARD];
    m->tracked_keys = c->tracked_keys;
    m->tracked_items = c->tracked_items;
    m->tracked_prefixes = c->tracked_prefixes;
}

static void
measure_load(struct server *server, const struct net_counters *c, struct metric_host *m)
{
    uint64_t sum_ms;
    _Static_assert(sizeof m->shed_read == sizeof c->shed[SHED_READ], "one for each outcome");
    memcpy(m->shed_read, c->shed[SHED_READ], sizeof m->shed_read);
    memcpy(m->shed_write, c->shed[SHED_WRITE], sizeof m->shed_write);
    memcpy(m->shed_scan, c->shed[SHED_SCAN], sizeof m->shed_scan);
    m->shed_level = c->shed_level;
    net_waits_get(server->net, m->queue.counts, &sum_ms);
    m->queue.unit_s = 1e-3;
    m->queue.sum_s = (double)sum_ms / 1e3;
}

static void
measure_rates(struct server *server, struct metric_host *m)
{
    struct server_rates r = server_rates(server);
    double reads = r.hits + r.misses;
    m->requests_rate = r.requests;
    m->in_rate = r.in_bytes;
    m->out_rate = r.out_bytes;
    m->hits_rate = r.hits;
    m->misses_rate = r.misses;
    m->sets_rate = r.sets;
    m->expired_rate = r.expired;
    m->evicted_rate = r.evicted;
    m->hit_ratio = reads > 0 ? r.hits / reads : NAN;
}

void
measure_host(void *ud, struct metric_host *ret)
{
    struct server *server = host_server(ud);
    struct net_counters c = server_counters(server);
    measure_process(server, ret);
    measure_clients(&c, ret);
    measure_load(server, &c, ret);
    measure_rates(server, ret);
    ret->workers = server->workers;
    lock_acquire(&server->config_lock);
    ret->max_clients = (uint64_t)config_i64(server->config, OPT_SERVER_MAX_CLIENTS);
    ret->client_bytes_max = (uint64_t)config_i64(server->config, OPT_SERVER_CLIENTS_MEMORY);
    lock_release(&server->config_lock);
}
