/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Snapshots are tried from the newest to the oldest. A damaged one is passed over, as is one that
 * was written while changes went on and needs more of the log than there is; one that cannot be
 * read, or is a newer program's, ends the search, because taking an older one instead would lose
 * changes that are all there. Nothing is kept beyond the result.
 */
#include "cli/offline_start.h"

#include "cli/offline_print.h"
#include "cli/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <sysexits.h>

enum { LSN_FIRST = 1 };

static void set(struct start *s, enum start_result result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
set(struct start *s, enum start_result result, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    s->result = result;
    (void)vsnprintf(s->why, sizeof s->why, format, args); /* cut is fine */
    va_end(args);
}

/* The log from `from_lsn` on has been read; the state before that change is there. */
static void
judge_log(struct start *s, uint64_t from_lsn)
{
    const struct wal_verdict *v = &s->log.verdict;
    uint64_t begins = s->log.frames > 0 ? s->log.first_lsn : v->next_lsn;
    if (v->end == WAL_END_IO || v->end == WAL_END_NOMEM) {
        set(s, START_FAILS, "%s", v->reason);
    } else if (begins > from_lsn) {
        set(s, START_REFUSED,
            "the log begins with change %" PRIu64 ", but the state is known only before change "
            "%" PRIu64 ": what lies between is missing",
            begins, from_lsn);
    } else if (v->end == WAL_END_DAMAGED) {
        set(s, START_REFUSED,
            "in %s at offset %" PRIu64 ", change %" PRIu64 ": %s. --recover=prefix would give up "
            "what was logged from there on (%" PRIu64 " later changes can still be read), "
            "--recover=salvage only what cannot be read",
            v->name, v->offset, v->next_lsn, v->reason, v->lost_frames);
    } else if (v->end == WAL_END_TORN) {
        set(s, START_CUT, "in %s at offset %" PRIu64 ": %s", v->name, v->offset, v->reason);
    } else if (v->lost_frames > 0) {
        set(s, START_FINE,
            "%s; the %" PRIu64 " changes behind that are not used, because only a snapshot taken "
            "later could bridge it",
            v->reason, v->lost_frames);
    } else {
        set(s, START_FINE, "%s", "");
    }
}

/* Reads the log behind snapshot `i`, SIZE_MAX: all of it. True if that is what a start uses. */
static bool
try_base(struct offline *o, const struct read_snapshot *state, struct start *s, int *ret_rc)
{
    uint64_t from_lsn = state ? state->meta.cut_lsn : LSN_FIRST;
    s->log = (struct read_log){ .from_lsn = from_lsn };
    *ret_rc = read_log_run(o, &s->log);
    if (*ret_rc < 0)
        return true;
    s->log_read = true;
    judge_log(s, from_lsn);
    if (!state || s->result == START_FAILS || s->result == START_REFUSED)
        return true;
    return s->log.verdict.next_lsn >= state->meta.end_lsn ||
           state->meta.end_lsn <= state->meta.cut_lsn;
}

int
start_judge(struct offline *o, const struct store_file *snapshots,
            const struct read_snapshot *states, size_t len, struct start *ret)
{
    int rc = 0;
    *ret = (struct start){ .result = START_FINE };
    for (size_t i = len; i-- > 0;) {
        const struct read_snapshot *state = &states[i];
        if (state->gone)
            continue;
        ret->base = &snapshots[i];
        if (state->result == SNAPSHOT_NEWER) {
            set(ret, START_REFUSED, "%s was written by a newer release: %s", ret->base->name,
                state->problem);
            return 0;
        }
        if (state->result == SNAPSHOT_IO || state->result == SNAPSHOT_NOMEM) {
            set(ret, START_FAILS, "%s: %s", ret->base->name, state->problem);
            return 0;
        }
        if (state->result == SNAPSHOT_OK && try_base(o, state, ret, &rc))
            return rc;
        ret->passed_over++;
    }
    ret->base = NULL;
    (void)try_base(o, NULL, ret, &rc); /* there is nothing else to try */
    return rc;
}

int
start_code(const struct start *s)
{
    if (s->result == START_FAILS)
        return s->log_read && s->log.verdict.end == WAL_END_NOMEM ? EX_OSERR : EX_IOERR;
    return s->result == START_REFUSED ? EX_DATAERR : EX_OK;
}

static void
print_json(struct offline *o, const struct start *s)
{
    static const char *const names[] = { "fine", "cut", "refused", "fails" };
    const struct wal_verdict *v = &s->log.verdict;
    (void)fprintf(o->out, "{\"type\":\"start\",\"result\":\"%s\",\"snapshot\":", names[s->result]);
    if (s->base)
        (void)fprintf(o->out, "\"%s\"", s->base->name);
    else
        (void)fputs("null", o->out);
    (void)fprintf(o->out, ",\"passed_over\":%zu", s->passed_over);
    if (s->log_read)
        (void)fprintf(o->out,
                      ",\"from_lsn\":%" PRIu64 ",\"next_lsn\":%" PRIu64 ",\"changes\":%" PRIu64
                      ",\"end\":\"%s\",\"lost_frames\":%" PRIu64,
                      s->log.from_lsn, v->next_lsn, s->log.changes, print_end(v), v->lost_frames);
    (void)fputs(",\"why\":", o->out);
    text_json(o->out, attl_s(s->why));
    (void)fputs("}\n", o->out);
}

void
start_print(struct offline *o, const struct start *s)
{
    if (o->json) {
        print_json(o, s);
        return;
    }
    if (s->passed_over > 0)
        (void)fprintf(o->out, "%zu newer snapshot%s not usable, and passed over.\n", s->passed_over,
                      s->passed_over == 1 ? " is" : "s are");
    const char *base = s->base ? s->base->name : "no snapshot";
    if (s->log_read)
        (void)fprintf(o->out, "A start uses %s and %" PRIu64 " changes of the log", base,
                      s->log.changes);
    else
        (void)fprintf(o->out, "A start would want %s", base);
    if (s->log.frames > 0)
        (void)fprintf(o->out, " (LSN %" PRIu64 " to %" PRIu64 ")", s->log.first_lsn,
                      s->log.last_lsn);
    (void)fputs(".\n", o->out);
    if (s->result == START_REFUSED)
        (void)fprintf(o->out, "--recover=strict refuses: %s.\n", s->why);
    else if (s->result == START_FAILS)
        (void)fprintf(o->out, "It fails: %s.\n", s->why);
    else if (s->result == START_CUT)
        (void)fprintf(o->out, "It cuts off the remains of an unfinished write %s.\n", s->why);
    else if (s->why[0])
        (void)fprintf(o->out, "Note: %s.\n", s->why);
}
