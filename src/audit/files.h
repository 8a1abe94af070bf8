/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names in the directory of the trail. Files are called after the number of their first line,
 * so that the order of names is that of lines; beside them lies the head, which says where the
 * trail ends, so that a tail that was cut off is missed. A list owns its memory; the disk is the
 * caller's.
 */
#ifndef ATTL_AUDIT_FILES_H
#define ATTL_AUDIT_FILES_H

#include "audit/digest.h"
#include "os/disk.h"

#define AUDIT_HEAD_NAME "audit-head.json"

enum { AUDIT_NAME_BYTES = 48, AUDIT_FILES_MAX = 65536, AUDIT_HEAD_MAX_BYTES = 512 };

struct audit_file {
    uint64_t first_seq;
    uint64_t bytes;
    int64_t modified_ms;
};

struct audit_files {
    const attl_allocator *alloc;
    struct audit_file *items; /* by first_seq */
    size_t len, cap;
    bool failed; /* no memory, or more than AUDIT_FILES_MAX */
};

void audit_file_name(uint64_t first_seq, char out[AUDIT_NAME_BYTES]);
/* False if `name` is not that of a file of the trail. */
bool audit_file_parse(const char *name, uint64_t *ret_first_seq);
/* 0 or a negative errno; to be freed in any case. */
int audit_files_list(struct audit_files *l, const attl_allocator *alloc, struct disk *disk);
void audit_files_free(struct audit_files *l);

/* When a file was begun, by its first line, Unix us; 0 if that does not say it. */
int64_t audit_file_begun_us(struct disk *disk, struct disk_file *f);

/* Where the trail ends, and in which file. */
struct audit_head {
    uint64_t first_seq;
    struct audit_link last;
    enum audit_alg alg;
};

/* The text of the head; false: no memory. */
bool audit_head_format(const struct audit_head *h, const struct audit_key *key, struct buf *out);
/* False if it is not whole. `*ret_checked`: its digest was looked at and is right; without the key
 * that a keyed one needs it cannot be. */
bool audit_head_parse(attl_slice text, const struct audit_key *key, struct audit_head *ret,
                      bool *ret_checked);
/* Reads the head: 1 if there is one that is whole, 0 if there is none, -EBADMSG if it is damaged,
 * or another negative errno. */
int audit_head_read(struct disk *disk, const struct audit_key *key, struct audit_head *ret);

#endif
