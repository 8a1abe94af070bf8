/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of one data directory, as a handful of operations by name. Everything persistent goes
 * through this table of functions, so that the tests can put a disk in its place that forgets,
 * reorders and tears what was not synced, and that fails at the n-th call. Names are single
 * components, files are private to the owner (0600), symbolic links are never followed, and an
 * interrupted call is repeated. Every function returns 0 (or a count) or a negative errno value,
 * and may be called from any thread; one file belongs to one thread at a time.
 */
#ifndef ATTL_OS_DISK_H
#define ATTL_OS_DISK_H

#include "base/alloc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk;
struct disk_file;

enum disk_mode {
    DISK_READ,  /* an existing regular file, to be read              */
    DISK_WRITE, /* an existing regular file, to be read and changed  */
    DISK_CREATE /* a new file; -EEXIST if the name is taken          */
};

typedef void (*disk_name_fn)(void *ud, const char *name, uint64_t bytes, int64_t modified_ms);

struct disk_ops {
    int (*open)(struct disk *d, const char *name, enum disk_mode mode, struct disk_file **ret_file);
    int (*close)(struct disk *d, struct disk_file *f);
    /* Reads up to `len` bytes at `offset`; fewer only at the end of the file. The count. */
    int64_t (*read)(struct disk *d, struct disk_file *f, void *buf, size_t len, uint64_t offset);
    /* Writes all of it, or fails; after a failure any part of it may have been written. */
    int (*write)(struct disk *d, struct disk_file *f, const void *buf, size_t len, uint64_t offset);
    /* What was written to the file before survives a power loss once this has returned 0. */
    int (*sync)(struct disk *d, struct disk_file *f);
    /* Makes the file `bytes` long, its blocks reserved, so that writing inside cannot run out of
     * space; `zero` also writes zeros, so that a later sync has no metadata to write. What the file
     * had before stays (up to `bytes`); after a failure it may have any length up to `bytes`. */
    int (*allocate)(struct disk *d, struct disk_file *f, uint64_t bytes, bool zero);
    int (*truncate)(struct disk *d, struct disk_file *f, uint64_t bytes);
    int64_t (*size)(struct disk *d, struct disk_file *f);
    int (*rename)(struct disk *d, const char *from, const char *to); /* replaces `to` */
    int (*remove)(struct disk *d, const char *name);
    /* Renames, removals and creations before it survive a power loss. */
    int (*sync_dir)(struct disk *d);
    /* Calls `fn` for every regular file but the lock file. `fn` may use the disk. */
    int (*list)(struct disk *d, disk_name_fn fn, void *ud);
    int (*free_bytes)(struct disk *d, uint64_t *ret_bytes);
    /* The size of the file system. */
    int (*total_bytes)(struct disk *d, uint64_t *ret_bytes);
};

struct disk {
    const struct disk_ops *ops;
    /* What the implementation needs follows in a larger struct. */
};

/*
 * A real directory. A file grown past RLIMIT_FSIZE is -EFBIG only where SIGXFSZ is ignored, as
 * attld does (signals_prepare): a library sets no signal's disposition, so that an embedding
 * program that limits the size of its files does the same, or the signal ends it.
 */
struct os_disk {
    struct disk disk;
    attl_allocator alloc;
    int dir_fd;
    int lock_fd; /* -1: not locked */
};

/*
 * Opens directory `path`. `lock`: creates it (0700) if it is missing, refuses one that others may
 * write to or that belongs to somebody else, and takes the lock file "attl.lock", which a second
 * process is refused. Without `lock` it is only looked at, also while a server has it: whatever
 * would change something is -EROFS. 0 or a negative errno (-EBUSY: locked by another); on failure
 * `err` says in a sentence what was wrong and what to do.
 */
int os_disk_open(struct os_disk *d, const attl_allocator *alloc, const char *path, bool lock,
                 char *err, size_t err_len);
void os_disk_close(struct os_disk *d);

enum { DISK_NAME_MAX = 200 }; /* bytes of a name, without its NUL; every file system takes them */

/* ---- conveniences over the table ---- */

/* Reads exactly `len` bytes: 0, -ENODATA at the end of the file, or another negative errno. */
int disk_read_exact(struct disk *d, struct disk_file *f, void *buf, size_t len, uint64_t offset);
/* True for a name that is one component: not empty, no '/', no NUL, not "." or "..", short. */
bool disk_name_valid(const char *name);

#endif
