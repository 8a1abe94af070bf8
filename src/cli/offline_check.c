/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log is read twice: once from its oldest change, to find damage wherever it is, and once as a
 * start would read it. Damage that a start would not meet still counts as damage, because a
 * rollback would meet it; the verdict tells the two apart. The struct owns the list and the states.
 */
#include "cli/offline_check.h"

#include "base/alloc.h"
#include "cli/interrupt.h"
#include "cli/offline_print.h"
#include "cli/offline_snapshot.h"
#include "cli/offline_start.h"
#include "cli/offline_wal.h"

#include <errno.h>
#include <inttypes.h>
#include <sysexits.h>

struct check {
    struct offline *o;
    struct store_list list;
    const struct store_file *snapshots;
    size_t snapshots_len, segments_len, damaged;
    struct read_snapshot *states;
    struct wal_health log;
    struct start start;
    int code;
};

static uint64_t
bytes_of(const struct store_list *l, enum store_kind kind)
{
    size_t len;
    const struct store_file *files = store_list_of(l, kind, &len);
    uint64_t bytes = 0;
    for (size_t i = 0; i < len; i++)
        bytes += files[i].bytes;
    return bytes;
}

static void
print_overview(struct offline *o, const struct store_list *l)
{
    static const struct {
        enum store_kind kind;
        const char *name;
    } rows[] = { { STORE_SNAPSHOT, "snapshots" },
                 { STORE_WAL, "segments of the log" },
                 { STORE_ASIDE, "set aside" },
                 { STORE_TEMPORARY, "temporary" } };
    char size[PRINT_SIZE_MAX];
    if (o->json)
        return; /* every file has a line of its own */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len;
        (void)store_list_of(l, rows[i].kind, &len);
        print_size(bytes_of(l, rows[i].kind), size);
        if (len > 0 || i < 2)
            (void)fprintf(o->out, "%6zu %-19s  %9s\n", len, rows[i].name, size);
    }
    (void)fputc('\n', o->out);
}

/* Files that a start does not read. */
static void
print_others(struct offline *o, const struct store_list *l, enum store_kind kind)
{
    char time[PRINT_TIME_MAX], size[PRINT_SIZE_MAX];
    const char *name = kind == STORE_ASIDE ? "aside" : "temporary";
    size_t len;
    const struct store_file *files = store_list_of(l, kind, &len);
    for (size_t i = 0; i < len; i++) {
        print_time(files[i].created_ms, time);
        print_size(files[i].bytes, size);
        if (o->json)
            (void)fprintf(o->out,
                          "{\"type\":\"%s\",\"name\":\"%s\",\"bytes\":%" PRIu64
                          ",\"created_ms\":%" PRId64 ",\"created\":\"%s\"}\n",
                          name, files[i].name, files[i].bytes, files[i].created_ms, time);
        else
            (void)fprintf(o->out, "%-9s  %s  %9s  %s\n", name, time, size, files[i].name);
    }
}

/* Snapshots, each read whole. */
static void
check_snapshots(struct check *c)
{
    struct offline *o = c->o;
    if (c->snapshots_len > 0)
        snapshot_print_heading(o);
    for (size_t i = 0; i < c->snapshots_len && !interrupt_pending(); i++) {
        struct read_snapshot *s = &c->states[i];
        read_snapshot_all(o, c->snapshots[i].name, NULL, NULL, s);
        if (s->gone || s->stopped)
            continue;
        snapshot_print_row(o, &c->snapshots[i], s);
        c->damaged += s->result != SNAPSHOT_OK;
        c->code = offline_worse(c->code, read_snapshot_code(s));
    }
}

/* The log, from its oldest change on. 0 or an exit status. */
static int
check_log(struct check *c)
{
    struct offline *o = c->o;
    if (c->segments_len == 0)
        return EX_OK;
    if (c->snapshots_len > 0 && !o->json)
        (void)fputc('\n', o->out);
    int code = wal_print_segments(o, &c->list);
    c->code = offline_worse(c->code, code);
    code = wal_examine(o, &c->log);
    c->code = offline_worse(c->code, c->log.code);
    o->bytes_before += bytes_of(&c->list, STORE_WAL);
    return code;
}

static int
verdict(struct check *c)
{
    struct offline *o = c->o;
    const struct start *s = &c->start;
    if (s->result == START_REFUSED)
        return offline_verdict(o, c->code, "a start with --recover=strict refuses: %s", s->why);
    if (s->result == START_FAILS)
        return offline_verdict(o, c->code, "a start fails: %s", s->why);
    if (c->code == EX_OK && c->list.len == 0)
        return offline_verdict(o, EX_OK, "there is nothing here; a start begins empty");
    if (c->code == EX_OK)
        return offline_verdict(
            o, EX_OK, "%zu snapshots and %zu segments are whole%s", c->snapshots_len,
            c->segments_len,
            s->result == START_CUT ? "; a start cuts off the remains of an unfinished write" : "");
    if (s->passed_over > 0)
        return offline_verdict(
            o, c->code, "%zu of %zu snapshots; a start passes over the newest and uses %s",
            c->damaged, c->snapshots_len, s->base ? s->base->name : "the log alone");
    return offline_verdict(o, c->code,
                           "but not what a start reads: %zu of %zu snapshots, %u places "
                           "in the log",
                           c->damaged, c->snapshots_len, c->log.damages + c->log.unreadable);
}

static int
check_all(struct check *c)
{
    struct offline *o = c->o;
    uint64_t log_bytes = bytes_of(&c->list, STORE_WAL);
    progress_begin(&o->progress, bytes_of(&c->list, STORE_SNAPSHOT) + 2 * log_bytes);
    print_overview(o, &c->list);
    check_snapshots(c);
    if (interrupt_pending())
        return offline_fail(o, -EINTR, o->want->dir);
    int code = check_log(c);
    if (code)
        return code;
    print_others(o, &c->list, STORE_ASIDE);
    print_others(o, &c->list, STORE_TEMPORARY);
    int rc = start_judge(o, c->snapshots, c->states, c->snapshots_len, &c->start);
    if (rc < 0)
        return offline_fail(o, rc, o->want->dir);
    c->code = offline_worse(c->code, start_code(&c->start));
    progress_clear(&o->progress);
    if (!o->json)
        (void)fputc('\n', o->out);
    if (c->list.len > 0)
        start_print(o, &c->start);
    return verdict(c);
}

int
offline_check(struct offline *o)
{
    struct check c = { .o = o };
    int code = offline_list(o, &c.list);
    if (code)
        return code;
    c.snapshots = store_list_of(&c.list, STORE_SNAPSHOT, &c.snapshots_len);
    (void)store_list_of(&c.list, STORE_WAL, &c.segments_len); /* only how many */
    c.states = alloc_zero(&o->alloc, (c.snapshots_len + 1) * sizeof *c.states);
    code = c.states ? check_all(&c) : offline_fail(o, -ENOMEM, o->want->dir);
    alloc_free(&o->alloc, c.states);
    store_list_fini(&c.list);
    return code;
}
