/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OBJECT and MEMORY: how a value is kept and what the memory is used for. Encodings are told as
 * Redis would choose them, from the value itself, since clients that ask have Redis' names in mind.
 * Recent use is a counter from 0 to 3 that the eviction policy reads; there is no clock behind it,
 * so there is no idle time to report, and OBJECT IDLETIME says so instead of inventing one.
 */
#include "base/num.h"
#include "command/commands.h"
#include "command/metrics.h"
#include "command/reply.h"

#include <stdio.h>

/* Redis keeps strings up to this length inside the object's header. */
enum {
    EMBSTR_MAX_BYTES = 44,
    PURGE_BUDGET_US = 20000,
    DOCTOR_TEXT_MAX = 1024,
    PERCENT = 100,
    DOCTOR_SLACK_BYTES = 16 << 20 /* less is not worth a word */
};

static void
visit_encoding(void *ud, attl_slice value, int64_t deadline_ms)
{
    (void)deadline_ms;
    int64_t number;
    const char **encoding = ud;
    if (num_parse_i64(value, &number))
        *encoding = "int";
    else
        *encoding = value.len <= EMBSTR_MAX_BYTES ? "embstr" : "raw";
}

/* OBJECT ENCODING key */
void
cmd_object_encoding(struct request *rq)
{
    const char *encoding = NULL;
    int st = attl_get_visit(rq->env->cache, rq->argv[2], visit_encoding, &encoding);
    if (reply_if_failed(rq, st))
        return;
    if (encoding)
        resp_bulk_str(rq->out, encoding);
    else
        resp_null(rq->out, rq->s->proto);
}

/* The entry of argument 2 in *ret_meta; false after answering null or an error. */
static bool
read_meta(struct request *rq, attl_meta *ret_meta)
{
    int st = attl_meta_get(rq->env->cache, rq->argv[2], ret_meta);
    if (reply_if_failed(rq, st))
        return false;
    if (st != ATTL_OK)
        resp_null(rq->out, rq->s->proto);
    return st == ATTL_OK;
}

/* OBJECT FREQ key */
void
cmd_object_freq(struct request *rq)
{
    attl_meta meta = ATTL_META_INIT;
    if (read_meta(rq, &meta))
        resp_int(rq->out, meta.freq);
}

/* OBJECT IDLETIME key */
void
cmd_object_idletime(struct request *rq)
{
    attl_meta meta = ATTL_META_INIT;
    if (read_meta(rq, &meta))
        resp_error(rq->out,
                   "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note "
                   "that when switching between policies at runtime LRU and LFU data will take "
                   "some time to adjust.");
}

/* OBJECT REFCOUNT key */
void
cmd_object_refcount(struct request *rq)
{
    attl_meta meta = ATTL_META_INIT;
    if (read_meta(rq, &meta))
        resp_int(rq->out, 1);
}

/* MEMORY USAGE key [SAMPLES count] */
void
cmd_memory_usage(struct request *rq)
{
    int64_t samples;
    for (size_t i = 3; i < rq->argc; i += 2) {
        if (i + 1 >= rq->argc || !arg_is(rq->argv[i], "samples")) {
            reply_syntax_error(rq);
            return;
        }
        if (!arg_i64(rq, i + 1, NULL, &samples))
            return;
        if (samples < 0) {
            reply_syntax_error(rq);
            return;
        }
    }
    attl_meta meta = ATTL_META_INIT;
    if (read_meta(rq, &meta))
        resp_int(rq->out, (int64_t)meta.memory_bytes);
}

/* ---- the cache as a whole ---- */

static double
ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static uint64_t
above(uint64_t more, uint64_t less)
{
    return more > less ? more - less : 0;
}

/* Resident bytes of the process; without a host that knows, what is mapped for the cache. */
static uint64_t
resident_bytes(const struct metric_sources *s)
{
    return s->host.resident_bytes > 0 ? (uint64_t)s->host.resident_bytes : s->cache.mem_committed;
}

struct memory_field {
    const char *name;
    uint64_t value;
};

/* Redis' names where there is such a thing; overhead.* and what is beside the cache are ours. */
static void
reply_memory(struct request *rq, const struct metric_sources *s)
{
    const attl_stats *c = &s->cache;
    uint64_t dataset = c->mem_live + c->mem_extents, resident = resident_bytes(s);
    const struct memory_field fields[] = {
        { "peak.allocated", c->mem_used_peak },
        { "total.allocated", c->mem_used },
        { "startup.allocated", 0 },
        { "replication.backlog", 0 },
        { "clients.slaves", 0 },
        { "clients.normal", s->host.client_bytes },
        { "aof.buffer", s->log.buffer_used },
        { "overhead.index", c->mem_index },
        { "overhead.ghost", c->mem_ghost },
        { "overhead.dead", c->mem_dead },
        { "overhead.unsealed", c->mem_unsealed },
        { "overhead.retired", c->mem_retired },
        { "overhead.total", above(c->mem_used, dataset) },
        { "beside.ledger", c->mem_ledger },
        { "beside.log", s->log.buffer_bytes },
        { "keys.count", c->items },
        { "keys.bytes-per-key", c->items ? c->mem_used / c->items : 0 },
        { "dataset.bytes", dataset },
        { "expired.unreclaimed", c->mem_expired_unreclaimed },
        { "pinned.bytes", c->mem_pinned },
        { "allocator.allocated", c->mem_used },
        { "allocator.active", c->mem_committed },
        { "allocator.resident", c->mem_committed },
        { "allocator-fragmentation.bytes", above(c->mem_committed, c->mem_used) },
        { "process.resident", resident },
        { "rss-overhead.bytes", above(resident, c->mem_committed) },
        { "fragmentation.bytes", above(resident, c->mem_used) },
    };
    const struct {
        const char *name;
        double value;
    } ratios[] = {
        { "dataset.percentage", PERCENT * ratio((double)dataset, (double)c->mem_used) },
        { "peak.percentage", PERCENT * ratio((double)c->mem_used, (double)c->mem_used_peak) },
        { "allocator-fragmentation.ratio", ratio((double)c->mem_committed, (double)c->mem_used) },
        { "rss-overhead.ratio", ratio((double)resident, (double)c->mem_committed) },
        { "fragmentation", ratio((double)resident, (double)c->mem_used) },
    };
    size_t n = sizeof fields / sizeof fields[0], m = sizeof ratios / sizeof ratios[0];
    resp_map(rq->out, rq->s->proto, n + m);
    for (size_t i = 0; i < n; i++)
        reply_field_int(rq, fields[i].name, (int64_t)fields[i].value);
    for (size_t i = 0; i < m; i++) {
        resp_bulk_str(rq->out, ratios[i].name);
        resp_double(rq->out, rq->s->proto, ratios[i].value);
    }
}

/* Runs `fn` with a reading, or answers that there is no memory for one. */
static void
with_reading(struct request *rq, void (*fn)(struct request *rq, const struct metric_sources *s))
{
    struct metric_reading *r = metric_reading_new(rq->env, METRIC_WITHOUT_SHARDS);
    if (r)
        fn(rq, metric_reading_sources(r));
    else
        reply_failure(rq, ATTL_E_NOMEM);
    metric_reading_free(r);
}

/* MEMORY STATS */
void
cmd_memory_stats(struct request *rq)
{
    with_reading(rq, reply_memory);
}

/* What to do about the first thing that looks wrong, the worst first. */
static const char *
advice_for(const struct metric_sources *s)
{
    const attl_stats *c = &s->cache;
    uint64_t slack = c->mem_dead + c->mem_unsealed + c->mem_retired;
    if (s->pressure.level > 0)
        return "The system, or the control group, is short of memory, and data gives way: see "
               "docs/overload.md.";
    if (c->refused_full > 0)
        return "Writes were refused because the cache is full and may not evict: raise "
               "cache.max_memory or cache.max_entries, or choose an eviction policy.";
    if (c->max_memory && c->mem_used > c->max_memory)
        return "The limit is exceeded; memory is being reclaimed.";
    if (c->evicted > c->sets / 10)
        return "More than one in ten writes evicted an entry: the working set does not fit.";
    if (s->host.client_bytes > c->mem_used && s->host.client_bytes > DOCTOR_SLACK_BYTES)
        return "Clients' buffers take more than the data: look for clients that do not read, in "
               "CLIENT LIST, and at server.output_buffer_limit.";
    if (c->mem_pinned > c->mem_used / 4 && c->mem_pinned > DOCTOR_SLACK_BYTES)
        return "Values that callers have not released pin more than a quarter of the memory.";
    if (slack > c->mem_used / 2 && slack > DOCTOR_SLACK_BYTES)
        return "More than half is overwritten or free in pieces; cleaning gives it back, and "
               "cache.utilization says how eagerly.";
    if (s->host.resident_bytes > 0 && c->mem_used > DOCTOR_SLACK_BYTES &&
        s->host.resident_bytes > 2 * (double)(c->mem_used + s->log.buffer_bytes))
        return "The process is more than twice as large as what it keeps: memory goes back "
               "cache.return_delay after it is free, MEMORY PURGE asks for it now.";
    return "Nothing looks wrong.";
}

static void
reply_doctor(struct request *rq, const struct metric_sources *s)
{
    const attl_stats *c = &s->cache;
    char text[DOCTOR_TEXT_MAX];
    int len = snprintf(
        text, sizeof text,
        "%s\nUsed %llu of %llu bytes for %llu entries, %.0f%% of it records and values: index "
        "%llu, ghost %llu, slack %llu.\nBeside it: clients %llu, log %llu, ledger %llu. The "
        "process has %llu resident.\n",
        advice_for(s), (unsigned long long)c->mem_used, (unsigned long long)c->max_memory,
        (unsigned long long)c->items,
        PERCENT * ratio((double)(c->mem_live + c->mem_extents), (double)c->mem_used),
        (unsigned long long)c->mem_index, (unsigned long long)c->mem_ghost,
        (unsigned long long)(c->mem_dead + c->mem_unsealed + c->mem_retired),
        (unsigned long long)s->host.client_bytes, (unsigned long long)s->log.buffer_bytes,
        (unsigned long long)c->mem_ledger, (unsigned long long)resident_bytes(s));
    resp_verbatim(rq->out, rq->s->proto, "txt", attl_b(text, len < 0 ? 0 : (size_t)len));
}

/* MEMORY DOCTOR */
void
cmd_memory_doctor(struct request *rq)
{
    with_reading(rq, reply_doctor);
}

/* MEMORY MALLOC-STATS */
void
cmd_memory_malloc_stats(struct request *rq)
{
    attl_stats st = { .struct_size = sizeof st };
    char text[DOCTOR_TEXT_MAX];
    attl_stats_get(rq->env->cache, &st);
    int len =
        snprintf(text, sizeof text,
                 "arenas: %llu bytes mapped, %llu used, %llu dead, %llu unsealed, %llu retired, "
                 "huge pages %s\n",
                 (unsigned long long)st.mem_committed, (unsigned long long)st.mem_used,
                 (unsigned long long)st.mem_dead, (unsigned long long)st.mem_unsealed,
                 (unsigned long long)st.mem_retired, st.huge_pages ? "yes" : "no");
    resp_verbatim(rq->out, rq->s->proto, "txt", attl_b(text, len < 0 ? 0 : (size_t)len));
}

/* MEMORY PURGE */
void
cmd_memory_purge(struct request *rq)
{
    attl_tick(rq->env->cache, PURGE_BUDGET_US, NULL);
    reply_ok(rq);
}
