/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One pass of audit/verify.h serves both verbs; show only listens to its lines. A time for --since
 * is the beginning of one as the trail writes it (2026-11-26, 2026-11-26T02), because those compare
 * as text. Whether a trail was cut off at its end, or lacks whole files, is known only of a
 * directory; of a single file the verdict says so.
 */
#include "cli/offline_audit.h"

#include "base/hex.h"
#include "base/slice.h"
#include "audit/verify.h"
#include "cli/interrupt.h"
#include "cli/offline.h"
#include "cli/outcome.h"
#include "cli/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sysexits.h>

struct look {
    struct offline *o;
    struct audit_key key;
    struct audit_verify v;
    char *text; /* of one member, decoded */
    uint64_t shown;
};

static bool
stopped(void *ud)
{
    const struct look *l = ud;
    const struct cli_offline *want = l->o->want;
    return interrupt_pending() || (want->limit && l->shown >= want->limit);
}

static int
look_begin(struct look *l, struct offline *o)
{
    char err[OFFLINE_TEXT_MAX];
    *l = (struct look){ .o = o };
    l->v = (struct audit_verify){
        .disk = o->disk,
        .alloc = &o->alloc,
        .key = &l->key,
        .only = o->want->name,
        .ud = l,
        .stop = stopped,
    };
    if (o->want->key_file && !audit_key_load(&l->key, o->want->key_file, err, sizeof err)) {
        outcome_say("%s", err);
        return EX_NOINPUT;
    }
    l->text = malloc(AUDIT_LINE_MAX_BYTES);
    return l->text ? EX_OK : offline_fail(o, -ENOMEM, o->want->dir);
}

static int
look_end(struct look *l, int code)
{
    audit_key_wipe(&l->key);
    free(l->text);
    return code;
}

static int
look_run(struct look *l)
{
    char file[AUDIT_NAME_BYTES];
    int rc = audit_verify_run(&l->v, file);
    if (rc == 0 && interrupt_pending())
        rc = -EINTR;
    return rc < 0 ? offline_fail(l->o, rc, file[0] ? file : l->o->want->dir) : EX_OK;
}

/* ---- verify ---- */

static void
print_finding(void *ud, const struct audit_finding *f)
{
    struct offline *o = ((struct look *)ud)->o;
    const char *word = audit_flaw_word(f->flaw);
    if (o->json) {
        (void)fprintf(o->out,
                      "{\"type\":\"finding\",\"flaw\":\"%s\",\"file\":\"%s\",\"line\":%" PRIu64
                      ",\"seq\":%" PRIu64 ",\"text\":",
                      word, f->file, f->line, f->seq);
        text_json(o->out, attl_s(f->text));
        (void)fputs("}\n", o->out);
        return;
    }
    (void)fprintf(o->out, "%s", f->file);
    if (f->line)
        (void)fprintf(o->out, ":%" PRIu64, f->line);
    (void)fprintf(o->out, ": %s: ", word);
    text_safe(o->out, attl_s(f->text));
    (void)fputc('\n', o->out);
}

/* What no key was given for is not damaged, but not known to be whole either. */
static int
verdict(const struct look *l)
{
    const struct audit_verify *v = &l->v;
    char hash[AUDIT_HASH_CHARS + 1];
    hex_text(hash, v->last.hash, AUDIT_HASH_BYTES);
    if (v->findings > v->kinds[AUDIT_UNCHECKED])
        return offline_verdict(l->o, EX_DATAERR,
                               "%" PRIu64 " findings in %" PRIu64 " lines of %" PRIu64 " files",
                               v->findings, v->lines, v->files);
    if (v->findings)
        return offline_verdict(l->o, EX_NOINPUT,
                               "digests are keyed: give the key with --key-file to check them");
    if (v->lines == 0)
        return offline_verdict(l->o, EX_OK, "there is nothing here");
    return offline_verdict(l->o, EX_OK,
                           "lines %" PRIu64 " to %" PRIu64 " of %" PRIu64 " files are what was "
                           "written, %s; the last digest is %s%s",
                           v->first_seq, v->last.seq, v->files,
                           l->key.len ? "by whoever has the key"
                                      : "as far as one can tell without "
                                        "a key",
                           hash, v->only ? "; one file says nothing of its neighbours" : "");
}

int
offline_audit_verify(struct offline *o)
{
    struct look l;
    int code = look_begin(&l, o);
    if (code == EX_OK) {
        l.v.found = print_finding;
        code = look_run(&l);
    }
    if (code == EX_OK)
        code = verdict(&l);
    return look_end(&l, code);
}

/* ---- show ---- */

static bool
is_wanted(const struct cli_offline *want, const struct audit_line *l)
{
    if (want->since && strncmp(l->time.data, want->since, l->time.len) < 0)
        return false;
    if (want->user && !slice_is(l->text[AUDIT_USER], want->user))
        return false;
    return !want->kind || slice_is(l->kind_word, want->kind);
}

/* " name=text", if there is any. */
static void
print_text(struct look *l, const struct audit_line *line, enum audit_text text)
{
    FILE *out = l->o->out;
    if (line->text[text].len == 0)
        return;
    size_t n = audit_text_decode(line->text[text], l->text);
    (void)fprintf(out, " %s=", audit_text_name(text));
    text_quoted(out, attl_b(l->text, n));
}

static void
print_line(void *ud, const char *file, attl_slice text, const struct audit_line *line)
{
    struct look *l = ud;
    FILE *out = l->o->out;
    const struct cli_offline *want = l->o->want;
    (void)file;
    if ((want->limit && l->shown >= want->limit) || !is_wanted(want, line))
        return;
    l->shown++;
    if (l->o->json) {
        (void)fwrite(text.data, 1, text.len, out); /* errors are looked at when all is written */
        (void)fputc('\n', out);
        return;
    }
    (void)fprintf(out, "%" PRIu64 " %.*s %.*s", line->seq, (int)line->time.len,
                  (const char *)line->time.data, (int)line->kind_word.len,
                  (const char *)line->kind_word.data);
    for (int i = 0; i < AUDIT_TEXTS; i++)
        print_text(l, line, (enum audit_text)i);
    (void)fputc('\n', out);
}

int
offline_audit_show(struct offline *o)
{
    struct look l;
    int code = look_begin(&l, o);
    if (code == EX_OK) {
        l.v.line = print_line;
        code = look_run(&l);
    }
    if (code == EX_OK && l.v.findings > l.v.kinds[AUDIT_UNCHECKED])
        outcome_say("the trail is not what was written, see attl audit verify");
    return look_end(&l, code);
}
