/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contents and names of the simulated disk. A write goes to what readers see and is noted with a
 * copy of its bytes; a sync replays the notes on what is durable. Both cost what is written, never
 * what the file has.
 */
#include "sim_disk_state.h"

#include <string.h>

void *
sim_grow(void *list, size_t *cap, size_t want, size_t size)
{
    if (want <= *cap) {
        return list;
    }
    size_t bigger = want > 2 * *cap ? want : 2 * *cap;
    bigger = bigger < 4 ? 4 : bigger;
    list = realloc(list, bigger * size);
    CHECK(list != NULL, "no memory for %zu x %zu bytes", bigger, size);
    *cap = bigger;
    return list;
}

struct sim_file *
sim_name_find(const struct sim_names *n, const char *name)
{
    for (size_t i = 0; i < n->len; i++) {
        if (strcmp(n->list[i].name, name) == 0) {
            return n->list[i].file;
        }
    }
    return NULL;
}

void
sim_name_set(struct sim_names *n, const char *name, struct sim_file *file)
{
    size_t i = 0;
    while (i < n->len && strcmp(n->list[i].name, name) != 0) {
        i++;
    }
    if (file == NULL) {
        if (i < n->len) {
            n->list[i] = n->list[--n->len];
        }
        return;
    }
    if (i == n->len) {
        n->list = sim_grow(n->list, &n->cap, n->len + 1, sizeof *n->list);
        memcpy(n->list[i].name, name, strlen(name) + 1);
        n->len++;
    }
    n->list[i].file = file;
}

void
sim_names_copy(struct sim_names *to, const struct sim_names *from)
{
    to->list = sim_grow(to->list, &to->cap, from->len, sizeof *to->list);
    if (from->len > 0) {
        memcpy(to->list, from->list, from->len * sizeof *to->list);
    }
    to->len = from->len;
}

struct sim_file *
sim_file_new(struct sim_disk *s)
{
    struct sim_file *f = calloc(1, sizeof *f);
    CHECK(f != NULL, "no memory for a file");
    f->modified_ms = s->now_ms;
    f->next = s->files;
    s->files = f;
    return f;
}

static void
file_free(struct sim_disk *s, struct sim_file *f)
{
    s->used_bytes -= f->live_bytes;
    sim_pages_fini(&f->live);
    sim_pages_fini(&f->durable);
    free(f->changes);
    free(f->bytes);
    free(f);
}

static void
mark(const struct sim_names *n)
{
    for (size_t i = 0; i < n->len; i++) {
        n->list[i].file->reached = true;
    }
}

void
sim_files_sweep(struct sim_disk *s)
{
    for (struct sim_file *f = s->files; f != NULL; f = f->next) {
        f->reached = f->open > 0;
    }
    mark(&s->live);
    mark(&s->durable);
    for (size_t i = 0; i < s->moves_len; i++) {
        s->moves[i].file->reached = true;
    }
    for (struct sim_file **link = &s->files; *link != NULL;) {
        struct sim_file *f = *link;
        if (f->reached) {
            link = &f->next;
            continue;
        }
        *link = f->next;
        file_free(s, f);
    }
}

static struct sim_change *
change_note(struct sim_file *f)
{
    f->changes = sim_grow(f->changes, &f->changes_cap, f->changes_len + 1, sizeof *f->changes);
    return &f->changes[f->changes_len++];
}

void
sim_file_write(struct sim_disk *s, struct sim_file *f, const void *data, size_t len,
               uint64_t offset)
{
    if (len == 0) {
        return;
    }
    f->bytes = sim_grow(f->bytes, &f->bytes_cap, f->bytes_len + len, 1);
    memcpy(f->bytes + f->bytes_len, data, len);
    *change_note(f) = (struct sim_change){ .offset = offset, .len = len, .at = f->bytes_len };
    f->bytes_len += len;
    sim_pages_write(&f->live, data, len, offset);
    if (offset + len > f->live_bytes) {
        s->used_bytes += offset + len - f->live_bytes;
        f->live_bytes = offset + len;
    }
    f->modified_ms = s->now_ms;
}

void
sim_file_resize(struct sim_disk *s, struct sim_file *f, uint64_t bytes)
{
    *change_note(f) = (struct sim_change){ .is_size = true, .offset = bytes };
    if (bytes < f->live_bytes) {
        sim_pages_cut(&f->live, bytes);
    }
    s->used_bytes += bytes - f->live_bytes; /* modulo 2^64, also downwards */
    f->live_bytes = bytes;
    f->modified_ms = s->now_ms;
}

void
sim_file_forget_changes(struct sim_file *f)
{
    f->changes_len = 0;
    f->bytes_len = 0;
}

void
sim_file_sync(struct sim_file *f)
{
    for (size_t i = 0; i < f->changes_len; i++) {
        const struct sim_change *c = &f->changes[i];
        if (c->is_size) {
            if (c->offset < f->durable_bytes) {
                sim_pages_cut(&f->durable, c->offset);
            }
            f->durable_bytes = c->offset;
            continue;
        }
        sim_pages_write(&f->durable, f->bytes + c->at, c->len, c->offset);
        if (c->offset + c->len > f->durable_bytes) {
            f->durable_bytes = c->offset + c->len;
        }
    }
    sim_file_forget_changes(f);
}

void
sim_move_note(struct sim_disk *s, const char *from, const char *to, struct sim_file *file)
{
    s->moves = sim_grow(s->moves, &s->moves_cap, s->moves_len + 1, sizeof *s->moves);
    struct sim_move *m = &s->moves[s->moves_len++];
    memcpy(m->from, from, strlen(from) + 1);
    memcpy(m->to, to, strlen(to) + 1);
    m->file = file;
}

void
sim_dir_sync(struct sim_disk *s)
{
    sim_names_copy(&s->durable, &s->live);
    s->moves_len = 0;
    sim_files_sweep(s);
}
