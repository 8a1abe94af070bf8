/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A log on a simulated disk under a simulated clock, for tests that want to say exactly what
 * happens when. Frames are numbered, the number is the key, and reading the log back checks that
 * they are there in order. The flusher has no thread unless the test asks for one; then the clock
 * is real.
 */
#ifndef ATTL_TESTS_WAL_RIG_H
#define ATTL_TESTS_WAL_RIG_H

#include "log_scan.h"
#include "persist/wal.h"

#define RIG_START_MS INT64_C(1735689600000)

struct wal_rig {
    struct sim_disk *disk;
    struct wal *wal;
    struct wal_config config;
    _Atomic int64_t now_ms;
    uint32_t frames; /* appended */
    _Atomic uint32_t notified, logged;
    char last_event[32];
    size_t value_bytes;
};

/* A disk and a configuration: `always`, WAL_REJECT, 16 KiB of segment and of ring. */
void rig_init(struct wal_rig *r);
void rig_open(struct wal_rig *r);
/* Closes the log if it is open, and frees the disk. */
void rig_fini(struct wal_rig *r);
/* Appends the next frame. */
uint64_t rig_append(struct wal_rig *r);
/* Steps until there is nothing to do; at most 1000 times. */
void rig_settle(struct wal_rig *r);
void rig_pass(struct wal_rig *r, int64_t ms);
struct wal_stats rig_stats(struct wal_rig *r);
/* Reads the log of `disk`, or of the rig's: how many frames there are, in order from 0. */
uint32_t rig_read(struct wal_rig *r, struct sim_disk *disk, struct log_end *ret_end);
/* The same after a power loss that nothing survives which had not been synced, on a copy. */
uint32_t rig_read_after_crash(struct wal_rig *r);
/* The number of the first frame behind the last gap. */
uint32_t rig_first_behind_gap(struct wal_rig *r);

#endif
