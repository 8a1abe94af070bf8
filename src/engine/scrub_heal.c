/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is done about a file that is not what it was written as. Memory holds everything that
 * recovery would have got from it, so a fresh snapshot comes first, if recovery would still want
 * the file, and only when that one is whole and durable is the damaged file set aside, for people.
 * A segment goes together with all older ones: behind the hole the log leads nowhere, and the log
 * that is left has none. Until a damaged newest snapshot is replaced no snapshot counts as whole,
 * so that nothing older is removed. A file that only could not be read stays where it is.
 *
 * Works under the claim and the lock of snapshots, which keep rollback and retention away.
 */
#include "engine/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct heal {
    struct store *store;
    struct scrub_finding *f;
    struct store_list list;
    size_t file; /* its index */
    char fresh[SEGMENT_NAME_MAX];
    uint64_t set_aside;
};

static void did(struct heal *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
did(struct heal *h, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(h->f->done, sizeof h->f->done, format, args); /* cut is fine */
    va_end(args);
}

static size_t
find_file(const struct store_list *l, const char *name)
{
    for (size_t i = 0; i < l->len; i++)
        if (strcmp(l->files[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

/* Whether a start would read the file. */
static bool
is_needed(struct heal *h)
{
    const struct store *s = h->store;
    bool has_base = s->newest[0] != '\0';
    if (h->f->kind == STORE_SNAPSHOT)
        return !has_base || strcmp(s->newest, h->f->name) == 0;
    return !has_base || h->f->end_lsn > atomic_load(&s->last_lsn);
}

static int
replace(struct heal *h)
{
    struct store *s = h->store;
    if (!h->f->unreadable && strcmp(s->newest, h->f->name) == 0)
        s->newest[0] = '\0'; /* nothing is known to be whole: retention leaves all of it alone */
    int status = store_snapshot_locked(s, NULL);
    if (status == ATTL_OK && is_needed(h))
        status = ATTL_E_IO; /* the log is not where it should be: nothing is given up for it */
    if (status != ATTL_OK)
        did(h, "a start needs it, but no snapshot can be taken (%s); it is tried again",
            attl_strerror(status));
    else
        memcpy(h->fresh, s->newest, sizeof h->fresh);
    return status;
}

static int
put_aside(struct heal *h, const char *name)
{
    struct store *s = h->store;
    char aside[SEGMENT_NAME_MAX];
    aside_name(engine_now_ms(s->a) + engine_skew_ms(s->a), name, aside);
    int error = s->disk->ops->rename(s->disk, name, aside);
    if (error == -ENOENT)
        return 0;
    if (error == 0) {
        h->set_aside++;
        store_log(s, 2, "set_aside", "%s is kept as %s", name, aside);
    }
    return error;
}

/* From the old end, so that an interruption leaves no hole in what is before the damage. */
static int
put_all_aside(struct heal *h)
{
    struct store *s = h->store;
    size_t len, end = h->file;
    const struct store_file *files = store_list_of(&h->list, h->f->kind, &len);
    size_t first = h->f->kind == STORE_WAL ? (size_t)(files - h->list.files) : end;
    int error = 0;
    for (size_t i = first; i <= end && error == 0; i++)
        error = put_aside(h, h->list.files[i].name);
    int synced = s->disk->ops->sync_dir(s->disk);
    error = error ? error : synced;
    if (error)
        did(h, "it cannot be set aside: %s; it is tried again", strerror(-error));
    return store_status(error);
}

static void
tell(struct heal *h)
{
    const struct scrub_finding *f = h->f;
    char fresh[SEGMENT_NAME_MAX + 32] = "";
    if (h->fresh[0])
        (void)snprintf(fresh, sizeof fresh, "took %s from memory; ", h->fresh); /* fits */
    if (f->unreadable)
        did(h, "%sthe file was left as it is%s", fresh,
            h->fresh[0] ? "" : "; a start does not need it");
    else if (f->kind == STORE_SNAPSHOT)
        did(h, "%sset the snapshot aside", fresh);
    else
        did(h, "%sset aside %" PRIu64 " segments; a rollback reaches back to change %" PRIu64,
            fresh, h->set_aside, f->end_lsn);
}

static int
heal_listed(struct heal *h)
{
    h->file = find_file(&h->list, h->f->name);
    bool is_gone = h->file == SIZE_MAX;
    if (is_gone && (h->f->kind != STORE_WAL || !is_needed(h))) {
        did(h, "the file has gone, and a start does not need it");
        return ATTL_OK;
    }
    int status = is_needed(h) ? replace(h) : ATTL_OK;
    if (status == ATTL_OK && is_gone)
        did(h, "took %s from memory, which has what was in the segment", h->fresh);
    if (status != ATTL_OK || is_gone)
        return status;
    if (!h->f->unreadable)
        status = put_all_aside(h);
    if (status == ATTL_OK)
        tell(h);
    return status;
}

int
scrub_heal(struct store *s, struct scrub_finding *f)
{
    struct heal h = { .store = s, .f = f };
    if (!store_claim(s)) {
        did(&h, "waits for the snapshot or the rollback that is running");
        return ATTL_E_BUSY;
    }
    int error = store_list_init(&h.list, &s->alloc, s->disk);
    int status = error ? store_status(error) : heal_listed(&h);
    if (error)
        did(&h, "the data directory cannot be listed: %s", strerror(-error));
    store_list_fini(&h.list);
    store_release(s);
    f->healed = status == ATTL_OK;
    store_log(s, f->healed ? 2 : 3, f->healed ? "scrub_healed" : "scrub_unhealed", "%s: %s",
              f->name, f->done);
    return status;
}
