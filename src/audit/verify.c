/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The judgement of one line is pure: its own digest, then its number, then the digest of the line
 * before. A changed line says nothing of its neighbours, so that none is found for them; a number
 * that was left out and comes later is a line that was moved. Whether the oldest files were removed
 * by retention or by somebody is told by the line that retention writes before it removes one. The
 * head is read before the files, so that a server that goes on writing meanwhile is no truncation.
 */
#include "audit/verify.h"

#include "base/alloc.h"
#include "base/slice.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { READ_BYTES = 64 << 10 };

struct pass {
    struct audit_verify *v;
    char file[AUDIT_NAME_BYTES];
    struct disk_file *f;
    struct buf text; /* read, not yet judged */
    uint64_t offset; /* in the file, behind `text` */
    uint64_t line;   /* the present one */
    bool loose;      /* the line before cannot be relied on: do not compare with it */
    bool any;        /* a line has been read */
    uint64_t moved;  /* the line of that number was left out, and may come later; 0: none */
    char removed[AUDIT_NAME_BYTES];      /* the last file that retention removed */
    char before_first[AUDIT_NAME_BYTES]; /* what came before the first file here */
    uint64_t torn;
};

const char *
audit_flaw_word(enum audit_flaw flaw)
{
    static const char *const words[AUDIT_FLAWS] = {
        "changed",      "missing",   "reordered", "replaced", "truncated",
        "missing-file", "not-keyed", "unchecked", "head",     "noted",
    };
    return (unsigned)flaw < AUDIT_FLAWS ? words[flaw] : "?";
}

static void find(struct pass *p, enum audit_flaw flaw, uint64_t seq, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void
find(struct pass *p, enum audit_flaw flaw, uint64_t seq, const char *format, ...)
{
    char text[AUDIT_FINDING_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args); /* cut is fine */
    va_end(args);
    struct audit_verify *v = p->v;
    struct audit_finding f = { flaw, p->file, p->line, seq, text };
    v->kinds[flaw]++;
    if (v->findings++ < AUDIT_FINDINGS_MAX && v->found)
        v->found(v->ud, &f);
}

void
audit_verify_find(struct audit_verify *v, enum audit_flaw flaw, const char *file, const char *text)
{
    struct audit_finding f = { .flaw = flaw, .file = file, .text = text };
    v->kinds[flaw]++;
    v->findings++;
    if (v->found)
        v->found(v->ud, &f);
}

/* ---- one line ---- */

/* Looks at the line's own digest; false: it is not to be relied on. */
static int
judge_digest(struct pass *p, attl_slice text, const struct audit_line *l)
{
    unsigned char right[AUDIT_HASH_BYTES];
    struct audit_verify *v = p->v;
    if (l->alg != audit_key_alg(v->key)) {
        if (v->key->len)
            find(p, AUDIT_UNKEYED, l->seq,
                 "line %" PRIu64 " has no keyed digest: whoever can write the file could have made "
                 "it",
                 l->seq);
        else if (v->kinds[AUDIT_UNCHECKED] == 0)
            find(p, AUDIT_UNCHECKED, l->seq,
                 "from line %" PRIu64 " on digests are keyed, and no key was given: only numbers "
                 "and links are checked",
                 l->seq);
        return 1;
    }
    if (!audit_digest(v->key, attl_b(text.data, l->signed_len), right))
        return -ENOMEM;
    if (audit_digest_same(right, l->hash))
        return 1;
    find(p, AUDIT_CHANGED, l->seq, "line %" PRIu64 " was changed: its digest is another", l->seq);
    return 0;
}

static bool
same_link(const struct pass *p, const struct audit_line *l)
{
    return audit_digest_same(l->prev, p->v->last.hash);
}

/* Its number and what it is linked to, behind the line that came before. */
static void
judge_place(struct pass *p, const struct audit_line *l)
{
    uint64_t want = p->v->last.seq + 1;
    if (p->loose && l->seq >= want) /* as far as one can tell */
        return;
    if (l->seq == want && !same_link(p, l))
        find(p, AUDIT_REPLACED, l->seq,
             "line %" PRIu64 " does not continue line %" PRIu64
             ": what stands before it is not what was written",
             l->seq, want - 1);
    else if (l->seq > want) {
        p->moved = want;
        find(p, AUDIT_MISSING_LINE, want,
             l->seq == want + 1 ? "line %" PRIu64 " is missing"
                                : "lines %" PRIu64 " to %" PRIu64 " are missing",
             want, l->seq - 1);
    } else if (l->seq < want && p->moved && l->seq >= p->moved)
        find(p, AUDIT_REORDERED, l->seq, "line %" PRIu64 " stands behind line %" PRIu64, l->seq,
             want - 1);
    else if (l->seq < want)
        find(p, AUDIT_REORDERED, l->seq, "line %" PRIu64 " comes again behind line %" PRIu64,
             l->seq, want - 1);
}

static void
copy_name(attl_slice from, char to[AUDIT_NAME_BYTES])
{
    size_t len = from.len < AUDIT_NAME_BYTES ? from.len : AUDIT_NAME_BYTES - 1;
    if (len)
        memcpy(to, from.data, len);
    to[len] = '\0';
}

/* What the line says about the trail itself. */
static void
take_meaning(struct pass *p, const struct audit_line *l)
{
    if (l->kind == AUDIT_RETENTION)
        copy_name(l->text[AUDIT_OBJECT], p->removed);
    if (l->kind == AUDIT_FILE && !p->any)
        copy_name(l->text[AUDIT_BEFORE], p->before_first);
    if (l->kind == AUDIT_FILE && p->line == 1 && !slice_is(l->text[AUDIT_OBJECT], p->file))
        find(p, AUDIT_REPLACED, l->seq, "its first line is that of another file");
    if (l->kind == AUDIT_RECOVERY && !slice_is(l->text[AUDIT_ACTION], "torn"))
        find(p, AUDIT_NOTED, l->seq, "a start has found: %.*s %.*s",
             (int)(l->text[AUDIT_OBJECT].len < 64 ? l->text[AUDIT_OBJECT].len : 64),
             (const char *)l->text[AUDIT_OBJECT].data,
             (int)(l->text[AUDIT_ACTION].len < 16 ? l->text[AUDIT_ACTION].len : 16),
             (const char *)l->text[AUDIT_ACTION].data);
}

/* A line with a digest of its own, `good` or not, behind those before it. */
static void
judge_neighbours(struct pass *p, const struct audit_line *l, bool good)
{
    struct audit_verify *v = p->v;
    if (p->line == 1 && l->kind != AUDIT_FILE)
        find(p, AUDIT_MISSING_LINE, l->seq, "the first line of a file is missing");
    if (p->any && good)
        judge_place(p, l);
    if (!p->any)
        v->first_seq = l->seq;
    if (!p->any && good && !v->only && l->seq != 1 && l->text[AUDIT_BEFORE].len == 0)
        find(p, AUDIT_MISSING_LINE, l->seq, "the trail begins with line %" PRIu64, l->seq);
    if (good)
        take_meaning(p, l);
    p->any = true;
    p->loose = !good;
    if (good && l->seq > v->last.seq) {
        v->last.seq = l->seq;
        memcpy(v->last.hash, l->hash, sizeof l->hash);
    } else if (!good) {
        v->last.seq++;
    } else {
        p->loose = true; /* a line out of its place: what follows continues another */
    }
}

static int
judge_line(struct pass *p, attl_slice text)
{
    struct audit_verify *v = p->v;
    struct audit_line l;
    const char *problem = audit_line_parse(text, &l);
    p->line++;
    v->lines++;
    if (problem) {
        find(p, AUDIT_CHANGED, v->last.seq + 1, "the line was changed: %s", problem);
        v->last.seq++;
        p->loose = p->any = true;
        return 0;
    }
    int good = judge_digest(p, text, &l);
    if (good < 0)
        return good;
    judge_neighbours(p, &l, good);
    if (v->line)
        v->line(v->ud, p->file, text, &l);
    return 0;
}

/* ---- one file ---- */

/* Reads on; *ret_more is false at the end. */
static int
fill(struct pass *p, bool *ret_more)
{
    struct disk *d = p->v->disk;
    char *room = buf_reserve(&p->text, READ_BYTES);
    if (!room)
        return p->text.failed == BUF_TOO_BIG ? -EMSGSIZE : -ENOMEM;
    int64_t n = d->ops->read(d, p->f, room, READ_BYTES, p->offset);
    if (n < 0)
        return (int)n;
    p->text.len += (size_t)n;
    p->offset += (uint64_t)n;
    *ret_more = n > 0;
    return 0;
}

/* Judges the whole lines of `text` and drops them. */
static int
judge_lines(struct pass *p)
{
    size_t at = 0;
    int rc = 0;
    while (rc == 0 && at < p->text.len) {
        const char *start = p->text.data + at;
        const char *nl = memchr(start, '\n', p->text.len - at);
        if (!nl)
            break;
        rc = judge_line(p, attl_b(start, (size_t)(nl - start)));
        at += (size_t)(nl - start) + 1;
    }
    buf_consume(&p->text, at);
    return rc;
}

static int
read_lines(struct pass *p)
{
    bool more = true;
    int rc = 0;
    while (rc == 0 && more) {
        rc = fill(p, &more);
        if (rc == -EMSGSIZE) { /* no line is so long */
            p->line++;
            find(p, AUDIT_CHANGED, p->v->last.seq + 1, "the line was changed: it has no end");
            buf_clear(&p->text, READ_BYTES);
            p->loose = true;
            rc = 0;
        } else if (rc == 0) {
            rc = judge_lines(p);
        }
    }
    p->torn = p->text.len;
    return rc;
}

static int
verify_file(struct pass *p)
{
    struct disk *d = p->v->disk;
    p->line = p->offset = p->torn = 0;
    buf_clear(&p->text, READ_BYTES);
    int rc = d->ops->open(d, p->file, DISK_READ, &p->f);
    if (rc < 0)
        return rc;
    rc = read_lines(p);
    (void)d->ops->close(d, p->f); /* it was only read */
    p->v->files++;
    return rc;
}

/* ---- the trail ---- */

/* Half a line at the end of a file that is not the last, or of one that nobody goes on writing. */
static void
judge_torn(struct pass *p, bool last, const struct audit_head *head)
{
    if (!p->torn)
        return;
    if (last && !p->v->only) {
        struct audit_head now;
        bool live = audit_head_read(p->v->disk, p->v->key, &now) == 1 && head &&
                    now.last.seq > head->last.seq;
        if (live)
            return;
    }
    p->line++;
    find(p, AUDIT_TRUNCATED, p->v->last.seq + 1,
         "the last line is cut short: %" PRIu64 " bytes of it are there", p->torn);
}

static void
judge_end(struct pass *p, const struct audit_head *head, int state)
{
    struct audit_verify *v = p->v;
    p->line = 0;
    if (state == 1 && head->last.seq > v->last.seq)
        find(p, AUDIT_TRUNCATED, v->last.seq + 1,
             "the end is missing: lines %" PRIu64 " to %" PRIu64 " were written", v->last.seq + 1,
             head->last.seq);
    else if (state == 1 && head->last.seq == v->last.seq && !p->loose &&
             !audit_digest_same(head->last.hash, v->last.hash))
        find(p, AUDIT_REPLACED, v->last.seq, "the head knows another digest of line %" PRIu64,
             v->last.seq);
    else if (state != 1) {
        copy_name(attl_s(AUDIT_HEAD_NAME), p->file);
        find(p, AUDIT_HEAD, 0, "the head is %s: a tail that was cut off would not be missed",
             state == 0 ? "missing" : "damaged");
    }
}

static void
judge_beginning(struct pass *p)
{
    /* The oldest go first and names are in the order of files: a later one speaks for all before.
     */
    if (!p->before_first[0] || strcmp(p->before_first, p->removed) <= 0)
        return;
    copy_name(attl_s(p->before_first), p->file);
    p->line = 0;
    find(p, AUDIT_MISSING_FILE, 0, "the file is missing, and retention has not removed it");
}

static int
verify_files(struct pass *p, const struct audit_files *l, const struct audit_head *head)
{
    int rc = 0;
    for (size_t i = 0; i < l->len && rc == 0 && !p->v->stopped; i++) {
        p->v->stopped = p->v->stop && p->v->stop(p->v->ud);
        audit_file_name(l->items[i].first_seq, p->file);
        rc = verify_file(p);
        if (rc == -ENOENT && i == 0) {
            rc = 0; /* retention has just removed it */
            continue;
        }
        if (rc == 0)
            judge_torn(p, i + 1 == l->len, head);
    }
    return rc;
}

static int
verify_all(struct pass *p)
{
    struct audit_verify *v = p->v;
    struct audit_head head = { 0 };
    struct audit_files l;
    int state = audit_head_read(v->disk, v->key, &head);
    if (state < 0 && state != -EBADMSG) {
        copy_name(attl_s(AUDIT_HEAD_NAME), p->file);
        return state;
    }
    int rc = audit_files_list(&l, v->alloc, v->disk);
    if (rc == 0)
        rc = verify_files(p, &l, state == 1 ? &head : NULL);
    bool empty = l.len == 0;
    audit_files_free(&l);
    if (rc < 0 || v->stopped || (empty && state == 0))
        return rc;
    judge_end(p, &head, state);
    judge_beginning(p);
    return 0;
}

int
audit_verify_run(struct audit_verify *v, char ret_file[AUDIT_NAME_BYTES])
{
    struct pass p = { .v = v };
    int rc;
    v->files = v->lines = v->findings = v->first_seq = 0;
    memset(v->kinds, 0, sizeof v->kinds);
    v->last = (struct audit_link){ 0 };
    v->stopped = false;
    buf_init(&p.text, AUDIT_LINE_MAX_BYTES + 2 * READ_BYTES);
    if (v->only) {
        copy_name(attl_s(v->only), p.file);
        rc = verify_file(&p);
        if (rc == 0)
            judge_torn(&p, true, NULL);
    } else {
        rc = verify_all(&p);
    }
    copy_name(attl_s(p.file), ret_file);
    buf_fini(&p.text);
    return rc;
}
