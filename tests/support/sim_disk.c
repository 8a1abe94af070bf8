/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of functions of the simulated disk. Each call is counted, then may meet the end of the
 * power or a fault, and only then does what it is for; begin() takes the mutex for all of them.
 */
#include "sim_disk_state.h"

#include <errno.h>
#include <string.h>

struct disk_file {
    struct sim_file *file; /* not to be touched if the handle is stale */
    uint64_t generation;
    bool may_write;
    char name[DISK_NAME_MAX + 1]; /* that it was opened by */
};

static struct sim_disk *
sim_of(struct disk *d)
{
    return (struct sim_disk *)d; /* its first member */
}

/* Locks, and says what the call must fail with. If that is not 0 and the power is still on, it is
 * an injected fault. */
static int
begin(struct sim_disk *s, enum sim_op op, const char *name)
{
    pthread_mutex_lock(&s->mutex);
    sim_hook_fn hook = s->hook;
    void *ud = s->hook_ud;
    if (hook != NULL) {
        pthread_mutex_unlock(&s->mutex);
        hook(ud, op, name);
        pthread_mutex_lock(&s->mutex);
    }
    s->calls[__builtin_ctz(op)]++;
    if (!s->dead && (op & SIM_MUTATING) != 0 && s->changes_left != UINT64_MAX) {
        s->dead = s->changes_left == 0;
        s->changes_left -= !s->dead;
    }
    if (s->dead) {
        return -EIO;
    }
    if (s->fault_left == 0 || (op & s->fault_ops) == 0 || --s->fault_left > 0) {
        return 0;
    }
    s->failures++;
    s->fault_left = s->fault_span == SIM_FOREVER ? 1 : 0;
    return s->fault_error;
}

static int
end(struct sim_disk *s, int rc)
{
    pthread_mutex_unlock(&s->mutex);
    return rc;
}

static bool
is_stale(const struct sim_disk *s, const struct disk_file *h)
{
    return h->generation != s->generation;
}

static int
sim_open_file(struct disk *d, const char *name, enum disk_mode mode, struct disk_file **ret_file)
{
    struct sim_disk *s = sim_of(d);
    int rc = begin(s, mode == DISK_CREATE ? SIM_CREATE : SIM_OPEN, name);
    if (rc == 0 && !disk_name_valid(name)) {
        rc = -EINVAL;
    }
    struct sim_file *f = rc == 0 ? sim_name_find(&s->live, name) : NULL;
    if (rc == 0 && (f != NULL) == (mode == DISK_CREATE)) {
        rc = f != NULL ? -EEXIST : -ENOENT;
    }
    if (rc != 0) {
        return end(s, rc);
    }
    if (f == NULL) {
        f = sim_file_new(s);
        sim_name_set(&s->live, name, f);
        sim_move_note(s, "", name, f);
    }
    struct disk_file *h = calloc(1, sizeof *h);
    CHECK(h != NULL, "no memory for a handle");
    h->file = f;
    h->generation = s->generation;
    h->may_write = mode != DISK_READ;
    memcpy(h->name, name, strlen(name) + 1);
    f->open++;
    *ret_file = h;
    return end(s, 0);
}

/* What a close reports changes nothing about the handle: it is gone. */
static int
sim_close_file(struct disk *d, struct disk_file *h)
{
    struct sim_disk *s = sim_of(d);
    int rc = begin(s, SIM_CLOSE, h->name);
    if (!is_stale(s, h)) {
        CHECK(h->file->open > 0, "%s was closed twice", h->name);
        h->file->open--;
        if (h->file->open == 0) {
            sim_files_sweep(s);
        }
    } else if (rc == 0) {
        rc = -EIO;
    }
    free(h);
    return end(s, rc);
}

static int64_t
sim_read(struct disk *d, struct disk_file *h, void *buf, size_t len, uint64_t offset)
{
    struct sim_disk *s = sim_of(d);
    int rc = begin(s, SIM_READ, h->name);
    if (rc != 0 || is_stale(s, h)) {
        return end(s, rc != 0 ? rc : -EIO);
    }
    uint64_t bytes = h->file->live_bytes;
    uint64_t left = offset < bytes ? bytes - offset : 0;
    len = len < left ? len : (size_t)left;
    sim_pages_read(&h->file->live, buf, len, offset);
    end(s, 0);
    return (int64_t)len;
}

/* 0, or why the file cannot be changed up to `last`. */
static int
may_change(const struct sim_disk *s, const struct disk_file *h, uint64_t last)
{
    if (is_stale(s, h)) {
        return -EIO;
    }
    if (!h->may_write) {
        return -EBADF;
    }
    return last > SIM_FILE_MAX_BYTES ? -EFBIG : 0;
}

/* How long the file may become. */
static uint64_t
room(const struct sim_disk *s, const struct sim_file *f)
{
    uint64_t left = s->capacity_bytes > s->used_bytes ? s->capacity_bytes - s->used_bytes : 0;
    return left < UINT64_MAX - f->live_bytes ? f->live_bytes + left : UINT64_MAX;
}

/* As far as there is space. */
static int
write_within_room(struct sim_disk *s, struct sim_file *f, const void *buf, size_t len,
                  uint64_t offset)
{
    uint64_t most = room(s, f);
    if (offset + len <= most) {
        sim_file_write(s, f, buf, len, offset);
        return 0;
    }
    if (offset < most) {
        sim_file_write(s, f, buf, (size_t)(most - offset), offset);
    }
    return -ENOSPC;
}

/* What a failed write may have done: nothing, a first part, or any of its sectors. */
static void
write_some(struct sim_disk *s, struct sim_file *f, const uint8_t *buf, size_t len, uint64_t offset)
{
    uint64_t way = rng_below(&s->rng, 3);
    if (way == 0) {
        return;
    }
    if (way == 1) {
        (void)write_within_room(s, f, buf, (size_t)rng_below(&s->rng, len + 1), offset);
        return;
    }
    for (size_t done = 0; done < len;) {
        size_t piece = (size_t)(SIM_SECTOR_BYTES - (offset + done) % SIM_SECTOR_BYTES);
        piece = piece < len - done ? piece : len - done;
        if (rng_below(&s->rng, 2) == 0) {
            (void)write_within_room(s, f, buf + done, piece, offset + done);
        }
        done += piece;
    }
}

static int
sim_write(struct disk *d, struct disk_file *h, const void *buf, size_t len, uint64_t offset)
{
    struct sim_disk *s = sim_of(d);
    int fault = begin(s, SIM_WRITE, h->name);
    int rc = offset > SIM_FILE_MAX_BYTES || len > SIM_FILE_MAX_BYTES
                 ? -EFBIG
                 : may_change(s, h, offset + len);
    if (rc == 0 && fault == 0) {
        rc = write_within_room(s, h->file, buf, len, offset);
    } else if (rc == 0 && !s->dead) {
        write_some(s, h->file, buf, len, offset);
    }
    return end(s, fault != 0 ? fault : rc);
}

static int
sim_sync(struct disk *d, struct disk_file *h)
{
    struct sim_disk *s = sim_of(d);
    int rc = begin(s, SIM_SYNC, h->name);
    if (is_stale(s, h)) {
        return end(s, -EIO);
    }
    if (rc == 0) {
        sim_file_sync(h->file);
    } else if (!s->dead && rng_below(&s->rng, 2) == 0) {
        sim_file_settle(h->file, &s->rng, 0);
    } else if (!s->dead) {
        sim_file_forget_changes(h->file);
    }
    return end(s, rc);
}

static int
sim_resize(struct disk *d, struct disk_file *h, uint64_t bytes, enum sim_op op)
{
    struct sim_disk *s = sim_of(d);
    int fault = begin(s, op, h->name);
    int rc = may_change(s, h, bytes);
    if (rc != 0 || s->dead) {
        return end(s, fault != 0 ? fault : rc);
    }
    uint64_t most = room(s, h->file);
    rc = fault != 0 ? fault : bytes > most ? -ENOSPC : 0;
    if (rc == 0) {
        sim_file_resize(s, h->file, bytes);
    } else if (op == SIM_ALLOCATE && bytes > h->file->live_bytes) {
        uint64_t reached = bytes < most ? bytes : most;
        sim_file_resize(s, h->file, rng_range(&s->rng, h->file->live_bytes, reached));
    }
    return end(s, rc);
}

/* Holes read as zeros and cost nothing, so that there is nothing left to do for `zero`. */
static int
sim_allocate(struct disk *d, struct disk_file *h, uint64_t bytes, bool zero)
{
    (void)zero;
    return sim_resize(d, h, bytes, SIM_ALLOCATE);
}

static int
sim_truncate(struct disk *d, struct disk_file *h, uint64_t bytes)
{
    return sim_resize(d, h, bytes, SIM_TRUNCATE);
}

static int64_t
sim_size(struct disk *d, struct disk_file *h)
{
    struct sim_disk *s = sim_of(d);
    int rc = begin(s, SIM_SIZE, h->name);
    if (rc != 0 || is_stale(s, h)) {
        return end(s, rc != 0 ? rc : -EIO);
    }
    int64_t bytes = (int64_t)h->file->live_bytes;
    end(s, 0);
    return bytes;
}

static int
sim_rename(struct disk *d, const char *from, const char *to)
{
    struct sim_disk *s = sim_of(d);
    int rc = begin(s, SIM_RENAME, from);
    if (rc == 0 && (!disk_name_valid(from) || !disk_name_valid(to))) {
        rc = -EINVAL;
    }
    struct sim_file *f = rc == 0 ? sim_name_find(&s->live, from) : NULL;
    if (rc == 0 && f == NULL) {
        rc = -ENOENT;
    }
    if (rc == 0 && strcmp(from, to) != 0) {
        sim_name_set(&s->live, from, NULL);
        sim_name_set(&s->live, to, f);
        sim_move_note(s, from, to, f);
    }
    return end(s, rc);
}

static int
sim_remove(struct disk *d, const char *name)
{
    struct sim_disk *s = sim_of(d);
    int rc = begin(s, SIM_REMOVE, name);
    if (rc == 0 && !disk_name_valid(name)) {
        rc = -EINVAL;
    }
    struct sim_file *f = rc == 0 ? sim_name_find(&s->live, name) : NULL;
    if (rc == 0 && f == NULL) {
        rc = -ENOENT;
    }
    if (rc == 0) {
        sim_name_set(&s->live, name, NULL);
        sim_move_note(s, name, "", f);
    }
    return end(s, rc);
}

static int
sim_sync_dir(struct disk *d)
{
    struct sim_disk *s = sim_of(d);
    int rc = begin(s, SIM_SYNC_DIR, "");
    if (rc == 0) {
        sim_dir_sync(s);
    }
    return end(s, rc);
}

struct listed {
    char name[DISK_NAME_MAX + 1];
    uint64_t bytes;
    int64_t modified_ms;
};

/* Begins anywhere, because a directory has no order that anybody may rely on. */
static int
sim_list(struct disk *d, disk_name_fn fn, void *ud)
{
    struct sim_disk *s = sim_of(d);
    int rc = begin(s, SIM_LIST, "");
    size_t count = s->live.len;
    if (rc != 0 || count == 0) {
        return end(s, rc);
    }
    struct listed *list = calloc(count, sizeof *list);
    CHECK(list != NULL, "no memory for %zu names", count);
    size_t start = (size_t)rng_below(&s->rng, count);
    for (size_t i = 0; i < count; i++) {
        const struct sim_name *n = &s->live.list[(start + i) % count];
        memcpy(list[i].name, n->name, sizeof n->name);
        list[i].bytes = n->file->live_bytes;
        list[i].modified_ms = n->file->modified_ms;
    }
    end(s, 0);
    for (size_t i = 0; i < count; i++) {
        fn(ud, list[i].name, list[i].bytes, list[i].modified_ms);
    }
    free(list);
    return 0;
}

static int
sim_free_bytes(struct disk *d, uint64_t *ret_bytes)
{
    struct sim_disk *s = sim_of(d);
    int rc = begin(s, SIM_FREE_BYTES, "");
    if (rc == 0) {
        *ret_bytes = s->capacity_bytes > s->used_bytes ? s->capacity_bytes - s->used_bytes : 0;
    }
    return end(s, rc);
}

static int
sim_total_bytes(struct disk *d, uint64_t *ret_bytes)
{
    struct sim_disk *s = sim_of(d);
    int rc = begin(s, SIM_FREE_BYTES, "");
    if (rc == 0)
        *ret_bytes = s->capacity_bytes;
    return end(s, rc);
}

struct disk *
sim_disk_table(struct sim_disk *s)
{
    return &s->disk;
}

struct sim_disk *
sim_disk_new(uint64_t seed)
{
    static const struct disk_ops ops = {
        .open = sim_open_file,
        .close = sim_close_file,
        .read = sim_read,
        .write = sim_write,
        .sync = sim_sync,
        .allocate = sim_allocate,
        .truncate = sim_truncate,
        .size = sim_size,
        .rename = sim_rename,
        .remove = sim_remove,
        .sync_dir = sim_sync_dir,
        .list = sim_list,
        .free_bytes = sim_free_bytes,
        .total_bytes = sim_total_bytes,
    };
    struct sim_disk *s = calloc(1, sizeof *s);
    CHECK(s != NULL, "no memory for a disk");
    s->disk.ops = &ops;
    pthread_mutex_init(&s->mutex, NULL);
    s->rng = rng_from_seed(rng_mix(~seed));
    s->capacity_bytes = UINT64_MAX;
    s->changes_left = UINT64_MAX;
    return s;
}

void
sim_disk_free(struct sim_disk **s)
{
    if (*s == NULL) {
        return;
    }
    for (struct sim_file *f = (*s)->files; f != NULL; f = f->next) {
        f->open = 0; /* a handle left open is a leak, and for the sanitizer to report */
    }
    (*s)->live.len = (*s)->durable.len = 0;
    (*s)->moves_len = 0;
    sim_files_sweep(*s);
    free((*s)->live.list);
    free((*s)->durable.list);
    free((*s)->moves);
    pthread_mutex_destroy(&(*s)->mutex);
    free(*s);
    *s = NULL;
}
