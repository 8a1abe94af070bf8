/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Getting hold of a data directory, and refusing one that is not safe: the half of os_disk_open()
 * that talks to people. Both functions return a descriptor, which belongs to the caller, or a
 * negative errno with a sentence in `err` that says what is wrong and what to do. Nothing here
 * is shared, so nothing is locked but the directory itself.
 */
#ifndef ATTL_OS_DISK_DIR_H
#define ATTL_OS_DISK_DIR_H

#include <stdbool.h>
#include <stddef.h>

/* Held by whoever may write; it stays when he has gone, with his process number in it. */
#define DISK_LOCK_NAME "attl.lock"

/* The directory; `own`: created if it is missing, and refused unless it is ours alone to write. */
int disk_dir_take(const char *path, bool own, char *err, size_t err_len);
/* Creates it if it is missing, as its owner's alone. 0, or a negative errno with a sentence. */
int disk_dir_make(const char *path, char *err, size_t err_len);
/* The lock, or -EBUSY if another process has it. `path` is for the sentence. */
int disk_dir_lock(int dir_fd, const char *path, char *err, size_t err_len);

#endif
