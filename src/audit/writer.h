/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trail as files: appending lines, each with its number and the digest of the one before it,
 * in a file that is changed for another when it is large or old; removing old files; going on where
 * the last process stopped. Nothing here knows of threads: one owner calls everything. A call that
 * fails leaves the chain as it was, so that the same line may be tried again.
 */
#ifndef ATTL_AUDIT_WRITER_H
#define ATTL_AUDIT_WRITER_H

#include "audit/files.h"

struct audit_rules {
    uint64_t rotate_bytes;
    int64_t rotate_ms;   /* 0: never by age */
    uint64_t keep_files; /* closed ones are counted too; 0: any number */
    int64_t keep_ms;     /* 0: for ever */
    bool sync;           /* after each batch */
};

struct audit_writer {
    struct disk *disk;
    const attl_allocator *alloc;
    const struct audit_key *key;
    struct audit_rules rules;
    struct audit_link last;
    struct disk_file *file, *head; /* NULL: not open */
    uint64_t first_seq;            /* of the present file; 0: there is none */
    uint64_t bytes;                /* of it */
    int64_t begun_us;
    struct buf line;
    bool resumed; /* the directory has been looked at */
    bool rotate;  /* the next line begins a new file */
    bool unsettled;
    uint64_t files;    /* there are, the present one included */
    int64_t oldest_us; /* when the oldest of them was begun; 0: not known */
    uint64_t lines, written_bytes, rotations, removed; /* counters */
};

void audit_writer_init(struct audit_writer *w, struct disk *disk, const attl_allocator *alloc,
                       const struct audit_key *key);
void audit_writer_fini(struct audit_writer *w);
/*
 * Appends a line. The first call looks at the directory, and what was found there is told by lines
 * of its own before it. 0, or a negative errno, when nothing has been appended.
 */
int audit_writer_append(struct audit_writer *w, const struct audit_record *r);
/* After some lines: the head, and the sync that the rules want. 0 or a negative errno. */
int audit_writer_settle(struct audit_writer *w);

/* Finds the end of the trail and leaves it so that a line may follow; resume.c. `now_us` is the
 * time of lines that are written about it. */
int audit_writer_resume(struct audit_writer *w, int64_t now_us);
/* Appends without rotation and retention. */
int audit_writer_put(struct audit_writer *w, const struct audit_record *r);
/* Begins a file, whose first line names the one before it. */
int audit_writer_begin_file(struct audit_writer *w, int64_t now_us);
/* Looks how many files there are, and when the oldest was begun. 0 or a negative errno. */
int audit_writer_look(struct audit_writer *w);
/* Lets go of the present file. */
void audit_writer_close_file(struct audit_writer *w);

#endif
