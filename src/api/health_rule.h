/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a cache is well: a pure function from numbers to checks, so that each of them can be shown
 * to fail by a table. The numbers are collected by health.c; nothing here looks at a cache. Limits
 * that are not settings have a name below.
 */
#ifndef ATTL_API_HEALTH_RULE_H
#define ATTL_API_HEALTH_RULE_H

#include <attl/attl.h>
#include <stdbool.h>

enum {
    HEALTH_PROBE_LIMIT_US = 100000, /* to store, read and delete one value */
    HEALTH_LATE_WARN_MS = 10000,    /* a thread that should have run */
    HEALTH_LATE_FAIL_MS = 60000,
    HEALTH_SYNC_LATE_MS = 10000, /* bytes that wait to be made durable */
    HEALTH_SYNC_LIMIT_US = 1000000,
    HEALTH_WAIT_LIMIT_US = 100000,
    HEALTH_TEXT_MAX = 256
};

struct health_numbers {
    /* function */
    bool loading;
    int load_status;
    int probe_status; /* ATTL_OK; ATTL_E_FULL, ATTL_E_NOMEM; ATTL_E_DAMAGED: another value came back
                       */
    int64_t probe_us;
    /* integrity */
    uint64_t items, shard_items, changes;      /* changes: made while the two were counted */
    uint64_t used_bytes, max_bytes, max_items; /* limits: 0 for none */
    double imbalance, imbalance_limit;         /* limit 0: nobody balances */
    uint64_t damaged;                          /* files that wait to be healed */
    /* tasks */
    int64_t now_ms, maintenance_due_ms, control_due_ms; /* INT64_MIN: at work; INT64_MAX: asleep */
    bool background;
    bool logs;
    uint32_t log_state;
    int log_error;
    bool syncs; /* by itself, soon */
    uint64_t unsynced_bytes;
    int64_t last_sync_ms;
    int snapshot_status;
    /* performance */
    uint64_t read_p99_ns, write_p99_ns, p99_limit_ns; /* limit 0: none */
    uint64_t sync_p99_us, wait_us;
    int pressure;
    uint64_t incidents;
    /* configuration */
    int config_status;
    const char *config_error;
    bool unlimited, refuses_when_full;
};

/* Shows every check; returns the worst status. */
int health_judge(const struct health_numbers *n, attl_health_fn fn, void *ud);

#endif
