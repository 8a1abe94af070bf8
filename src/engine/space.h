/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The room on the disk, and the file that keeps some of it for the worst hour. The keeper looks
 * once a second while anything is written or wrong; what it sees is kept as numbers, so that nobody
 * else has to ask the file system, which may block. The reserve is a file that is removed when the
 * log or a snapshot finds the disk full, before anything is given up, and made again when there is
 * room for several of it on several looks.
 *
 * The keeper owns what is not atomic.
 */
#ifndef ATTL_ENGINE_SPACE_H
#define ATTL_ENGINE_SPACE_H

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

#define SPACE_RESERVE_NAME "reserve"

struct space {
    _Atomic int64_t reserve_wish_bytes, low_bytes, slow_sync_us; /* as configured */
    _Atomic bool known;                                          /* the file system has answered */
    _Atomic uint64_t free_bytes, total_bytes;
    _Atomic uint64_t need_bytes;    /* the next segment, a snapshot and two minutes of log */
    _Atomic uint64_t reserve_bytes; /* of the file; 0: there is none */
    _Atomic uint64_t reserve_released;
    _Atomic bool emergency;         /* asked for: everything that recovery does not need may go */
    _Atomic uint64_t segments_gone; /* open segments whose name went away */
    int64_t rated_ns;               /* when the next two were measured; 0: not yet */
    uint64_t log_bytes;
    double log_rate;        /* bytes per second, smoothed */
    int64_t made_for_bytes; /* the wish that the reserve was made for */
    unsigned roomy;         /* looks in a row with room for the reserve */
    uint64_t checked_bytes; /* of the log, when the open segment was last looked for */
    uint64_t suspect_lsn;   /* the open segment was too short at the last look; 0: none */
    uint64_t gone_end_lsn;  /* changes before it were in a segment that has gone */
    bool is_low;            /* as of the last look */
};

/* As configured now. */
void space_configure(struct space *p, const attl_config *config);
/* A look of the keeper: numbers, reserve, the open segment's name. */
void space_look(struct store *s);
/* The last look, while the log is still open: what it does not have goes to a snapshot. */
void space_close(struct store *s);
/* Removes the reserve. False: there is none, or it cannot be removed. */
bool space_release(struct store *s);
/* The free space below which it is low: `limit_bytes` from the settings, or what is needed. Pure.
 */
uint64_t space_low_limit(uint64_t limit_bytes, uint64_t need_bytes);
/* How large the reserve may be. Pure. */
uint64_t space_reserve_size(uint64_t wish_bytes, uint64_t total_bytes);

#endif
