/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Incidents of the disk: the log cannot be written or is slow, snapshots fail, space runs
 * out. Each judgement is a pure function of what engine/control.h shows of the data
 * directory now and at the reading before. Most of the response is the store's own and happens
 * whether anybody looks or not (a new segment, memory only, the return with a snapshot, the
 * reserve); what is added here is the emergency retention, another snapshot, and the account.
 *
 * All of it belongs to control.lock.
 */
#ifndef ATTL_CONTROL_DETECT_DISK_H
#define ATTL_CONTROL_DETECT_DISK_H

#include "config/config.h"
#include "control/incident.h"

struct disk_watch {
    int64_t slow_sync_us; /* as configured */
    int64_t read_ms;      /* when `now` was read; 0: never */
    struct control_disk now, before;
    bool has_before;
    uint64_t held_us;   /* a slow sync of the reading before still counts */
    unsigned emergency; /* who wants it, a bit for each kind of incident */
};

/* Two readings. `before` is zeroed if there was none. */
struct disk_span {
    const struct control_disk *now, *before;
    uint64_t slow_sync_us, slowest_us;
};

void judge_log(const struct disk_span *s, struct incident_reading *ret);
void judge_snapshots(const struct disk_span *s, struct incident_reading *ret);
void judge_space(const struct disk_span *s, struct incident_reading *ret);

void disk_watch_configure(struct control *c, const attl_config *config);

void detect_log(struct control *c, const struct control_numbers *n, struct incident_reading *ret);
void detect_snapshots(struct control *c, const struct control_numbers *n,
                      struct incident_reading *ret);
void detect_space(struct control *c, const struct control_numbers *n, struct incident_reading *ret);
void respond_log(struct control *c, struct incident *i, int level);
void respond_snapshots(struct control *c, struct incident *i, int level);
void respond_space(struct control *c, struct incident *i, int level);

#endif
