/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines are written as they are read, so nothing is kept but the count; what comes of unknown
 * length, the key and the value, stands last. A group is one frame and counts once against --limit,
 * because its changes belong together. The bar is shown only if the lines go elsewhere.
 */
#include "cli/offline_dump.h"

#include "cli/interrupt.h"
#include "cli/jsonl.h"
#include "cli/offline_print.h"
#include "cli/offline_read.h"
#include "cli/outcome.h"
#include "cli/term.h"
#include "cli/text.h"

#include <inttypes.h>
#include <sysexits.h>

struct dump {
    struct offline *o;
    const struct cli_offline *want;
    FILE *out;
    uint64_t lines; /* frames or entries */
};

static bool
more(struct dump *d)
{
    d->lines++;
    return (d->want->limit == 0 || d->lines < d->want->limit) && !ferror(d->out);
}

static void
begin(struct dump *d, uint64_t total_bytes)
{
    progress_begin(&d->o->progress, total_bytes);
    d->o->progress.shown = d->o->progress.shown && !term_is(d->out);
}

/* Nothing but the key. */
static void
put_bare_key(struct dump *d, attl_slice key)
{
    if (d->o->json) {
        (void)fputc('{', d->out);
        jsonl_write_text(d->out, "key", key);
        (void)fputs("}\n", d->out);
        return;
    }
    text_quoted(d->out, key);
    (void)fputc('\n', d->out);
}

/* ---- the log --------------------------------------------------------------------------------- */

static bool
has_key(const struct wal_op *op)
{
    return op->kind == WAL_PUT || op->kind == WAL_DEL || op->kind == WAL_EXPIRE ||
           op->kind == WAL_EVICT;
}

/* Its members without braces: "kind":"put","key":... */
static void
put_op_json(struct dump *d, const struct wal_op *op)
{
    char digits[PRINT_SIZE_MAX];
    (void)fprintf(d->out, "\"kind\":\"%s\"", print_kind(op->kind));
    if (has_key(op)) {
        (void)fputc(',', d->out);
        jsonl_write_text(d->out, "key", op->key);
    }
    if (op->kind == WAL_PUT) {
        attl_slice value = print_value(op->value, op->flags & WAL_INTEGER, digits);
        (void)fprintf(d->out, ",\"value_bytes\":%zu", value.len);
        if (op->flags & WAL_INTEGER)
            (void)fputs(",\"integer\":true", d->out);
        if (d->want->values) {
            (void)fputc(',', d->out);
            jsonl_write_text(d->out, "value", value);
        }
    }
    print_json_deadline(d->out, op->deadline_ms);
    if (op->flags & WAL_LIFE)
        print_json_life(d->out, &op->life);
}

static void
put_frame_json(struct dump *d, const struct wal_frame *f, const struct read_place *place)
{
    struct wal_op op;
    struct wal_mark mark;
    size_t offset = 0;
    (void)fprintf(d->out, "{\"lsn\":%" PRIu64 ",", f->lsn);
    put_op_json(d, &f->op);
    if (f->op.kind == WAL_GROUP) {
        const char *separator = "{";
        (void)fputs(",\"changes\":[", d->out);
        for (; wal_op_next(f->op.value, &offset, &op); separator = ",{") {
            (void)fputs(separator, d->out);
            put_op_json(d, &op);
            (void)fputc('}', d->out);
        }
        (void)fputc(']', d->out);
    } else if (f->op.kind == WAL_MARK && wal_mark_decode(f->op.value, &mark)) {
        (void)fprintf(d->out, ",\"time_ms\":%" PRId64 ",\"durable_lsn\":%" PRIu64, mark.time_ms,
                      mark.durable_lsn);
    } else if (f->op.kind == WAL_NOTE) {
        (void)fputc(',', d->out);
        jsonl_write_text(d->out, "text", f->op.value);
    }
    (void)fprintf(d->out, ",\"segment\":\"%s\",\"offset\":%" PRIu64 ",\"bytes\":%" PRIu32 "}\n",
                  place->segment, place->offset, f->bytes);
}

/* `lsn` is "" for a change inside a group. */
static void
put_op(struct dump *d, const char *lsn, const struct wal_op *op)
{
    char time[PRINT_TIME_MAX] = "-", digits[PRINT_SIZE_MAX], bytes[PRINT_SIZE_MAX] = "-";
    attl_slice value = print_value(op->value, op->flags & WAL_INTEGER, digits);
    if (op->kind == WAL_PUT || op->kind == WAL_EXPIRE)
        print_deadline(op->deadline_ms, time);
    if (op->kind == WAL_PUT)
        (void)snprintf(bytes, sizeof bytes, "%zu", value.len); /* fits */
    (void)fprintf(d->out, "%12s  %-6s  %-24s  %10s  ", lsn, print_kind(op->kind), time, bytes);
    if (has_key(op))
        text_quoted(d->out, op->key);
    if (op->kind == WAL_PUT && d->want->values) {
        (void)fputs(" = ", d->out);
        text_quoted(d->out, value);
    }
    if (op->flags & WAL_LIFE)
        print_life(d->out, &op->life);
}

static void
put_frame(struct dump *d, const struct wal_frame *f)
{
    char lsn[PRINT_SIZE_MAX], time[PRINT_TIME_MAX];
    struct wal_op op;
    struct wal_mark mark;
    size_t offset = 0;
    (void)snprintf(lsn, sizeof lsn, "%" PRIu64, f->lsn); /* fits */
    put_op(d, lsn, &f->op);
    if (f->op.kind == WAL_MARK && wal_mark_decode(f->op.value, &mark)) {
        print_time(mark.time_ms, time);
        (void)fprintf(d->out, "at %s, before %" PRIu64 " all is durable", time, mark.durable_lsn);
    } else if (f->op.kind == WAL_NOTE) {
        text_quoted(d->out, f->op.value);
    }
    (void)fputc('\n', d->out);
    if (f->op.kind != WAL_GROUP)
        return;
    while (wal_op_next(f->op.value, &offset, &op)) {
        put_op(d, "", &op);
        (void)fputc('\n', d->out);
    }
}

static void
put_frame_keys(struct dump *d, const struct wal_frame *f)
{
    struct wal_op op;
    size_t offset = 0;
    if (has_key(&f->op))
        put_bare_key(d, f->op.key);
    if (f->op.kind != WAL_GROUP)
        return;
    while (wal_op_next(f->op.value, &offset, &op))
        if (has_key(&op))
            put_bare_key(d, op.key);
}

static bool
take_frame(void *ud, const struct wal_frame *f, const struct read_place *place)
{
    struct dump *d = ud;
    if (f->lsn > d->want->to_lsn)
        return false;
    if (d->want->keys)
        put_frame_keys(d, f);
    else if (d->o->json)
        put_frame_json(d, f, place);
    else
        put_frame(d, f);
    return more(d) && f->lsn < d->want->to_lsn; /* not to meet the log's end needlessly */
}

/* Says on standard error how the log ended; an exit status. */
static int
tell_end(const struct wal_verdict *v)
{
    const char *what = print_end(v);
    if (v->end == WAL_END_CLEAN && v->lost_frames == 0)
        return EX_OK;
    outcome_say("the log ends before change %" PRIu64 " (%s): %s", v->next_lsn, what, v->reason);
    return v->end == WAL_END_CLEAN || v->end == WAL_END_TORN ? EX_OK
           : v->end == WAL_END_DAMAGED                       ? EX_DATAERR
           : v->end == WAL_END_IO                            ? EX_IOERR
                                                             : EX_OSERR;
}

int
offline_wal_dump(struct offline *o)
{
    struct dump d = { .o = o, .want = o->want, .out = o->out };
    struct read_log log = { .from_lsn = o->want->from_lsn, .frame = take_frame, .ud = &d };
    if (!o->json && !o->want->keys)
        (void)fprintf(o->out, "%12s  %-6s  %-24s  %10s  %s\n", "LSN", "CHANGE", "DEADLINE", "BYTES",
                      o->want->values ? "KEY = VALUE" : "KEY");
    begin(&d, 0);
    int rc = read_log_run(o, &log);
    if (rc < 0)
        return offline_fail(o, rc, o->want->dir);
    progress_clear(&o->progress);
    return log.stopped ? EX_OK : tell_end(&log.verdict);
}

/* ---- a snapshot ------------------------------------------------------------------------------ */

static void
put_entry_json(struct dump *d, const struct snapshot_entry *e, attl_slice value)
{
    if (d->want->values) { /* exactly the members that `attl load` knows: an ordinary entry, */
        struct jsonl_record record = { e->key, value, e->deadline_ms };
        if (e->has_life) /* which ends where plain reads end; what they never find is left out */
            record.deadline_ms = e->life.hard_ms;
        if (!e->has_life || !(e->life.flags & LIFE_NEGATIVE))
            jsonl_write(d->out, &record);
        return;
    }
    (void)fputc('{', d->out);
    jsonl_write_text(d->out, "key", e->key);
    (void)fprintf(d->out, ",\"value_bytes\":%zu%s", value.len,
                  e->is_integer ? ",\"integer\":true" : "");
    print_json_deadline(d->out, e->deadline_ms);
    if (e->has_life)
        print_json_life(d->out, &e->life);
    (void)fputs("}\n", d->out);
}

static bool
take_entry(void *ud, const struct snapshot_entry *e)
{
    struct dump *d = ud;
    char digits[PRINT_SIZE_MAX], time[PRINT_TIME_MAX];
    attl_slice value = print_value(e->value, e->is_integer, digits);
    if (d->want->keys) {
        put_bare_key(d, e->key);
    } else if (d->o->json) {
        put_entry_json(d, e, value);
    } else {
        print_deadline(e->deadline_ms, time);
        (void)fprintf(d->out, "%-24s  %10zu  ", time, value.len);
        text_quoted(d->out, e->key);
        if (d->want->values) {
            (void)fputs(" = ", d->out);
            text_quoted(d->out, value);
        }
        if (e->has_life)
            print_life(d->out, &e->life);
        (void)fputc('\n', d->out);
    }
    return more(d);
}

int
offline_snapshot_dump(struct offline *o)
{
    struct dump d = { .o = o, .want = o->want, .out = o->out };
    struct read_snapshot s;
    struct store_file named;
    if (!store_name_parse(o->want->name, &named) || named.kind == STORE_WAL) {
        outcome_say("'%s' is not the name of a snapshot", o->want->name);
        return EX_NOINPUT;
    }
    if (!o->json && !o->want->keys)
        (void)fprintf(o->out, "%-24s  %10s  %s\n", "DEADLINE", "BYTES",
                      o->want->values ? "KEY = VALUE" : "KEY");
    begin(&d, 0);
    read_snapshot_all(o, o->want->name, take_entry, &d, &s);
    progress_clear(&o->progress);
    if (s.result != SNAPSHOT_OK)
        outcome_say("%s: %s", o->want->name, s.gone ? "there is no such snapshot" : s.problem);
    else if (interrupt_pending())
        return OUTCOME_INTERRUPTED;
    return read_snapshot_code(&s);
}
