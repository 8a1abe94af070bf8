/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OBJECT and MEMORY: how a value is kept and what the memory is used for. Encodings are told as
 * Redis would choose them, from the value itself, since clients that ask have Redis' names in mind.
 * Recent use is a counter from 0 to 3 that the eviction policy reads; there is no clock behind it,
 * so there is no idle time to report, and OBJECT IDLETIME says so instead of inventing one.
 */
#include "base/num.h"
#include "command/commands.h"
#include "command/reply.h"

#include <stdio.h>

/* Redis keeps strings up to this length inside the object's header. */
enum { EMBSTR_MAX_BYTES = 44, PURGE_BUDGET_US = 20000, DOCTOR_TEXT_MAX = 1024, PERCENT = 100 };

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

static attl_stats
read_stats(struct request *rq)
{
    attl_stats stats = { .struct_size = sizeof stats };
    attl_stats_get(rq->env->cache, &stats);
    return stats;
}

static double
ratio(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static void
reply_field_double(struct request *rq, const char *name, double value)
{
    resp_bulk_str(rq->out, name);
    resp_double(rq->out, rq->s->proto, value);
}

/* MEMORY STATS */
void
cmd_memory_stats(struct request *rq)
{
    attl_stats st = read_stats(rq);
    uint64_t dataset = st.mem_live + st.mem_extents;
    const struct {
        const char *name;
        uint64_t value;
    } fields[] = {
        { "peak.allocated", st.mem_used_peak },
        { "total.allocated", st.mem_used },
        { "overhead.index", st.mem_index },
        { "overhead.ghost", st.mem_ghost },
        { "overhead.dead", st.mem_dead },
        { "overhead.unsealed", st.mem_unsealed },
        { "overhead.retired", st.mem_retired },
        { "overhead.total", st.mem_used > dataset ? st.mem_used - dataset : 0 },
        { "keys.count", st.items },
        { "keys.bytes-per-key", st.items ? st.mem_used / st.items : 0 },
        { "dataset.bytes", dataset },
        { "expired.unreclaimed", st.mem_expired_unreclaimed },
        { "pinned.bytes", st.mem_pinned },
        { "allocator.allocated", st.mem_used },
        { "allocator.active", st.mem_committed },
    };
    size_t n = sizeof fields / sizeof fields[0];
    resp_map(rq->out, rq->s->proto, n + 3);
    for (size_t i = 0; i < n; i++)
        reply_field_int(rq, fields[i].name, (int64_t)fields[i].value);
    reply_field_double(rq, "dataset.percentage", PERCENT * ratio(dataset, st.mem_used));
    reply_field_double(rq, "peak.percentage", PERCENT * ratio(st.mem_used, st.mem_used_peak));
    reply_field_double(rq, "allocator-fragmentation.ratio", ratio(st.mem_committed, st.mem_used));
}

/* MEMORY DOCTOR */
void
cmd_memory_doctor(struct request *rq)
{
    attl_stats st = read_stats(rq);
    char text[DOCTOR_TEXT_MAX];
    const char *advice = "Nothing looks wrong.";
    if (st.refused_full > 0)
        advice = "Writes were refused because the cache is full and may not evict: raise "
                 "cache.max_memory or cache.max_entries, or choose an eviction policy.";
    else if (st.max_memory && st.mem_used > st.max_memory)
        advice = "The limit is exceeded; memory is being reclaimed.";
    else if (st.evicted > st.sets / 10)
        advice = "More than one in ten writes evicted an entry: the working set does not fit.";
    int len = snprintf(
        text, sizeof text,
        "%s\nUsed %llu of %llu bytes for %llu entries, %.0f%% of it records and values.\n", advice,
        (unsigned long long)st.mem_used, (unsigned long long)st.max_memory,
        (unsigned long long)st.items, PERCENT * ratio(st.mem_live + st.mem_extents, st.mem_used));
    resp_verbatim(rq->out, rq->s->proto, "txt", attl_b(text, len < 0 ? 0 : (size_t)len));
}

/* MEMORY MALLOC-STATS */
void
cmd_memory_malloc_stats(struct request *rq)
{
    attl_stats st = read_stats(rq);
    char text[DOCTOR_TEXT_MAX];
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
