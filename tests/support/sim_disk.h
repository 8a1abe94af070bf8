/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk in memory that behaves as badly as a real one may. It keeps apart what readers see and
 * what would survive a power loss: writes and sizes become durable with `sync` of their file,
 * names with `sync_dir`. sim_disk_crash() throws away an arbitrary part of the rest, as a seed
 * says; calls can be made to fail, the power can go after the n-th change, space can run out, bytes
 * can rot. Every choice follows from the seeds. One mutex; all functions may be called by any
 * thread.
 *
 * The rules, which are those of ext4 and XFS, and a little worse:
 * - Unsynced writes survive, or not, by sectors of 512 bytes, each on its own. Unsynced sizes
 *   (truncate, allocate, growth by writing) survive up to some moment in their order; where a size
 *   survives and the data do not, there are zeros, or rubbish with SIM_CRASH_RUBBISH.
 * - Unsynced creations, renames and removals survive up to some moment in their order, or as
 *   any subset that keeps dependencies with SIM_CRASH_ANY_NAMES. Syncing a file says nothing about
 *   its name.
 * - A sync that fails leaves the file's unsynced writes visible and clean: an arbitrary part of
 * them is durable from then on (often nothing), and no later sync, though it returns 0, changes
 * that.
 * - A write that fails may have written any part of its bytes.
 * - The space of a removed or replaced file comes back with sync_dir, once it is closed. A file has
 *   at most 1 GiB.
 */
#ifndef ATTL_TESTS_SIM_DISK_H
#define ATTL_TESTS_SIM_DISK_H

#include "os/disk.h"

/* Kinds of calls, to be combined. */
enum sim_op {
    SIM_OPEN = 1 << 0,   /* of an existing file */
    SIM_CREATE = 1 << 1, /* open with DISK_CREATE */
    SIM_CLOSE = 1 << 2,
    SIM_READ = 1 << 3,
    SIM_WRITE = 1 << 4,
    SIM_SYNC = 1 << 5,
    SIM_ALLOCATE = 1 << 6,
    SIM_TRUNCATE = 1 << 7,
    SIM_SIZE = 1 << 8,
    SIM_RENAME = 1 << 9,
    SIM_REMOVE = 1 << 10,
    SIM_SYNC_DIR = 1 << 11,
    SIM_LIST = 1 << 12,
    SIM_FREE_BYTES = 1 << 13,
    SIM_MUTATING = SIM_CREATE | SIM_WRITE | SIM_SYNC | SIM_ALLOCATE | SIM_TRUNCATE | SIM_RENAME |
                   SIM_REMOVE | SIM_SYNC_DIR,
    SIM_ANY = (1 << 14) - 1
};

enum sim_span { SIM_ONCE, SIM_FOREVER };

enum sim_crash {
    SIM_CRASH_ANY_NAMES = 1 << 0, /* names survive as any subset, not as a prefix         */
    SIM_CRASH_RUBBISH = 1 << 1,   /* lost data in space grown since are not zeros         */
    SIM_CRASH_NOTHING = 1 << 2,   /* nothing unsynced survives                            */
    SIM_CRASH_ALL = 1 << 3        /* everything does                                      */
};

struct sim_disk;

struct sim_disk *sim_disk_new(uint64_t seed);
void sim_disk_free(struct sim_disk **s); /* handles stay their holders', and are leaked */
/* A second disk in the same state, without open files, faults and hook; for several crashes of one
 * history. */
struct sim_disk *sim_disk_clone(struct sim_disk *s, uint64_t seed);
/* What the code under test is given. */
struct disk *sim_disk_table(struct sim_disk *s);

/* ---- what may go wrong ---- */

/* The power goes and comes back: what is left is durable, open files are stale (-EIO until they are
 * closed), faults are over. `flags`: enum sim_crash. */
void sim_disk_crash(struct sim_disk *s, uint64_t seed);
void sim_disk_crash_with(struct sim_disk *s, uint64_t seed, unsigned flags);
/* Only the process dies: nothing is lost, open files are stale. What was not synced still is not.
 */
void sim_disk_kill(struct sim_disk *s);
/* After `n` more changing calls the power is gone: every call then fails with -EIO, until
 * sim_disk_crash(). UINT64_MAX: never. */
void sim_disk_crash_after(struct sim_disk *s, uint64_t n);
bool sim_disk_is_dead(struct sim_disk *s);
/* The n-th (from 1) call from now whose kind is in `ops` fails with `error` (negative errno), once
 * or with all after it. It replaces the fault there was; n = 0: none. */
void sim_disk_fail(struct sim_disk *s, unsigned ops, uint64_t nth, int error, enum sim_span span);
/* How often a fault has been met since sim_disk_fail(). */
uint64_t sim_disk_failures(struct sim_disk *s);
/* All files together may have so many bytes (-ENOSPC beyond). UINT64_MAX at first. */
void sim_disk_set_capacity(struct sim_disk *s, uint64_t bytes);

/* ---- looking and touching ---- */

/* Calls so far, of all kinds in `ops`. */
uint64_t sim_disk_calls(struct sim_disk *s, unsigned ops);
/* Called before each call, outside the mutex, by the thread that calls: to wait, or to look. */
typedef void (*sim_hook_fn)(void *ud, enum sim_op op, const char *name);
void sim_disk_set_hook(struct sim_disk *s, sim_hook_fn hook, void *ud);
/* The time that files are modified at; 0 at first. */
void sim_disk_set_time(struct sim_disk *s, int64_t now_ms);
/* These work whatever the faults, and are not counted. */
bool sim_disk_has(struct sim_disk *s, const char *name);
/* The file as readers see it, to be freed by free(), with a NUL behind it; NULL: none. */
void *sim_disk_get(struct sim_disk *s, const char *name, size_t *ret_len);
/* Replaces a file, durably. */
void sim_disk_put(struct sim_disk *s, const char *name, const void *data, size_t len);
/* Removes a file, durably, if it is there. */
void sim_disk_drop(struct sim_disk *s, const char *name);
/* Rot: XORs a byte of the file, for readers and for ever. */
void sim_disk_flip(struct sim_disk *s, const char *name, uint64_t offset, uint8_t mask);
/* True if a crash would change nothing. */
bool sim_disk_is_durable(struct sim_disk *s);

#endif
