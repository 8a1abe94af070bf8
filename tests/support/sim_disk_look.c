/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests do to the simulated disk behind the back of the code under test: arrange what goes
 * wrong, look at files, change them, copy the whole disk.
 */
#include "sim_disk_state.h"

#include <string.h>

void
sim_disk_crash_after(struct sim_disk *s, uint64_t n)
{
    pthread_mutex_lock(&s->mutex);
    s->changes_left = n;
    pthread_mutex_unlock(&s->mutex);
}

bool
sim_disk_is_dead(struct sim_disk *s)
{
    pthread_mutex_lock(&s->mutex);
    bool dead = s->dead;
    pthread_mutex_unlock(&s->mutex);
    return dead;
}

void
sim_disk_fail(struct sim_disk *s, unsigned ops, uint64_t nth, int error, enum sim_span span)
{
    CHECK(error < 0 || nth == 0, "%d is no negative errno", error);
    pthread_mutex_lock(&s->mutex);
    s->fault_ops = ops;
    s->fault_left = nth;
    s->fault_error = error;
    s->fault_span = span;
    s->failures = 0;
    pthread_mutex_unlock(&s->mutex);
}

uint64_t
sim_disk_failures(struct sim_disk *s)
{
    pthread_mutex_lock(&s->mutex);
    uint64_t failures = s->failures;
    pthread_mutex_unlock(&s->mutex);
    return failures;
}

void
sim_disk_set_capacity(struct sim_disk *s, uint64_t bytes)
{
    pthread_mutex_lock(&s->mutex);
    s->capacity_bytes = bytes;
    pthread_mutex_unlock(&s->mutex);
}

uint64_t
sim_disk_calls(struct sim_disk *s, unsigned ops)
{
    uint64_t sum = 0;
    pthread_mutex_lock(&s->mutex);
    for (unsigned i = 0; i < SIM_OPS; i++) {
        sum += ops >> i & 1 ? s->calls[i] : 0;
    }
    pthread_mutex_unlock(&s->mutex);
    return sum;
}

void
sim_disk_set_hook(struct sim_disk *s, sim_hook_fn hook, void *ud)
{
    pthread_mutex_lock(&s->mutex);
    s->hook = hook;
    s->hook_ud = ud;
    pthread_mutex_unlock(&s->mutex);
}

void
sim_disk_set_time(struct sim_disk *s, int64_t now_ms)
{
    pthread_mutex_lock(&s->mutex);
    s->now_ms = now_ms;
    pthread_mutex_unlock(&s->mutex);
}

bool
sim_disk_has(struct sim_disk *s, const char *name)
{
    pthread_mutex_lock(&s->mutex);
    bool has = sim_name_find(&s->live, name) != NULL;
    pthread_mutex_unlock(&s->mutex);
    return has;
}

void *
sim_disk_get(struct sim_disk *s, const char *name, size_t *ret_len)
{
    pthread_mutex_lock(&s->mutex);
    const struct sim_file *f = sim_name_find(&s->live, name);
    char *copy = NULL;
    if (f != NULL) {
        copy = malloc((size_t)f->live_bytes + 1);
        CHECK(copy != NULL, "no memory for %s", name);
        sim_pages_read(&f->live, copy, (size_t)f->live_bytes, 0);
        copy[f->live_bytes] = '\0';
        *ret_len = (size_t)f->live_bytes;
    }
    pthread_mutex_unlock(&s->mutex);
    return copy;
}

/* What else is not durable about other names stays so; what this name has to do with it is over. */
static void
name_set_durably(struct sim_disk *s, const char *name, struct sim_file *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->moves_len; i++) {
        if (strcmp(s->moves[i].from, name) != 0 && strcmp(s->moves[i].to, name) != 0) {
            s->moves[kept++] = s->moves[i];
        }
    }
    s->moves_len = kept;
    sim_name_set(&s->live, name, f);
    sim_name_set(&s->durable, name, f);
}

void
sim_disk_put(struct sim_disk *s, const char *name, const void *data, size_t len)
{
    CHECK(disk_name_valid(name), "'%s' is no name", name);
    pthread_mutex_lock(&s->mutex);
    struct sim_file *f = sim_file_new(s);
    sim_file_write(s, f, data, len, 0);
    sim_file_sync(f);
    name_set_durably(s, name, f);
    sim_files_sweep(s);
    pthread_mutex_unlock(&s->mutex);
}

void
sim_disk_drop(struct sim_disk *s, const char *name)
{
    pthread_mutex_lock(&s->mutex);
    name_set_durably(s, name, NULL);
    sim_files_sweep(s);
    pthread_mutex_unlock(&s->mutex);
}

static void
flip(struct sim_pages *p, uint64_t offset, uint8_t mask)
{
    uint8_t byte;
    sim_pages_read(p, &byte, 1, offset);
    byte ^= mask;
    sim_pages_write(p, &byte, 1, offset);
}

void
sim_disk_flip(struct sim_disk *s, const char *name, uint64_t offset, uint8_t mask)
{
    pthread_mutex_lock(&s->mutex);
    struct sim_file *f = sim_name_find(&s->live, name);
    CHECK(f != NULL && offset < f->live_bytes, "%s has no byte %" PRIu64, name, offset);
    flip(&f->live, offset, mask);
    if (offset < f->durable_bytes) {
        flip(&f->durable, offset, mask);
    }
    for (size_t i = 0; i < f->changes_len; i++) {
        const struct sim_change *c = &f->changes[i];
        if (!c->is_size && offset >= c->offset && offset - c->offset < c->len) {
            f->bytes[c->at + (offset - c->offset)] ^= mask;
        }
    }
    pthread_mutex_unlock(&s->mutex);
}

bool
sim_disk_is_durable(struct sim_disk *s)
{
    pthread_mutex_lock(&s->mutex);
    bool durable = s->moves_len == 0;
    for (size_t i = 0; i < s->live.len; i++) {
        durable = durable && s->live.list[i].file->changes_len == 0;
    }
    pthread_mutex_unlock(&s->mutex);
    return durable;
}

static struct sim_file *
file_copy(const struct sim_file *f)
{
    struct sim_file *copy = malloc(sizeof *copy);
    CHECK(copy != NULL, "no memory for a file");
    *copy = *f;
    copy->live = copy->durable = (struct sim_pages){ NULL, 0 };
    copy->changes = NULL;
    copy->bytes = NULL;
    copy->changes_cap = copy->bytes_cap = 0;
    copy->open = 0;
    sim_pages_copy(&copy->live, &f->live);
    sim_pages_copy(&copy->durable, &f->durable);
    if (f->changes_len > 0) {
        copy->changes = sim_grow(NULL, &copy->changes_cap, f->changes_len, sizeof *copy->changes);
        memcpy(copy->changes, f->changes, f->changes_len * sizeof *copy->changes);
    }
    if (f->bytes_len > 0) {
        copy->bytes = sim_grow(NULL, &copy->bytes_cap, f->bytes_len, 1);
        memcpy(copy->bytes, f->bytes, f->bytes_len);
    }
    return copy;
}

static void
names_clone(struct sim_names *to, const struct sim_names *from)
{
    sim_names_copy(to, from);
    for (size_t i = 0; i < to->len; i++) {
        to->list[i].file = to->list[i].file->copy;
    }
}

struct sim_disk *
sim_disk_clone(struct sim_disk *s, uint64_t seed)
{
    struct sim_disk *c = sim_disk_new(seed);
    struct sim_file **link = &c->files;
    pthread_mutex_lock(&s->mutex);
    for (struct sim_file *f = s->files; f != NULL; f = f->next) {
        f->copy = *link = file_copy(f);
        link = &f->copy->next;
    }
    *link = NULL;
    names_clone(&c->live, &s->live);
    names_clone(&c->durable, &s->durable);
    for (size_t i = 0; i < s->moves_len; i++) {
        sim_move_note(c, s->moves[i].from, s->moves[i].to, s->moves[i].file->copy);
    }
    c->used_bytes = s->used_bytes;
    c->capacity_bytes = s->capacity_bytes;
    c->now_ms = s->now_ms;
    pthread_mutex_unlock(&s->mutex);
    return c;
}
