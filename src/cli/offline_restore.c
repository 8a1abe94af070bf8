/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Later snapshots go first and the log second: interrupted between the two, the directory still
 * starts with what it had, because the snapshot and the whole log give the same state. Interrupted
 * later it may refuse to start, and a second restore ends what the first began. The log is cut by
 * wal_cut(), with a verdict made here; since a segment can begin inside the one before it, the
 * place is searched again after each cut, until nothing is left behind it.
 */
#include "cli/offline_restore.h"

#include "cli/offline_print.h"
#include "cli/offline_read.h"
#include "cli/offline_snapshot.h"
#include "cli/outcome.h"
#include "cli/term.h"
#include "os/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <sysexits.h>

enum { ANSWER_MAX = 16, US_PER_MS = 1000 };

struct restore {
    struct offline *o;
    struct store_list list;
    const struct store_file *snapshot; /* in the list */
    const struct store_file *later;    /* the snapshots behind it */
    size_t later_len;
    struct snapshot_meta meta;
    uint64_t keep_lsn;        /* changes before it stay in the log */
    bool cuts;                /* there is log behind it, */
    struct wal_verdict place; /* from here on */
    uint64_t changes;         /* in it, as far as they can be read */
    uint64_t first_lsn, last_lsn;
};

/* ---- what is to be done ---------------------------------------------------------------------- */

static bool
take_place(void *ud, const struct wal_frame *f, const struct read_place *place)
{
    struct wal_verdict *v = ud;
    if (v->name[0] == '\0') {
        *v = (struct wal_verdict){ .end = WAL_END_TORN,
                                   .offset = place->offset,
                                   .next_lsn = f->lsn };
        (void)snprintf(v->name, sizeof v->name, "%s", place->segment); /* fits */
    }
    return true;
}

/* Where the log behind keep_lsn begins. 0 or a negative errno; r->cuts is false if there is none.
 */
static int
find_place(struct restore *r)
{
    struct read_log log = { .from_lsn = r->keep_lsn, .frame = take_place, .ud = &r->place };
    r->place = (struct wal_verdict){ 0 };
    int rc = read_log_run(r->o, &log);
    if (rc < 0)
        return rc;
    if (log.verdict.end == WAL_END_NOMEM)
        return -ENOMEM;
    if (log.verdict.end == WAL_END_IO && log.frames == 0)
        return log.verdict.error;
    r->cuts = log.frames > 0 || log.verdict.end != WAL_END_CLEAN || log.verdict.lost_frames > 0;
    if (log.frames == 0)
        r->place = log.verdict;
    r->changes = log.changes;
    r->first_lsn = log.first_lsn;
    r->last_lsn = log.last_lsn;
    return 0;
}

/* A snapshot that was written while changes went on is whole only with the log up to end_lsn. */
static int
check_log_reaches(struct restore *r)
{
    struct read_log log = { .from_lsn = r->meta.cut_lsn };
    if (r->meta.kind != SNAPSHOT_FUZZY || r->meta.end_lsn <= r->meta.cut_lsn)
        return EX_OK;
    int rc = read_log_run(r->o, &log);
    if (rc < 0)
        return offline_fail(r->o, rc, r->o->want->dir);
    if (log.first_lsn == r->meta.cut_lsn && log.verdict.next_lsn >= r->meta.end_lsn)
        return EX_OK;
    progress_clear(&r->o->progress);
    outcome_say("%s needs the changes %" PRIu64 " to %" PRIu64 " of the log, which are not all "
                "there: it cannot be restored",
                r->snapshot->name, r->meta.cut_lsn, r->meta.end_lsn - 1);
    return EX_DATAERR;
}

/* Reads the snapshot, all of it, and finds what stands behind it. 0 or an exit status. */
static int
plan(struct restore *r)
{
    struct offline *o = r->o;
    struct read_snapshot s;
    size_t len;
    r->snapshot = snapshot_named(o, &r->list);
    if (!r->snapshot)
        return EX_NOINPUT;
    const struct store_file *files = store_list_of(&r->list, STORE_SNAPSHOT, &len);
    r->later = r->snapshot + 1;
    r->later_len = (size_t)(files + len - r->later);
    progress_begin(&o->progress, r->snapshot->bytes);
    read_snapshot_all(o, r->snapshot->name, NULL, NULL, &s);
    progress_clear(&o->progress);
    if (s.stopped)
        return offline_fail(o, -EINTR, o->want->dir);
    if (s.result != SNAPSHOT_OK) {
        outcome_say("%s cannot be restored: %s", r->snapshot->name, s.problem);
        return read_snapshot_code(&s);
    }
    r->meta = s.meta;
    r->keep_lsn = s.meta.end_lsn > s.meta.cut_lsn ? s.meta.end_lsn : s.meta.cut_lsn;
    int code = check_log_reaches(r);
    if (code)
        return code;
    int rc = find_place(r);
    progress_clear(&o->progress);
    return rc < 0 ? offline_fail(o, rc, "the log cannot be read") : EX_OK;
}

/* ---- saying it ------------------------------------------------------------------------------- */

static void
print_step(struct offline *o, const char *step, const char *name, const char *what)
{
    if (o->json)
        (void)fprintf(o->out, "{\"type\":\"step\",\"step\":\"%s\",\"name\":\"%s\"}\n", step, name);
    else
        (void)fprintf(o->out, "  %-9s  %s%s\n", step, name, what);
}

static void
print_log_steps(struct restore *r)
{
    struct store_file cut;
    size_t len;
    const struct store_file *segments = store_list_of(&r->list, STORE_WAL, &len);
    if (!r->cuts || !store_name_parse(r->place.name, &cut))
        return;
    for (size_t i = 0; i < len; i++) {
        char what[OFFLINE_TEXT_MAX] = "";
        bool stays = segments[i].lsn == cut.lsn && r->place.offset > WAL_SEGMENT_HEADER_BYTES;
        if (stays)
            (void)snprintf(what, sizeof what, " from offset %" PRIu64 ", change %" PRIu64 ", on",
                           r->place.offset, r->place.next_lsn); /* fits */
        if (segments[i].lsn >= cut.lsn)
            print_step(r->o, stays ? "cut off" : "set aside", segments[i].name, what);
    }
}

static void
print_plan(struct restore *r)
{
    struct offline *o = r->o;
    char time[PRINT_TIME_MAX];
    print_time(r->meta.created_ms, time);
    if (o->json)
        (void)fprintf(o->out,
                      "{\"type\":\"restore\",\"snapshot\":\"%s\",\"entries\":%" PRIu64
                      ",\"cut_lsn\":%" PRIu64 ",\"keep_lsn\":%" PRIu64
                      ",\"undone_changes\":%" PRIu64 ",\"dry_run\":%s}\n",
                      r->snapshot->name, r->meta.entries, r->meta.cut_lsn, r->keep_lsn, r->changes,
                      o->want->dry_run ? "true" : "false");
    else
        (void)fprintf(o->out, "%s, taken %s, %" PRIu64 " entries, before change %" PRIu64 ":\n",
                      r->snapshot->name, time, r->meta.entries, r->keep_lsn);
    for (size_t i = r->later_len; i-- > 0;)
        print_step(o, "set aside", r->later[i].name, "");
    print_log_steps(r);
    if (o->json)
        return;
    if (r->later_len == 0 && !r->cuts) {
        (void)fputs("  nothing to do: it is what a start begins with\n", o->out);
        return;
    }
    (void)fprintf(o->out, "%" PRIu64 " changes of the log are undone", r->changes);
    if (r->changes > 0)
        (void)fprintf(o->out, " (LSN %" PRIu64 " to %" PRIu64 ")", r->first_lsn, r->last_lsn);
    (void)fputs(". What is set aside or cut off is kept as aside-...,\n"
                "until the retention rules remove it.\n",
                o->out);
}

/* 0: go on. */
static int
ask(struct offline *o)
{
    char answer[ANSWER_MAX] = "";
    if (o->want->yes)
        return EX_OK;
    if (!term_is(stdin)) {
        outcome_say("nothing was changed: this needs --yes, as nobody can be asked here");
        return EX_USAGE;
    }
    (void)fflush(o->out); /* the question comes last; a failure is told at the end */
    (void)fputs("Do this? [y/N] ", stderr);
    if (fgets(answer, sizeof answer, stdin) &&
        (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0))
        return EX_OK;
    outcome_say("nothing was changed");
    return OUTCOME_ERROR_REPLY;
}

/* ---- doing it -------------------------------------------------------------------------------- */

/* Newest first, each under a name nobody has. */
static int
set_later_aside(struct restore *r, int64_t now_ms)
{
    struct disk *d = r->o->disk;
    char aside[SEGMENT_NAME_MAX];
    for (size_t i = r->later_len; i-- > 0;) {
        aside_name(now_ms, r->later[i].name, aside);
        for (int more = 1; !offline_gone(r->o, aside); more++)
            aside_name(now_ms + more, r->later[i].name, aside);
        int rc = d->ops->rename(d, r->later[i].name, aside);
        if (rc < 0)
            return rc;
    }
    return r->later_len > 0 ? d->ops->sync_dir(d) : 0;
}

static int
cut_log(struct restore *r, int64_t now_ms)
{
    size_t len;
    (void)store_list_of(&r->list, STORE_WAL, &len); /* each cut removes at least one from view */
    for (size_t i = 0; i <= len && r->cuts; i++) {
        if (i > 0) /* what the first cut has uncovered */
            print_step(r->o, "cut off", r->place.name, ", which held the same changes");
        int rc = wal_cut(r->o->disk, &r->o->alloc, &r->place, now_ms);
        if (rc == 0)
            rc = find_place(r);
        if (rc < 0)
            return rc;
    }
    return r->cuts ? -EBADMSG : 0;
}

static int
carry_out(struct restore *r)
{
    struct offline *o = r->o;
    int64_t now_ms = clock_wall_us() / US_PER_MS;
    int rc = set_later_aside(r, now_ms);
    if (rc < 0)
        return offline_fail(o, rc, "later snapshots cannot be set aside; nothing is lost");
    rc = cut_log(r, now_ms);
    progress_clear(&o->progress);
    if (rc < 0)
        return offline_fail(o, rc, "the log cannot be cut; run this again before a start");
    if (o->json)
        (void)fprintf(o->out, "{\"type\":\"restored\",\"snapshot\":\"%s\"}\n", r->snapshot->name);
    else
        (void)fprintf(o->out, "done: the next start begins with %s\n", r->snapshot->name);
    return EX_OK;
}

int
offline_restore(struct offline *o)
{
    struct restore r = { .o = o };
    int code = offline_list(o, &r.list);
    if (code)
        return code;
    code = plan(&r);
    if (code == EX_OK) {
        print_plan(&r);
        bool nothing = r.later_len == 0 && !r.cuts;
        if (!o->want->dry_run && !nothing)
            code = ask(o);
        if (code == EX_OK && !o->want->dry_run && !nothing)
            code = carry_out(&r);
    }
    store_list_fini(&r.list);
    return code;
}
