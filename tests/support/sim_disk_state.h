/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What sim_disk.c (the table of functions), sim_disk_file.c (contents and names) and
 * sim_disk_crash.c (faults and crashes) share. Everything here is called with the mutex held.
 */
#ifndef ATTL_TESTS_SIM_DISK_STATE_H
#define ATTL_TESTS_SIM_DISK_STATE_H

#include "sim_disk.h"

#include "check.h"
#include "rng.h"
#include "sim_pages.h"

#include <pthread.h>

enum { SIM_SECTOR_BYTES = 512, SIM_OPS = 14 };
#define SIM_FILE_MAX_BYTES (UINT64_C(1) << 30)

/* A change of a file that is not durable yet. */
struct sim_change {
    bool is_size;    /* the file gets the length `offset`; otherwise a write */
    uint64_t offset; /* of a write */
    size_t len;
    size_t at; /* of its bytes in `bytes` of the file */
};

struct sim_file {
    struct sim_file *next;
    struct sim_pages live, durable;
    uint64_t live_bytes, durable_bytes;
    int64_t modified_ms;
    struct sim_change *changes;
    size_t changes_len, changes_cap;
    uint8_t *bytes;
    size_t bytes_len, bytes_cap;
    unsigned open;         /* handles, stale ones not counted */
    bool reached;          /* scratch of the search for files without names */
    struct sim_file *copy; /* scratch of cloning */
};

struct sim_name {
    char name[DISK_NAME_MAX + 1];
    struct sim_file *file;
};

struct sim_names {
    struct sim_name *list;
    size_t len, cap;
};

/* A change of the directory that is not durable yet: `file` left `from` ("": was new) and went to
 * `to` ("": removed). */
struct sim_move {
    char from[DISK_NAME_MAX + 1];
    char to[DISK_NAME_MAX + 1];
    struct sim_file *file;
};

struct sim_disk {
    struct disk disk; /* first */
    pthread_mutex_t mutex;
    struct rng rng;
    struct sim_file *files; /* all that have a name, a durable name or a handle */
    struct sim_names live, durable;
    struct sim_move *moves;
    size_t moves_len, moves_cap;
    uint64_t generation; /* of handles; a crash begins the next */
    uint64_t used_bytes, capacity_bytes;
    uint64_t calls[SIM_OPS];
    uint64_t changes_left; /* until the power goes */
    bool dead;
    unsigned fault_ops;
    uint64_t fault_left; /* calls until it; 0: none */
    int fault_error;
    enum sim_span fault_span;
    uint64_t failures;
    sim_hook_fn hook;
    void *hook_ud;
    int64_t now_ms;
};

/* `want` elements of `size` bytes in the list. */
void *sim_grow(void *list, size_t *cap, size_t want, size_t size);

struct sim_file *sim_name_find(const struct sim_names *n, const char *name);
/* NULL removes the name. */
void sim_name_set(struct sim_names *n, const char *name, struct sim_file *file);
void sim_names_copy(struct sim_names *to, const struct sim_names *from);

struct sim_file *sim_file_new(struct sim_disk *s);
/* Frees files that nothing leads to any more. */
void sim_files_sweep(struct sim_disk *s);
/* Writes for readers, and notes the change. There is room. */
void sim_file_write(struct sim_disk *s, struct sim_file *f, const void *data, size_t len,
                    uint64_t offset);
void sim_file_resize(struct sim_disk *s, struct sim_file *f, uint64_t bytes);
void sim_file_sync(struct sim_file *f);
void sim_file_forget_changes(struct sim_file *f);
/* Makes a part of the changes durable, as a crash or a failed sync might; none are left. */
void sim_file_settle(struct sim_file *f, struct rng *r, unsigned flags);
void sim_move_note(struct sim_disk *s, const char *from, const char *to, struct sim_file *file);
void sim_dir_sync(struct sim_disk *s);

#endif
