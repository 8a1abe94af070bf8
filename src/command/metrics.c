/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking a reading: the cache's structs, the host's, and the lists. Lists have as many items as the
 * table of commands, the kinds of incidents and the like have rows, so their size is known before;
 * shards and namespaces are bounded by a maximum, beyond which the rest is left out. Items carry
 * the text of their labels or point to constant text. A reading is one allocation, or two with what
 * only a whole one has, because INFO needs a tenth of the room.
 */
#include "command/metrics.h"

#include "alert/alert.h"
#include "audit/audit.h"
#include "command/command_doc.h"
#include "command/stats.h"
#include "command/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SHARDS_SHOWN = 1024,
    NAMESPACES_SHOWN = 64,
    NAMESPACE_LABEL_BYTES = 128,
    STAGES = ATTL_LATENCY_STAGES + 1, /* the host's queue */
    ACCESSES = 3,                     /* reads, writes, neither */
    FAMILIES = GROUP_COUNT * ACCESSES,
    LOG_STATES = 6,
    MS_PER_S = 1000,
    US_PER_MS = 1000,
    LOG_RETRYING = 1,
    LOG_MEMORY_ONLY = 2,
    LOG_CLOSED = 3
};

/* What only a whole reading has: much more room than all the rest. */
struct whole {
    size_t shards, namespaces;
    struct metric_namespace spaces[NAMESPACES_SHOWN];
    char space_names[NAMESPACES_SHOWN][NAMESPACE_LABEL_BYTES + 1];
    struct metric_shard shard[SHARDS_SHOWN];
};

struct metric_reading {
    struct metric_sources s;
    struct command_env *env;
    struct whole *whole; /* NULL: METRIC_WITHOUT_SHARDS */
    struct metric_latency families[FAMILIES], stages[STAGES];
    struct metric_error errors[ERROR_COUNT];
    struct metric_incident kinds[ATTL_INCIDENT_KINDS];
    struct metric_log_state log_states[LOG_STATES];
    struct metric_command commands[];
};

/* Seconds since a Unix time in ms; NAN if it is 0. */
static double
age_s(const struct metric_reading *r, int64_t then_ms)
{
    const struct command_host *host = r->env->host;
    if (then_ms <= 0)
        return NAN;
    double age = (double)host->wall_us(host->ud) / 1e6 - (double)then_ms / MS_PER_S;
    return age > 0 ? age : 0;
}

/* ---- lists ---- */

static void
take_shard(void *ud, const attl_shard_info *shard)
{
    struct whole *r = ud;
    if (r->shards == SHARDS_SHOWN)
        return;
    struct metric_shard *to = &r->shard[r->shards++];
    to->shard = *shard;
    to->load = (double)shard->load_ns / 1e9;
    (void)snprintf(to->name, sizeof to->name, "%u", shard->shard); /* ten digits fit */
    to->item.labels[0] = to->name;
}

static void
take_space(void *ud, attl_slice prefix)
{
    struct whole *r = ud;
    if (r->namespaces == NAMESPACES_SHOWN || prefix.len > NAMESPACE_LABEL_BYTES ||
        memchr(prefix.data, '\0', prefix.len))
        return;
    char *name = r->space_names[r->namespaces];
    memcpy(name, prefix.data, prefix.len);
    name[prefix.len] = '\0';
    r->spaces[r->namespaces].item.labels[0] = name;
    r->namespaces++;
}

/* Names first, because the list is walked with a lock held; those that are not counted go. */
static void
read_namespaces(struct metric_reading *r)
{
    size_t kept = 0;
    struct whole *w = r->whole;
    attl_ns_list(r->env->cache, take_space, w);
    for (size_t i = 0; i < w->namespaces; i++) {
        struct metric_namespace *from = &w->spaces[i];
        from->ns.struct_size = sizeof from->ns;
        int status = attl_ns_stats_get(r->env->cache, attl_s(from->item.labels[0]), &from->ns);
        if (status == ATTL_OK && from->ns.counted)
            w->spaces[kept++] = *from;
    }
    r->s.namespaces = (struct metric_list){ w->spaces, kept };
}

/* The family of a command: of its group, by what it does with keys. */
static struct metric_histogram *
family_of(struct metric_reading *r, const struct command *cmd)
{
    unsigned access = cmd->flags & CMD_READONLY ? 0 : cmd->flags & CMD_WRITE ? 1 : 2;
    return &r->families[cmd->group * ACCESSES + access].histogram;
}

static void
read_commands(struct metric_reading *r)
{
    size_t n = 0;
    for (size_t row = 0; row < command_table_len; row++) {
        struct command_total t = stats_total(r->env, row);
        if (t.calls == 0 && t.rejected == 0)
            continue;
        const struct command *cmd = &command_table[row];
        r->commands[n++] = (struct metric_command){ .item = { { cmd->name } },
                                                    .calls = t.calls,
                                                    .rejected = t.rejected,
                                                    .failed = t.failed,
                                                    .timed = t.timed,
                                                    .timed_ns = t.timed_ns };
        r->s.derived.commands += t.calls;
        if (t.timed == 0)
            continue;
        struct metric_histogram *h = family_of(r, cmd);
        h->unit_s = 1e-9;
        h->sum_s += (double)t.timed_ns / 1e9;
        stats_latency(r->env, row, h->counts);
    }
    r->s.commands = (struct metric_list){ r->commands, n };
    r->s.families = (struct metric_list){ r->families, FAMILIES };
}

static void
name_families(struct metric_reading *r)
{
    static const char *const accesses[ACCESSES] = { "read", "write", "other" };
    for (unsigned i = 0; i < FAMILIES; i++) {
        r->families[i].item.labels[0] = command_group_name((enum command_group)(i / ACCESSES));
        r->families[i].item.labels[1] = accesses[i % ACCESSES];
    }
}

static void
read_errors(struct metric_reading *r)
{
    for (unsigned e = 0; e < ERROR_COUNT; e++) {
        uint64_t n = stats_errors_total(r->env, (enum command_error)e);
        r->errors[e] = (struct metric_error){ { { stats_error_name((enum command_error)e) } }, n };
        r->s.derived.errors += n;
    }
    r->s.errors = (struct metric_list){ r->errors, ERROR_COUNT };
}

static void
read_stages(struct metric_reading *r)
{
    static const char *const names[ATTL_LATENCY_STAGES] = {
        [ATTL_LATENCY_READ] = "read",
        [ATTL_LATENCY_WRITE] = "write",
        [ATTL_LATENCY_SYNC] = "fsync",
        [ATTL_LATENCY_EXPIRY] = "expiry_lag",
    };
    for (int stage = 0; stage < ATTL_LATENCY_STAGES; stage++) {
        attl_latency l = { .struct_size = sizeof l };
        struct metric_latency *to = &r->stages[stage];
        to->item.labels[0] = names[stage];
        if (attl_latency_get(r->env->cache, stage, &l) != ATTL_OK)
            continue;
        to->histogram.unit_s = l.unit_ns / 1e9;
        to->histogram.sum_s = (double)l.sum_ns / 1e9;
        memcpy(to->histogram.counts, l.counts, sizeof l.counts);
    }
    r->stages[ATTL_LATENCY_STAGES] = (struct metric_latency){ { { "queue" } }, r->s.host.queue };
    r->s.stages = (struct metric_list){ r->stages, STAGES };
}

static void
count_open(void *ud, const attl_incident *i)
{
    struct metric_reading *r = ud;
    if (i->kind >= 0 && i->kind < ATTL_INCIDENT_KINDS)
        r->kinds[i->kind].open++;
}

static void
read_incidents(struct metric_reading *r)
{
    const attl_incident_stats *st = &r->s.incidents;
    for (int kind = 0; kind < ATTL_INCIDENT_KINDS; kind++)
        r->kinds[kind] = (struct metric_incident){
            .item = { { attl_incident_kind_name(kind),
                        attl_severity_name(attl_incident_kind_severity(kind)) } },
            .total = st->by_kind[kind],
            .open_s = (double)st->open_ms[kind] / MS_PER_S,
        };
    /* Without memory for the copies there are no open ones to be seen. */
    (void)!attl_incidents_list(r->env->cache, 1, count_open, r);
    r->s.kinds = (struct metric_list){ r->kinds, ATTL_INCIDENT_KINDS };
}

static void
read_log_states(struct metric_reading *r)
{
    static const char *const names[LOG_STATES] = { "writing", "retrying",   "memory_only",
                                                   "closed",  "behind_gap", "off" };
    uint32_t state = r->s.log.enabled ? r->s.log.state : LOG_STATES - 1;
    for (uint32_t i = 0; i < LOG_STATES; i++)
        r->log_states[i] = (struct metric_log_state){ { { names[i] } }, i == state };
    r->s.log_states = (struct metric_list){ r->log_states, LOG_STATES };
}

/* ---- what follows from the rest ---- */

static double
ratio(double part, double whole)
{
    return whole > 0 ? part / whole : NAN;
}

static void
derive_memory(struct metric_reading *r)
{
    const attl_stats *c = &r->s.cache;
    struct metric_derived *d = &r->s.derived;
    uint64_t data = c->mem_live + c->mem_extents;
    d->dataset_bytes = (double)data;
    d->overhead_bytes = c->mem_used > data ? (double)(c->mem_used - data) : 0;
    d->slack_bytes = (double)(c->mem_dead + c->mem_unsealed + c->mem_retired);
    d->metadata_bytes = (double)(c->mem_index + c->mem_ghost);
    d->used_ratio = ratio((double)c->mem_used, (double)c->max_memory);
    d->stall_ratio = r->s.pressure.stall_percent < 0 ? NAN : r->s.pressure.stall_percent / 100;
}

static void
derive(struct metric_reading *r)
{
    const attl_stats *c = &r->s.cache;
    const attl_persist_stats *log = &r->s.log;
    struct metric_derived *d = &r->s.derived;
    attl_load_progress progress = { .struct_size = sizeof progress };
    attl_load_progress_get(r->env->cache, &progress);
    bool failing = log->enabled && (log->state == LOG_RETRYING || log->state == LOG_MEMORY_ONLY ||
                                    log->state == LOG_CLOSED);
    derive_memory(r);
    d->hit_ratio = ratio((double)c->hits, (double)(c->hits + c->misses));
    d->expire_mean_s = ratio((double)c->expire_lag_ms_sum / MS_PER_S, (double)c->expired);
    d->snapshot_age_s = age_s(r, log->last_snapshot_ms);
    d->snapshot_failed = log->last_snapshot_status < 0;
    d->scrub_age_s = age_s(r, r->s.scrub.last_pass_ms);
    d->erase_age_s = age_s(r, r->s.erase.oldest_ms);
    d->log_ok = !failing;
    d->loading = progress.loading != 0;
    d->ready = !progress.loading && progress.status == ATTL_OK && !failing;
    d->loading_s = progress.loading ? r->s.host.uptime_s : (double)log->recovery_ms / MS_PER_S;
    d->log_failing_s = (double)r->s.incidents.open_ms[ATTL_INCIDENT_WAL_FAILURE] / MS_PER_S;
    d->degraded_s = (double)r->s.incidents.any_open_ms / MS_PER_S;
    d->critical_s = (double)r->s.incidents.critical_open_ms / MS_PER_S;
}

/* ---- all of it ---- */

static void
read_structs(struct metric_reading *r)
{
    attl *cache = r->env->cache;
    struct metric_sources *s = &r->s;
    s->cache.struct_size = sizeof s->cache;
    s->load.struct_size = sizeof s->load;
    s->tuner.struct_size = sizeof s->tuner;
    s->pressure.struct_size = sizeof s->pressure;
    s->log.struct_size = sizeof s->log;
    s->scrub.struct_size = sizeof s->scrub;
    s->incidents.struct_size = sizeof s->incidents;
    s->balance.struct_size = sizeof s->balance;
    s->erase.struct_size = sizeof s->erase;
    attl_stats_get(cache, &s->cache);
    attl_load_stats_get(cache, &s->load);
    attl_tuner_stats_get(cache, &s->tuner);
    attl_pressure_get(cache, &s->pressure);
    attl_persist_stats_get(cache, &s->log);
    attl_scrub_stats_get(cache, &s->scrub);
    attl_incident_stats_get(cache, &s->incidents);
    attl_balance_stats_get(cache, &s->balance);
    attl_erase_stats_get(cache, &s->erase);
}

static void
read_audit(struct metric_reading *r)
{
    struct audit_stats st = { 0 };
    struct metric_audit *to = &r->s.audit;
    struct audit *audit = r->env->host->audit;
    if (audit)
        audit_stats_get(audit, &st);
    *to = (struct metric_audit){ .off = !audit,
                                 .fail_open = audit && !st.fail_closed,
                                 .fail_closed = audit && st.fail_closed,
                                 .failing = st.failing,
                                 .lines = st.lines,
                                 .bytes = st.bytes,
                                 .lost = st.lost,
                                 .refused = st.refused,
                                 .failures = st.failures,
                                 .waiting = st.waiting,
                                 .files = st.files,
                                 .rotations = st.rotations,
                                 .removed = st.removed,
                                 .last_seq = st.last_seq,
                                 .oldest_s = age_s(r, st.oldest_us / US_PER_MS) };
}

static void
read_alerts(struct metric_reading *r)
{
    struct alert_stats st = { 0 };
    if (r->env->host->alert)
        alert_stats_get(r->env->host->alert, &st);
    r->s.alerts = (struct metric_alerts){ .targets = st.targets,
                                          .waiting = st.waiting,
                                          .delivered = st.delivered,
                                          .gave_up = st.gave_up,
                                          .superseded = st.superseded,
                                          .dropped = st.dropped,
                                          .attempts = st.attempts,
                                          .failures = st.failures };
}

/* Not calloc, nor malloc and memset, which compilers make calloc of: for so many bytes the
 * allocator gives its pages back to get zeroed ones, which takes a hundred times as long as
 * clearing them. */
static void *
zeroed(size_t bytes)
{
    enum { LINE_BYTES = 64 };
    bytes = (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
    void *p = aligned_alloc(LINE_BYTES, bytes);
    return p ? memset(p, 0, bytes) : NULL;
}

struct metric_reading *
metric_reading_new(struct command_env *env, enum metric_extent extent)
{
    const struct command_host *host = env->host;
    struct metric_reading *r =
        zeroed(sizeof *r + command_table_len * sizeof(struct metric_command));
    if (!r)
        return NULL;
    if (extent == METRIC_WHOLE && !(r->whole = zeroed(sizeof *r->whole))) {
        free(r);
        return NULL;
    }
    r->env = env;
    r->s.version = attl_version();
    r->s.revision = ATTL_REVISION;
    read_structs(r);
    read_audit(r);
    read_alerts(r);
    if (host->metrics)
        host->metrics(host->ud, &r->s.host);
    name_families(r);
    read_commands(r);
    read_errors(r);
    read_stages(r);
    read_incidents(r);
    read_log_states(r);
    if (r->whole)
        read_namespaces(r);
    /* Inside a transaction, or without memory, there are no shards to be seen. */
    if (r->whole && attl_shards_list(env->cache, take_shard, r->whole) == ATTL_OK)
        r->s.shards = (struct metric_list){ r->whole->shard, r->whole->shards };
    derive(r);
    return r;
}

void
metric_reading_free(struct metric_reading *r)
{
    if (r)
        free(r->whole);
    free(r);
}

const struct metric_sources *
metric_reading_sources(const struct metric_reading *r)
{
    return &r->s;
}

void
command_metrics(struct command_env *env, enum metric_format format, struct buf *out)
{
    struct metric_reading *r = metric_reading_new(env, METRIC_WHOLE);
    if (!r) {
        out->failed = BUF_NO_MEMORY;
        return;
    }
    metric_render(format, &r->s, out);
    metric_reading_free(r);
}
