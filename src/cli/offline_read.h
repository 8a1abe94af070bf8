/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a snapshot or the log from end to end, with the progress bar, control-C, and a server
 * that meanwhile writes, and removes old files. What is found goes to callbacks; what is wrong is a
 * result, never a message. A pass owns what it opens.
 */
#ifndef ATTL_CLI_OFFLINE_READ_H
#define ATTL_CLI_OFFLINE_READ_H

#include "cli/offline.h"
#include "persist/snapshot.h"
#include "persist/wal_reader.h"

enum { READ_PROBLEM_MAX = 256 };

/* A snapshot as it was found. */
struct read_snapshot {
    enum snapshot_result result; /* SNAPSHOT_OK: whole, as far as it was read */
    bool gone;                   /* not there (any more) */
    bool stopped;                /* the callback had enough, or control-C */
    struct snapshot_meta meta;   /* with SNAPSHOT_OK; otherwise perhaps zero */
    char problem[READ_PROBLEM_MAX];
};

/* False: enough. */
typedef bool (*read_entry_fn)(void *ud, const struct snapshot_entry *e);

/* Header and trailer only. */
void read_snapshot_head(struct offline *o, const char *name, struct read_snapshot *ret);
/* Every block; `fn` may be NULL. */
void read_snapshot_all(struct offline *o, const char *name, read_entry_fn fn, void *ud,
                       struct read_snapshot *ret);
/* The exit status for it. */
int read_snapshot_code(const struct read_snapshot *s);

struct read_place {
    const char *segment;
    uint64_t offset;
};

/* One way through the log. */
struct read_log {
    uint64_t from_lsn;
    /* False: enough. NULL: only count. */
    bool (*frame)(void *ud, const struct wal_frame *f, const struct read_place *place);
    /* Called at every end; true: go on behind it, if there is something. NULL: do not. */
    bool (*end)(void *ud, const struct wal_verdict *v);
    void *ud;
    /* Found: */
    bool stopped;                 /* by `frame` */
    struct wal_verdict verdict;   /* of the last end, if not stopped */
    uint64_t first_lsn, last_lsn; /* 0: no frame */
    uint64_t frames;
    uint64_t changes; /* what replaying it would do: without marks and notes, groups counted out */
    uint64_t kinds[WAL_NOTE + 1];
};

/* 0, or a negative errno: -EINTR after control-C, or what opening said. A failure to read frames is
 * a verdict. */
int read_log_run(struct offline *o, struct read_log *l);

#endif
