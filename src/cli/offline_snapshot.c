/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A row per snapshot, printed when it has been looked at, so that a long verification shows what it
 * has found so far. A file that a server removes while we look is passed over: it was there when
 * the list was made, and nobody has lost anything. Nothing is kept from one file to the next but
 * sums.
 */
#include "cli/offline_snapshot.h"

#include "cli/interrupt.h"
#include "cli/offline_print.h"
#include "cli/outcome.h"
#include "cli/text.h"

#include <errno.h>
#include <inttypes.h>
#include <sysexits.h>

static const char *
state_of(const struct read_snapshot *s)
{
    switch (s->result) {
    case SNAPSHOT_OK:
    case SNAPSHOT_END: return "ok";
    case SNAPSHOT_DAMAGED: return "damaged";
    case SNAPSHOT_NEWER: return "newer";
    case SNAPSHOT_IO:
    case SNAPSHOT_NOMEM: break;
    }
    return "unreadable";
}

void
snapshot_print_heading(struct offline *o)
{
    if (!o->json)
        (void)fprintf(o->out, "%-43s  %12s  %-24s  %12s  %9s  %s\n", "SNAPSHOT", "CUT LSN", "TAKEN",
                      "ENTRIES", "SIZE", "STATE");
}

static void
print_json(struct offline *o, const struct store_file *f, const struct read_snapshot *s)
{
    char time[PRINT_TIME_MAX];
    print_time(f->created_ms, time);
    (void)fprintf(o->out,
                  "{\"type\":\"snapshot\",\"name\":\"%s\",\"state\":\"%s\",\"cut_lsn\":%" PRIu64
                  ",\"created_ms\":%" PRId64 ",\"created\":\"%s\",\"bytes\":%" PRIu64,
                  f->name, state_of(s), f->lsn, f->created_ms, time, f->bytes);
    if (s->result == SNAPSHOT_OK) {
        (void)fprintf(o->out,
                      ",\"kind\":\"%s\",\"end_lsn\":%" PRIu64 ",\"entries\":%" PRIu64
                      ",\"raw_bytes\":%" PRIu64 ",\"compressed\":%s,\"run_id\":\"%016" PRIx64 "\"",
                      s->meta.kind == SNAPSHOT_FUZZY ? "fuzzy" : "point-in-time", s->meta.end_lsn,
                      s->meta.entries, s->meta.raw_bytes, s->meta.compressed ? "true" : "false",
                      s->meta.run_id);
    } else {
        (void)fputs(",\"problem\":", o->out);
        text_json(o->out, attl_s(s->problem));
    }
    (void)fputs("}\n", o->out);
}

void
snapshot_print_row(struct offline *o, const struct store_file *f, const struct read_snapshot *s)
{
    char time[PRINT_TIME_MAX], size[PRINT_SIZE_MAX], entries[PRINT_SIZE_MAX] = "-";
    progress_clear(&o->progress);
    if (o->json) {
        print_json(o, f, s);
        return;
    }
    print_time(f->created_ms, time);
    print_size(f->bytes, size);
    if (s->result == SNAPSHOT_OK)
        (void)snprintf(entries, sizeof entries, "%" PRIu64, s->meta.entries); /* fits */
    (void)fprintf(o->out, "%-43s  %12" PRIu64 "  %-24s  %12s  %9s  %s", f->name, f->lsn, time,
                  entries, size, state_of(s));
    if (s->result != SNAPSHOT_OK)
        (void)fprintf(o->out, ": %s", s->problem);
    if (s->result == SNAPSHOT_OK && s->meta.compressed)
        (void)fputs(", packed", o->out);
    if (s->result == SNAPSHOT_OK && s->meta.kind == SNAPSHOT_FUZZY)
        (void)fprintf(o->out, ", needs the log before change %" PRIu64, s->meta.end_lsn);
    (void)fputc('\n', o->out);
}

const struct store_file *
snapshot_named(struct offline *o, const struct store_list *list)
{
    size_t len;
    const struct store_file *files = store_list_of(list, STORE_SNAPSHOT, &len);
    for (size_t i = 0; i < len; i++)
        if (strcmp(files[i].name, o->want->name) == 0)
            return &files[i];
    outcome_say("%s has no snapshot '%s'; attl snapshot list %s shows what there is", o->want->dir,
                o->want->name, o->want->dir);
    return NULL;
}

/* What was found over all files. */
struct sums {
    size_t files, damaged;
    uint64_t bytes;
    int code;
};

static void
look_at(struct offline *o, const struct store_file *f, bool all, struct sums *sums)
{
    struct read_snapshot s;
    if (all)
        read_snapshot_all(o, f->name, NULL, NULL, &s);
    else
        read_snapshot_head(o, f->name, &s);
    if (s.gone || s.stopped)
        return;
    snapshot_print_row(o, f, &s);
    sums->files++;
    sums->bytes += f->bytes;
    sums->damaged += s.result == SNAPSHOT_DAMAGED || s.result == SNAPSHOT_NEWER;
    sums->code = offline_worse(sums->code, read_snapshot_code(&s));
}

int
offline_snapshot_list(struct offline *o)
{
    struct store_list list;
    struct sums sums = { 0 };
    char size[PRINT_SIZE_MAX];
    size_t len;
    int code = offline_list(o, &list);
    if (code)
        return code;
    const struct store_file *files = store_list_of(&list, STORE_SNAPSHOT, &len);
    if (len > 0)
        snapshot_print_heading(o);
    for (size_t i = 0; i < len; i++)
        look_at(o, &files[i], false, &sums);
    store_list_fini(&list);
    print_size(sums.bytes, size);
    if (!o->json)
        (void)fprintf(o->out, "%zu snapshots, %s\n", sums.files, size);
    return sums.code;
}

static int
verify(struct offline *o, const struct store_file *files, size_t len)
{
    struct sums sums = { 0 };
    char size[PRINT_SIZE_MAX];
    uint64_t bytes = 0;
    for (size_t i = 0; i < len; i++)
        bytes += files[i].bytes;
    progress_begin(&o->progress, bytes);
    if (len > 0)
        snapshot_print_heading(o);
    for (size_t i = 0; i < len && !interrupt_pending(); i++)
        look_at(o, &files[i], true, &sums);
    if (interrupt_pending())
        return offline_fail(o, -EINTR, o->want->dir);
    print_size(sums.bytes, size);
    if (sums.damaged > 0)
        return offline_verdict(o, sums.code, "%zu of %zu snapshots", sums.damaged, sums.files);
    if (sums.code)
        return offline_verdict(o, sums.code, "not all of the snapshots could be read");
    return offline_verdict(o, EX_OK, "%zu snapshots, %s", sums.files, size);
}

int
offline_snapshot_verify(struct offline *o)
{
    struct store_list list;
    size_t len;
    int code = offline_list(o, &list);
    if (code)
        return code;
    const struct store_file *files = store_list_of(&list, STORE_SNAPSHOT, &len);
    if (o->want->name) {
        files = snapshot_named(o, &list);
        len = 1;
    }
    code = files || len == 0 ? verify(o, files, len) : EX_NOINPUT;
    store_list_fini(&list);
    return code;
}
