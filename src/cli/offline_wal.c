/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a segment ends with is not written in it; that the next one begins with the change behind it
 * is all the list says, and for the last one nothing. Verifying goes on behind each damage, so that
 * one run tells everything, and what may be a server's half-written end is not called damage.
 * Everything is read with the help of others and owned by them.
 */
#include "cli/offline_wal.h"

#include "cli/offline_print.h"
#include "cli/outcome.h"

#include <errno.h>
#include <inttypes.h>
#include <sysexits.h>

/* ---- list ------------------------------------------------------------------------------------ */

/* 1 with a header; 0 if there is none that is good; or a negative errno. */
static int
read_header(struct offline *o, const char *name, struct wal_segment_header *ret)
{
    unsigned char bytes[WAL_SEGMENT_HEADER_BYTES];
    struct disk_file *f;
    *ret = (struct wal_segment_header){ 0 };
    int rc = o->disk->ops->open(o->disk, name, DISK_READ, &f);
    if (rc < 0)
        return rc;
    rc = disk_read_exact(o->disk, f, bytes, sizeof bytes, 0);
    (void)o->disk->ops->close(o->disk, f); /* it was only read */
    if (rc < 0)
        return rc == -ENODATA ? 0 : rc;
    return wal_segment_header_decode(bytes, ret);
}

static const char *
header_state(int rc, const struct wal_segment_header *h, const struct store_file *f)
{
    if (rc < 0)
        return "unreadable";
    if (h->version > WAL_VERSION)
        return "newer";
    return rc == 0 || h->first_lsn != f->lsn ? "damaged" : "ok";
}

/* `next`: the segment behind it, or NULL. */
static void
print_segment(struct offline *o, const struct store_file *f, const struct store_file *next,
              const struct wal_segment_header *h, const char *state)
{
    char time[PRINT_TIME_MAX] = "-", size[PRINT_SIZE_MAX], last[PRINT_SIZE_MAX] = "-";
    bool ok = strcmp(state, "ok") == 0;
    if (o->json) {
        (void)fprintf(
            o->out,
            "{\"type\":\"segment\",\"name\":\"%s\",\"state\":\"%s\",\"first_lsn\":%" PRIu64
            ",\"bytes\":%" PRIu64,
            f->name, state, f->lsn, f->bytes);
        if (next)
            (void)fprintf(o->out, ",\"last_lsn\":%" PRIu64, next->lsn - 1);
        if (ok) {
            print_time(h->created_ms, time);
            (void)fprintf(o->out,
                          ",\"created_ms\":%" PRId64 ",\"created\":\"%s\",\"run_id\":\"%016" PRIx64
                          "\",\"gap\":%s",
                          h->created_ms, time, h->run_id, h->gap ? "true" : "false");
        }
        (void)fputs("}\n", o->out);
        return;
    }
    print_size(f->bytes, size);
    if (ok)
        print_time(h->created_ms, time);
    if (next)
        (void)snprintf(last, sizeof last, "%" PRIu64, next->lsn - 1);
    (void)fprintf(o->out, "%-25s  %12" PRIu64 "  %12s  %-24s  %9s  %s\n", f->name, f->lsn, last,
                  time, size,
                  !ok      ? state
                  : h->gap ? "behind a gap"
                           : "ok");
}

int
wal_print_segments(struct offline *o, const struct store_list *list)
{
    size_t len;
    const struct store_file *files = store_list_of(list, STORE_WAL, &len);
    int code = EX_OK;
    if (!o->json && len > 0)
        (void)fprintf(o->out, "%-25s  %12s  %12s  %-24s  %9s  %s\n", "SEGMENT", "FIRST LSN",
                      "LAST LSN", "BEGUN", "SIZE", "STATE");
    for (size_t i = 0; i < len; i++) {
        struct wal_segment_header h;
        int rc = read_header(o, files[i].name, &h);
        if (rc == -ENOENT)
            continue; /* a server has removed it */
        const char *state = header_state(rc, &h, &files[i]);
        print_segment(o, &files[i], i + 1 < len ? &files[i + 1] : NULL, &h, state);
        if (strcmp(state, "ok") != 0)
            code = offline_worse(code, rc < 0 ? offline_code(rc) : EX_DATAERR);
    }
    return code;
}

/* Segments and their bytes; asides of segments and theirs. */
static void
print_sums(struct offline *o, const struct store_list *list)
{
    char size[PRINT_SIZE_MAX];
    size_t len;
    uint64_t bytes = 0;
    const struct store_file *files = store_list_of(list, STORE_WAL, &len);
    for (size_t i = 0; i < len; i++)
        bytes += files[i].bytes;
    print_size(bytes, size);
    (void)fprintf(o->out, "%zu segments, %s\n", len, size);
}

int
offline_wal_list(struct offline *o)
{
    struct store_list list;
    int code = offline_list(o, &list);
    if (code)
        return code;
    code = wal_print_segments(o, &list);
    if (!o->json)
        print_sums(o, &list);
    store_list_fini(&list);
    return code;
}

/* ---- verify ---------------------------------------------------------------------------------- */

struct examination {
    struct offline *o;
    struct wal_health *health;
};

static bool
at_end(void *ud, const struct wal_verdict *v)
{
    struct examination *x = ud;
    struct wal_health *h = x->health;
    progress_clear(&x->o->progress);
    print_verdict(x->o->out, x->o->json, v);
    switch (v->end) {
    case WAL_END_CLEAN: h->gaps += v->lost_frames > 0; break;
    case WAL_END_TORN: h->torn++; break;
    case WAL_END_DAMAGED:
        if (h->damages++ == 0)
            h->first_damage = *v;
        h->code = offline_worse(h->code, EX_DATAERR);
        break;
    case WAL_END_IO:
        h->unreadable++;
        h->code = offline_worse(h->code, EX_IOERR);
        break;
    case WAL_END_NOMEM: h->code = EX_OSERR; return false;
    }
    return true;
}

static void
print_counts(struct offline *o, const struct read_log *l)
{
    const char *separator = "";
    if (o->json)
        (void)fprintf(o->out,
                      "{\"type\":\"log\",\"first_lsn\":%" PRIu64 ",\"last_lsn\":%" PRIu64
                      ",\"frames\":%" PRIu64 ",\"changes\":%" PRIu64 ",\"kinds\":{",
                      l->first_lsn, l->last_lsn, l->frames, l->changes);
    else if (l->frames > 0)
        (void)fprintf(o->out, "changes   LSN %" PRIu64 " to %" PRIu64 ", %" PRIu64 " frames: ",
                      l->first_lsn, l->last_lsn, l->frames);
    else
        (void)fputs("changes   none", o->out);
    for (unsigned kind = WAL_PUT; kind <= WAL_NOTE; kind++) {
        if (l->kinds[kind] == 0)
            continue;
        (void)fprintf(o->out, o->json ? "%s\"%s\":%" PRIu64 : "%s%s %" PRIu64, separator,
                      print_kind(kind), l->kinds[kind]);
        separator = o->json ? "," : ", ";
    }
    (void)fputs(o->json ? "}}\n" : "\n", o->out);
}

int
wal_examine(struct offline *o, struct wal_health *ret)
{
    struct examination x = { o, ret };
    *ret = (struct wal_health){ .log = { .end = at_end, .ud = &x } };
    int rc = read_log_run(o, &ret->log);
    if (rc < 0)
        return offline_fail(o, rc, o->want->dir);
    progress_clear(&o->progress);
    print_counts(o, &ret->log);
    return EX_OK;
}

int
offline_wal_verify(struct offline *o)
{
    struct store_list list;
    struct wal_health h;
    size_t len;
    int code = offline_list(o, &list);
    if (code)
        return code;
    const struct store_file *files = store_list_of(&list, STORE_WAL, &len);
    uint64_t bytes = 0;
    for (size_t i = 0; i < len; i++)
        bytes += files[i].bytes;
    store_list_fini(&list);
    progress_begin(&o->progress, bytes);
    code = wal_examine(o, &h);
    if (code)
        return code;
    if (h.code == EX_DATAERR)
        return offline_verdict(o, h.code,
                               "%u damaged places, the first in %s at offset %" PRIu64
                               "; attl check says what a start would do",
                               h.damages, h.first_damage.name, h.first_damage.offset);
    if (h.code)
        return offline_verdict(o, h.code, "the log could not be read to its end");
    return offline_verdict(o, EX_OK, "%zu segments, %" PRIu64 " changes%s", len, h.log.changes,
                           h.torn ? ", and an unfinished write, which a start cuts off" : "");
}
