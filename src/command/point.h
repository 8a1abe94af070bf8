/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A point in the past, as people write it: a Unix time in seconds or milliseconds, an ISO 8601 time
 * in UTC, so long ago ("-5m"), a position of the log ("lsn:1234"), or the name of a snapshot. The
 * forms exclude each other by their first characters, so that a mistyped time is reported as such
 * and not looked for among the snapshots. Pure functions; nothing is kept.
 */
#ifndef ATTL_COMMAND_POINT_H
#define ATTL_COMMAND_POINT_H

#include <attl/attl.h>
#include <stdbool.h>
#include <stdint.h>

enum { POINT_NAME_MAX = 96 };

struct point {
    int64_t at_ms;             /* Unix ms, or 0 */
    uint64_t lsn;              /* or 0 */
    char name[POINT_NAME_MAX]; /* of a snapshot, or "" */
};

/* NULL with *ret_point filled, or what is wrong with `text` in words. */
const char *point_parse(attl_slice text, int64_t now_ms, struct point *ret_point);

#endif
