/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INFO, in Redis' sections and words, because dashboards index by them. What a section says comes
 * from four sources in this order: the host (process, settings), the table of metrics, what is no
 * single number or has Redis' own unit, and fixed lines for things Redis has and we have not, whose
 * absence would break a tool. A field that an earlier source wrote is not written again. Our own
 * figures are in the section Attl.
 */
#include "command/commands.h"
#include "command/info_lines.h"
#include "command/metrics.h"
#include "command/reply.h"
#include "command/session.h"
#include "command/stats.h"
#include "command/stats_fields.h"
#include "os/notify.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    INFO_TEXT_MAX_BYTES = 1 << 20,
    POLICY_TEXT_MAX = 64,
    STATS_NAME_MAX = 64,
    NS_PER_MS = 1000000,
    PERCENT = 100,
    PERMILLE = 1000,
    MS_PER_S = 1000
};

enum info_set { INFO_DEFAULT = 1 << 0, INFO_ALL = 1 << 1, INFO_EVERYTHING = 1 << 2 };

struct info_section {
    const char *name, *title;
    unsigned sets;
    void (*write)(struct info *info);
};

static double
ratio(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static void
write_server(struct info *info)
{
    const struct command_host *host = info->env->host;
    info_line(info, "redis_version", "%s", COMMAND_REDIS_VERSION);
    info_line(info, "server_name", "attl");
    info_line(info, "attl_version", "%s", attl_version());
    info_line(info, "server_time_usec", "%" PRId64, host->wall_us(host->ud));
    info_fixed(info,
               "redis_git_sha1:00000000\nredis_git_dirty:0\nredis_mode:standalone\narch_bits:64\n"
               "multiplexing_api:epoll\n");
    info_line(info, "process_supervised", "%s", notify_is_wanted() ? "systemd" : "no");
}

static void
write_clients(struct info *info)
{
    info_fixed(info, "cluster_connections:0\nblocked_clients:0\ntracking_clients:0\n"
                     "clients_in_timeout_table:0\n");
}

static void
write_memory(struct info *info)
{
    const attl_stats *st = &info->stats;
    const struct command_host *host = info->env->host;
    uint64_t dataset = st->mem_live + st->mem_extents;
    char policy[POLICY_TEXT_MAX];
    attl_persist_stats log = { .struct_size = sizeof log };
    attl_persist_stats_get(info->env->cache, &log);
    info_line(info, "mem_aof_buffer", "%" PRIu64, log.buffer_used);
    info_bytes(info, "used_memory", st->mem_used);
    uint64_t resident = info_number(info, "used_memory_rss", st->mem_committed);
    info_bytes(info, "used_memory_rss", resident);
    info_bytes(info, "used_memory_peak", st->mem_used_peak);
    info_line(info, "used_memory_peak_perc", "%.2f%%",
              PERCENT * ratio(st->mem_used, st->mem_used_peak));
    info_line(info, "used_memory_dataset_perc", "%.2f%%", PERCENT * ratio(dataset, st->mem_used));
    info_line(info, "allocator_allocated", "%" PRIu64, st->mem_used);
    info_line(info, "allocator_resident", "%" PRIu64, st->mem_committed);
    info_bytes(info, "maxmemory", st->max_memory);
    if (host->config_get(host->ud, "maxmemory-policy", policy, sizeof policy) == ATTL_OK)
        info_line(info, "maxmemory_policy", "%s", policy);
    info_line(info, "allocator_frag_ratio", "%.2f", ratio(st->mem_committed, st->mem_used));
    info_line(info, "mem_fragmentation_ratio", "%.2f", ratio(resident, st->mem_used));
    info_line(info, "mem_fragmentation_bytes", "%" PRId64, (int64_t)(resident - st->mem_used));
    info_fixed(
        info,
        "used_memory_startup:0\nused_memory_lua:0\nnumber_of_cached_scripts:0\n"
        "maxmemory_policy:noeviction\nmem_not_counted_for_evict:0\nmem_replication_backlog:0\n"
        "mem_clients_slaves:0\nmem_clients_normal:0\nmem_aof_buffer:0\nmem_allocator:attl\n"
        "active_defrag_running:0\nlazyfree_pending_objects:0\nlazyfreed_objects:0\n");
}

static void
write_stats(struct info *info)
{
    const attl_stats *st = &info->stats;
    uint64_t commands = 0, errors = 0;
    for (size_t row = 0; row < command_table_len; row++)
        commands += stats_total(info->env, row).calls;
    for (size_t e = 0; e < ERROR_COUNT; e++)
        errors += stats_errors_total(info->env, (enum command_error)e);
    info_line(info, "total_commands_processed", "%" PRIu64, commands);
    info_line(info, "total_error_replies", "%" PRIu64, errors);
    info_line(info, "expired_stale_perc", "%.2f",
              PERCENT * ratio(st->mem_expired_unreclaimed, st->mem_used));
    info_line(info, "expire_cycle_cpu_milliseconds", "%" PRIu64, st->expire_cpu_ns / NS_PER_MS);
    info_slowlog(info);
    info_fixed(
        info, "total_connections_received:0\ninstantaneous_ops_per_sec:0\ntotal_net_input_bytes:0\n"
              "total_net_output_bytes:0\ninstantaneous_input_kbps:0.00\n"
              "instantaneous_output_kbps:0.00\nrejected_connections:0\nsync_full:0\n"
              "sync_partial_ok:0\nsync_partial_err:0\nexpired_time_cap_reached_count:0\n"
              "evicted_clients:0\ntotal_eviction_exceeded_time:0\n"
              "current_eviction_exceeded_time:0\npubsub_channels:0\npubsub_patterns:0\n"
              "latest_fork_usec:0\ntotal_forks:0\nmigrate_cached_sockets:0\n"
              "slave_expires_tracked_keys:0\nactive_defrag_hits:0\nactive_defrag_misses:0\n"
              "active_defrag_key_hits:0\nactive_defrag_key_misses:0\ntracking_total_keys:0\n"
              "tracking_total_items:0\ntracking_total_prefixes:0\nunexpected_error_replies:0\n"
              "dump_payload_sanitizations:0\n");
}

static void
write_replication(struct info *info)
{
    info_fixed(info,
               "role:master\nconnected_slaves:0\nmaster_failover_state:no-failover\n"
               "master_replid:0000000000000000000000000000000000000000\n"
               "master_replid2:0000000000000000000000000000000000000000\nmaster_repl_offset:0\n"
               "second_repl_offset:-1\nrepl_backlog_active:0\nrepl_backlog_size:0\n"
               "repl_backlog_first_byte_offset:0\nrepl_backlog_histlen:0\n");
}

static void
write_cpu(struct info *info)
{
    info_fixed(info, "used_cpu_sys:0.000000\nused_cpu_user:0.000000\n"
                     "used_cpu_sys_children:0.000000\nused_cpu_user_children:0.000000\n");
}

static void
write_commandstats(struct info *info)
{
    for (size_t row = 0; row < command_table_len; row++) {
        struct command_total t = stats_total(info->env, row);
        if (t.calls == 0 && t.rejected == 0)
            continue;
        buf_printf(info->text,
                   "cmdstat_%s:calls=%" PRIu64
                   ",usec=%.0f,usec_per_call=%.2f,rejected_calls=%" PRIu64 ",failed_calls=%" PRIu64
                   "\r\n",
                   command_table[row].name, t.calls, t.usec, t.calls ? t.usec / (double)t.calls : 0,
                   t.rejected, t.failed);
    }
}

static void
write_errorstats(struct info *info)
{
    for (size_t e = 0; e < ERROR_COUNT; e++) {
        uint64_t n = stats_errors_total(info->env, (enum command_error)e);
        if (n)
            buf_printf(info->text, "errorstat_%s:count=%" PRIu64 "\r\n",
                       stats_error_name((enum command_error)e), n);
    }
}

static void
write_cluster(struct info *info)
{
    info_fixed(info, "cluster_enabled:0\n");
}

static void
write_keyspace(struct info *info)
{
    const attl_stats *st = &info->stats;
    /* Datadog's agent divides by keys: an empty database has no line. */
    if (st->items == 0)
        return;
    buf_printf(info->text, "db0:keys=%" PRIu64 ",expires=%" PRIu64 ",avg_ttl=%" PRIu64 "\r\n",
               st->items, st->items_ttl, st->items_ttl ? st->ttl_sum_ms / st->items_ttl : 0);
}

static void
write_pace(struct info *info)
{
    attl_tuner_stats t = ATTL_TUNER_STATS_INIT;
    attl_tuner_stats_get(info->env->cache, &t);
    info_line(info, "reclaim_duty", "%.3f", (double)t.duty_permille / PERMILLE);
    info_line(info, "tuner_reason", "%s", t.duty_reason);
    info_line(info, "cleanup_interval", "%.3f", (double)t.interval_ms / MS_PER_S);
    info_line(info, "cleanup_reason", "%s", t.interval_reason);
    info_line(info, "cleanup_cycles", "%" PRIu64, t.deep_passes + t.sweeps_done);
    info_line(info, "latency_read_p99_ns", "%" PRIu64, t.read_p99_ns);
    info_line(info, "latency_write_p99_ns", "%" PRIu64, t.write_p99_ns);
    info_line(info, "latency_limit_ns", "%" PRIu64, t.limit_ns);
}

static void
write_attl(struct info *info)
{
    char name[STATS_NAME_MAX];
    for (size_t i = 0; i < stats_fields_len; i++) {
        (void)snprintf(name, sizeof name, "attl_%s", stats_fields[i].name); /* the longest fits */
        info_line(info, name, "%" PRIu64, stats_field_value(&stats_fields[i], &info->stats));
    }
    info_balance(info);
    write_pace(info);
}

/* Sections about which only the host has something to say, or nobody. */
static void
write_nothing(struct info *info)
{
    (void)info;
}

static const struct info_section sections[] = {
    { "server", "Server", INFO_DEFAULT | INFO_ALL, write_server },
    { "clients", "Clients", INFO_DEFAULT | INFO_ALL, write_clients },
    { "memory", "Memory", INFO_DEFAULT | INFO_ALL, write_memory },
    { "persistence", "Persistence", INFO_DEFAULT | INFO_ALL, info_persistence },
    { "stats", "Stats", INFO_DEFAULT | INFO_ALL, write_stats },
    { "replication", "Replication", INFO_DEFAULT | INFO_ALL, write_replication },
    { "cpu", "CPU", INFO_DEFAULT | INFO_ALL, write_cpu },
    { "modules", "Modules", INFO_DEFAULT | INFO_EVERYTHING, write_nothing },
    { "commandstats", "Commandstats", INFO_ALL, write_commandstats },
    { "errorstats", "Errorstats", INFO_DEFAULT | INFO_ALL, write_errorstats },
    { "latencystats", "Latencystats", INFO_ALL, info_latencystats },
    { "cluster", "Cluster", INFO_DEFAULT | INFO_ALL, write_cluster },
    { "keyspace", "Keyspace", INFO_DEFAULT | INFO_ALL, write_keyspace },
    { "audit", "Audit", INFO_DEFAULT | INFO_ALL, info_audit },
    { "erasure", "Erasure", INFO_DEFAULT | INFO_ALL, write_nothing },
    { "incidents", "Incidents", INFO_DEFAULT | INFO_ALL, info_incidents },
    { "attl", "Attl", INFO_DEFAULT | INFO_ALL, write_attl },
};

/* Whether argument `arg` asks for the section, by its name or by a set's. */
static bool
arg_asks_for(attl_slice arg, const struct info_section *section)
{
    unsigned sets = 0;
    if (arg_is(arg, "default"))
        sets = INFO_DEFAULT;
    else if (arg_is(arg, "all"))
        sets = INFO_ALL;
    else if (arg_is(arg, "everything"))
        sets = INFO_ALL | INFO_EVERYTHING;
    return (section->sets & sets) || arg_is(arg, section->name);
}

static bool
is_wanted(const struct request *rq, const struct info_section *section)
{
    if (rq->argc == 1)
        return section->sets & INFO_DEFAULT;
    for (size_t i = 1; i < rq->argc; i++)
        if (arg_asks_for(rq->argv[i], section))
            return true;
    return false;
}

/* INFO [section [section ...]] */
void
cmd_info(struct request *rq)
{
    const struct command_host *host = rq->env->host;
    struct buf text;
    buf_init(&text, INFO_TEXT_MAX_BYTES);
    struct info info = { .env = rq->env,
                         .text = &text,
                         .stats = { .struct_size = sizeof info.stats } };
    attl_stats_get(rq->env->cache, &info.stats);
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (!is_wanted(rq, &sections[i]))
            continue;
        info_title(&info, sections[i].title);
        host->info(host->ud, sections[i].name, &text);
        info_metrics(&info, sections[i].name);
        sections[i].write(&info);
    }
    if (text.failed)
        reply_failure(rq, ATTL_E_NOMEM);
    else
        resp_verbatim(rq->out, rq->s->proto, "txt", buf_slice(&text));
    metric_reading_free(info.reading);
    buf_fini(&text);
}
