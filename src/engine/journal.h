/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From changes of entries to frames of the log. What an entry_... call did is read from the entry
 * while its partition is still locked, so order and contents cannot differ from the cache's. The
 * log's times are the wall clock's: the cache's own clock does not survive the process. Without a
 * data directory, or with persist.fsync = off, everything here does nothing.
 */
#ifndef ATTL_ENGINE_JOURNAL_H
#define ATTL_ENGINE_JOURNAL_H

#include "engine/engine.h"

/* Changes that become one frame: all or nothing after a crash. */
struct journal_group {
    unsigned char *bytes; /* NULL: there is no log */
    size_t len, cap;
};

/* Whether a change may be made now, before any lock: ATTL_OK, ATTL_E_LOADING, ATTL_E_IO,
 * ATTL_E_BUSY. */
int journal_admit(struct attl *a);
/* The same without waiting for room in the log. */
int journal_admit_now(struct attl *a);
/* The same while loading, for what loading itself has to log. */
int journal_admit_loading(struct attl *a);
/* Logs that a key is gone whose changes are not logged: see durability.h. */
void journal_forgotten(struct attl *a, attl_slice key);
/* Logs what was done to an entry, if anything was. Its partition is locked. */
void journal_entry(struct attl *a, const struct entry *e);
/* Room for the changes of entries with these many key and value bytes in all. False: no memory. */
bool journal_group_init(struct attl *a, struct journal_group *g, size_t entries, uint64_t bytes);
/* Room for `more` bytes of keys and values of one more change; false, with everything as it was, if
 * there is no memory, or a frame cannot be that long. */
bool journal_group_reserve(struct attl *a, struct journal_group *g, uint64_t more);
/* The most that a change with so many key and value bytes takes in a group. */
uint64_t journal_op_max_bytes(uint64_t key_bytes, uint64_t value_bytes);
/* The value bytes of a change with a key of `key_bytes` that there is room for. */
uint64_t journal_group_room(const struct journal_group *g, uint64_t key_bytes);
void journal_group_add(struct attl *a, struct journal_group *g, const struct entry *e);
void journal_group_add_clear(struct attl *a, struct journal_group *g);
/* Logs the group, whose partitions are all locked; its memory goes to the log. */
void journal_group_append(struct attl *a, const struct reclaim_reader *r, struct journal_group *g);
void journal_group_fini(struct journal_group *g);
/* Everything went at one moment; one entry made room for others, or was past its hard deadline
 * while its record's was still to come. Locks as in notice.h. */
void journal_clear(struct attl *a);
void journal_dropped(struct attl *a, attl_slice key, bool evicted);
/*
 * The end of a call that returned `status`: under `always`, and if the caller is one that waits,
 * returns when what it changed is durable. `status`, or ATTL_E_IO if that cannot be.
 */
int journal_settle(struct attl *a, const struct reclaim_reader *r, int status);

#endif
