/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shards and their balance. ATTL.SHARDS says what each shard carries, with WHY what the balancer
 * has seen and done and for what reason; ATTL.BALANCE makes it act now, or say what it would do.
 * INFO has its figures. What is asked of the cache while it holds a lock is written straight into
 * the reply, which is bounded as every reply is.
 */
#include "command/commands.h"
#include "command/info_lines.h"
#include "command/reply.h"

#include <inttypes.h>

enum {
    SHARD_FIELDS = 8,
    HOT_FIELDS = 9,
    HOT_DEFAULT = 10,
    REPORT_FIELDS = 9,
    MOVE_FIELDS = 4,
    STATS_FIELDS = 11,
    CYCLES_MAX = 16
};

struct list {
    struct request *rq;
    size_t n;
};

static void
field_double(struct request *rq, const char *name, double value)
{
    resp_bulk_str(rq->out, name);
    resp_double(rq->out, rq->s->proto, value);
}

static void
reply_shard(void *ud, const attl_shard_info *s)
{
    struct list *list = ud;
    struct request *rq = list->rq;
    list->n++;
    resp_map(rq->out, rq->s->proto, SHARD_FIELDS);
    reply_field_int(rq, "shard", s->shard);
    reply_field_int(rq, "partitions", s->partitions);
    reply_field_int(rq, "keys", (int64_t)s->items);
    reply_field_int(rq, "bytes", (int64_t)s->bytes);
    reply_field_int(rq, "load_ns_per_second", (int64_t)s->load_ns);
    field_double(rq, "load_of_mean", s->share);
    reply_field_int(rq, "busiest_partition", s->busiest);
    reply_field_int(rq, "busiest_ns_per_second", (int64_t)s->busiest_ns);
}

static void
reply_move(struct request *rq, const attl_balance_move *m)
{
    resp_map(rq->out, rq->s->proto, MOVE_FIELDS);
    reply_field_int(rq, "partition", m->partition);
    reply_field_int(rq, "from", m->from);
    reply_field_int(rq, "to", m->to);
    reply_field_int(rq, "load_ns_per_second", (int64_t)m->load_ns);
}

static void
reply_cycle(void *ud, const attl_balance_report *r)
{
    struct list *list = ud;
    struct request *rq = list->rq;
    list->n++;
    resp_map(rq->out, rq->s->proto, REPORT_FIELDS);
    reply_field_int(rq, "at_ms", r->at_ms);
    reply_field_str(rq, "by", r->asked_for ? "request" : "itself");
    reply_field_int(rq, "dry_run", r->dry_run);
    field_double(rq, "imbalance", r->before);
    field_double(rq, "expected", r->after);
    reply_field_int(rq, "keys", (int64_t)r->entries);
    reply_field_int(rq, "bytes", (int64_t)r->bytes);
    reply_field_str(rq, "why", r->why);
    resp_bulk_str(rq->out, "moves");
    resp_array(rq->out, r->count);
    for (uint32_t i = 0; i < r->count; i++)
        reply_move(rq, &r->moves[i]);
}

static void
reply_why(struct request *rq)
{
    attl_balance_stats st = { .struct_size = sizeof st };
    attl_balance_stats_get(rq->env->cache, &st);
    resp_map(rq->out, rq->s->proto, STATS_FIELDS);
    reply_field_int(rq, "enabled", st.enabled);
    field_double(rq, "imbalance", st.imbalance);
    field_double(rq, "chance", st.noise);
    reply_field_int(rq, "looks", (int64_t)st.looks);
    reply_field_int(rq, "rebalances", (int64_t)st.rebalances);
    reply_field_int(rq, "partitions_moved", (int64_t)st.partitions_moved);
    reply_field_int(rq, "keys_moved", (int64_t)st.entries_moved);
    reply_field_int(rq, "bytes_moved", (int64_t)st.bytes_moved);
    reply_field_int(rq, "moved_at_ms", st.moved_at_ms);
    reply_field_str(rq, "why", st.why);
    resp_bulk_str(rq->out, "cycles");
    struct list list = { .rq = rq };
    size_t mark = rq->out->len;
    (void)attl_balance_history(rq->env->cache, CYCLES_MAX, reply_cycle, &list); /* cannot fail */
    reply_insert_array(rq->out, mark, list.n);
}

/* ---- PARTITIONS: columns, because there may be 16384 of them ---- */

enum { COLUMNS = 4, COLUMN_MAX_BYTES = 1 << 20 };

struct columns {
    struct buf text[COLUMNS];
    size_t n;
};

static void
add_partition(void *ud, const attl_partition_info *p)
{
    struct columns *c = ud;
    resp_int(&c->text[0], p->shard);
    resp_int(&c->text[1], (int64_t)p->items);
    resp_int(&c->text[2], (int64_t)p->bytes);
    resp_int(&c->text[3], (int64_t)p->load_ns);
    c->n++;
}

static void
reply_columns(struct request *rq, const struct columns *c)
{
    static const char *const names[COLUMNS] = { "shard", "keys", "bytes", "load_ns_per_second" };
    resp_map(rq->out, rq->s->proto, COLUMNS);
    for (size_t i = 0; i < COLUMNS; i++) {
        resp_bulk_str(rq->out, names[i]);
        resp_array(rq->out, c->n);
        buf_append(rq->out, c->text[i].data, c->text[i].len);
    }
}

static void
reply_partitions(struct request *rq)
{
    struct columns c = { .n = 0 };
    bool failed = false;
    for (size_t i = 0; i < COLUMNS; i++)
        buf_init(&c.text[i], COLUMN_MAX_BYTES);
    int status = attl_partitions_list(rq->env->cache, add_partition, &c);
    for (size_t i = 0; i < COLUMNS; i++)
        failed |= c.text[i].failed != BUF_FINE;
    if (status == ATTL_OK && failed)
        status = ATTL_E_NOMEM;
    if (!reply_if_failed(rq, status))
        reply_columns(rq, &c);
    for (size_t i = 0; i < COLUMNS; i++)
        buf_fini(&c.text[i]);
}

/* ATTL.SHARDS [WHY | PARTITIONS] */
void
cmd_attl_shards(struct request *rq)
{
    if (rq->argc == 2 && arg_is(rq->argv[1], "why")) {
        reply_why(rq);
        return;
    }
    if (rq->argc == 2 && arg_is(rq->argv[1], "partitions")) {
        reply_partitions(rq);
        return;
    }
    if (rq->argc != 1) {
        reply_syntax_error(rq);
        return;
    }
    struct list list = { .rq = rq };
    size_t mark = rq->out->len;
    int status = attl_shards_list(rq->env->cache, reply_shard, &list);
    if (!reply_if_failed(rq, status))
        reply_insert_array(rq->out, mark, list.n);
}

/* ATTL.BALANCE NOW | DRYRUN */
void
cmd_attl_balance(struct request *rq)
{
    bool dry_run = arg_is(rq->argv[1], "dryrun");
    if (!dry_run && !arg_is(rq->argv[1], "now")) {
        reply_syntax_error(rq);
        return;
    }
    int status = attl_balance(rq->env->cache, dry_run ? ATTL_BALANCE_DRYRUN : 0, NULL);
    if (reply_if_failed(rq, status))
        return;
    struct list list = { .rq = rq };
    (void)attl_balance_history(rq->env->cache, 1, reply_cycle, &list); /* the one just made */
}

static void
reply_hot_key(void *ud, const attl_hot_key *k)
{
    struct list *list = ud;
    struct request *rq = list->rq;
    list->n++;
    resp_map(rq->out, rq->s->proto, HOT_FIELDS);
    resp_bulk_str(rq->out, "key");
    resp_bulk(rq->out, k->key);
    reply_field_int(rq, "key_bytes", k->key_len);
    field_double(rq, "reads_per_second", k->reads);
    field_double(rq, "writes_per_second", k->writes);
    field_double(rq, "error_per_second", k->error);
    field_double(rq, "share", k->share);
    field_double(rq, "shard_share", k->shard_share);
    reply_field_int(rq, "shard", k->shard);
    reply_field_int(rq, "partition", k->partition);
}

/* ATTL.HOTKEYS [COUNT count] */
void
cmd_attl_hotkeys(struct request *rq)
{
    int64_t count = HOT_DEFAULT;
    if (rq->argc != 1 && (rq->argc != 3 || !arg_is(rq->argv[1], "count"))) {
        reply_syntax_error(rq);
        return;
    }
    if (rq->argc == 3 && !arg_i64(rq, 2, NULL, &count))
        return;
    if (count <= 0) {
        resp_error(rq->out, "ERR COUNT must be positive");
        return;
    }
    struct list list = { .rq = rq };
    size_t mark = rq->out->len;
    int status = attl_hot_keys(rq->env->cache, (size_t)count, reply_hot_key, &list);
    if (status == ATTL_E_UNSUPPORTED)
        resp_error(rq->out, "ERR hot keys are not watched: set hotkeys.enabled");
    else if (!reply_if_failed(rq, status))
        reply_insert_array(rq->out, mark, list.n);
}

void
info_balance(struct info *info)
{
    attl_balance_stats st = { .struct_size = sizeof st };
    attl_balance_stats_get(info->env->cache, &st);
    info_line(info, "attl_shard_imbalance", "%.3f", st.imbalance);
    info_line(info, "attl_rebalances", "%" PRIu64, st.rebalances);
    info_line(info, "attl_moved_partitions", "%" PRIu64, st.partitions_moved);
    info_line(info, "attl_moved_entries", "%" PRIu64, st.entries_moved);
    info_line(info, "attl_moved_bytes", "%" PRIu64, st.bytes_moved);
}
