/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checks, area by area. A check fails if the cache does not do what it was asked for, and warns
 * if it does and will not for long. What cannot be known, or is switched off, is well: a check that
 * cries without reason is the one nobody reads. Pure; texts are made on the stack.
 */
#include "api/health_rule.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct judge {
    attl_health_fn fn;
    void *ud;
    int worst;
    int area;
};

struct finding {
    const char *name;
    int status;
    double value, limit; /* limit < 0: none */
};

__attribute__((format(printf, 3, 4))) static void
show(struct judge *j, struct finding f, const char *format, ...)
{
    char text[HEALTH_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args); /* cut if it must be */
    va_end(args);
    attl_health_item item = { .struct_size = sizeof item,
                              .area = j->area,
                              .status = f.status,
                              .has_limit = f.limit >= 0,
                              .value = f.value,
                              .limit = f.limit >= 0 ? f.limit : 0,
                              .name = f.name,
                              .text = text };
    j->worst = f.status > j->worst ? f.status : j->worst;
    if (j->fn)
        j->fn(j->ud, &item);
}

static int
warn_if(bool bad)
{
    return bad ? ATTL_HEALTH_WARN : ATTL_HEALTH_OK;
}

static int
fail_if(bool bad)
{
    return bad ? ATTL_HEALTH_FAIL : ATTL_HEALTH_OK;
}

/* ---- function ---- */

static void
judge_probe(struct judge *j, const struct health_numbers *n)
{
    bool full = n->probe_status == ATTL_E_FULL;
    int status = n->probe_status == ATTL_OK ? warn_if(n->probe_us > HEALTH_PROBE_LIMIT_US)
                 : full                     ? ATTL_HEALTH_WARN
                                            : ATTL_HEALTH_FAIL;
    struct finding f = { "probe_us", status, (double)n->probe_us, HEALTH_PROBE_LIMIT_US };
    if (n->probe_status == ATTL_OK)
        show(j, f, "a value was stored, read and deleted in %" PRId64 " us", n->probe_us);
    else if (full)
        show(j, f, "there is no room for one more value until something is evicted or expires");
    else
        show(j, f, "a value could not be stored, read and deleted: %s",
             attl_strerror(n->probe_status));
}

static void
judge_function(struct judge *j, const struct health_numbers *n)
{
    struct finding f = { "loaded", ATTL_HEALTH_OK, !n->loading && n->load_status == ATTL_OK, 1 };
    if (n->loading) {
        f.status = ATTL_HEALTH_WARN;
        show(j, f, "the data directory is being read");
    } else if (n->load_status != ATTL_OK) {
        f.status = ATTL_HEALTH_FAIL;
        show(j, f, "the data directory could not be read: %s", attl_strerror(n->load_status));
    } else {
        show(j, f, "everything has been read");
    }
    if (!n->loading && n->load_status == ATTL_OK)
        judge_probe(j, n);
}

/* ---- integrity ---- */

static void
judge_integrity(struct judge *j, const struct health_numbers *n)
{
    uint64_t difference = n->items > n->shard_items ? n->items - n->shard_items
                                                    : n->shard_items - n->items;
    show(j,
         (struct finding){ "sum_difference", fail_if(difference > n->changes), (double)difference,
                           (double)n->changes },
         "the shards have %" PRIu64 " entries, the cache %" PRIu64 "; %" PRIu64
         " changes were made while they were counted",
         n->shard_items, n->items, n->changes);
    show(j,
         (struct finding){ "memory_bytes", fail_if(n->max_bytes && n->used_bytes > n->max_bytes),
                           (double)n->used_bytes, n->max_bytes ? (double)n->max_bytes : -1 },
         "%" PRIu64 " bytes are used", n->used_bytes);
    show(j,
         (struct finding){ "entries", fail_if(n->max_items && n->items > n->max_items + n->changes),
                           (double)n->items, n->max_items ? (double)n->max_items : -1 },
         "there are %" PRIu64 " entries", n->items);
    bool uneven = n->imbalance_limit > 0 && n->imbalance > n->imbalance_limit;
    show(j,
         (struct finding){ "imbalance", warn_if(uneven), n->imbalance,
                           n->imbalance_limit > 0 ? n->imbalance_limit : -1 },
         "the busiest shard has %.2f times the load of the mean", n->imbalance);
    show(j, (struct finding){ "damaged_files", fail_if(n->damaged > 0), (double)n->damaged, 0 },
         "%" PRIu64 " damaged files wait to be healed", n->damaged);
}

/* ---- tasks ---- */

static void
judge_thread(struct judge *j, const struct health_numbers *n, const char *name, int64_t due_ms)
{
    int64_t late_ms = due_ms == INT64_MIN || due_ms > n->now_ms ? 0 : n->now_ms - due_ms;
    int status = late_ms > HEALTH_LATE_FAIL_MS ? ATTL_HEALTH_FAIL
                                               : warn_if(late_ms > HEALTH_LATE_WARN_MS);
    struct finding f = { name, status, (double)late_ms, HEALTH_LATE_FAIL_MS };
    if (late_ms == 0)
        show(j, f, "it runs when it should");
    else
        show(j, f, "it should have run %" PRId64 " ms ago", late_ms);
}

static void
judge_log(struct judge *j, const struct health_numbers *n)
{
    static const char *const states[] = { "is written", "failed, and a new segment is tried",
                                          "is not written: changes are in memory only", "is closed",
                                          "is written again, after a gap" };
    const char *state = n->log_state < 5 ? states[n->log_state] : "is in an unknown state";
    int status = n->log_state == 0   ? ATTL_HEALTH_OK
                 : n->log_state == 4 ? ATTL_HEALTH_WARN
                                     : ATTL_HEALTH_FAIL;
    show(j, (struct finding){ "log_state", status, n->log_state, 0 }, "the log %s (error %d)",
         state, -n->log_error);
    int64_t waits_ms = n->unsynced_bytes > 0 && n->last_sync_ms > 0 ? n->now_ms - n->last_sync_ms
                                                                    : 0;
    bool late = n->syncs && waits_ms > HEALTH_SYNC_LATE_MS;
    show(j,
         (struct finding){ "unsynced_ms", fail_if(late), (double)waits_ms,
                           n->syncs ? HEALTH_SYNC_LATE_MS : -1 },
         "%" PRIu64 " bytes of the log are not known to be on the disk", n->unsynced_bytes);
}

static void
judge_tasks(struct judge *j, const struct health_numbers *n)
{
    judge_thread(j, n, n->background ? "maintenance_late_ms" : "tick_late_ms",
                 n->maintenance_due_ms);
    judge_thread(j, n, "control_late_ms", n->control_due_ms);
    if (n->logs)
        judge_log(j, n);
    struct finding f = { "snapshot", warn_if(n->snapshot_status != ATTL_OK), n->snapshot_status,
                         0 };
    if (n->snapshot_status == ATTL_OK)
        show(j, f, "no snapshot has failed since the last one that was written");
    else
        show(j, f, "the last snapshot has failed: %s", attl_strerror(n->snapshot_status));
}

/* ---- performance ---- */

static void
judge_p99(struct judge *j, const char *name, uint64_t ns, uint64_t limit_ns)
{
    struct finding f = { name, warn_if(limit_ns && ns > limit_ns), (double)ns,
                         limit_ns ? (double)limit_ns : -1 };
    if (ns == 0)
        show(j, f, "there were too few for a figure");
    else
        show(j, f, "99 in 100 took at most %" PRIu64 " ns", ns);
}

static void
judge_performance(struct judge *j, const struct health_numbers *n)
{
    judge_p99(j, "read_p99_ns", n->read_p99_ns, n->p99_limit_ns);
    judge_p99(j, "write_p99_ns", n->write_p99_ns, n->p99_limit_ns);
    if (n->logs)
        show(j,
             (struct finding){ "sync_p99_us", warn_if(n->sync_p99_us > HEALTH_SYNC_LIMIT_US),
                               (double)n->sync_p99_us, HEALTH_SYNC_LIMIT_US },
             "99 in 100 syncs of the log took at most %" PRIu64 " us", n->sync_p99_us);
    show(j,
         (struct finding){ "wait_us", warn_if(n->wait_us > HEALTH_WAIT_LIMIT_US),
                           (double)n->wait_us, HEALTH_WAIT_LIMIT_US },
         "requests wait %" PRIu64 " us for their turn, as last reported", n->wait_us);
    show(j,
         (struct finding){ "pressure_level",
                           n->pressure > 2 ? ATTL_HEALTH_FAIL : warn_if(n->pressure > 0),
                           n->pressure, 0 },
         "memory pressure is at level %d", n->pressure);
    show(j,
         (struct finding){ "open_incidents", warn_if(n->incidents > 0), (double)n->incidents, 0 },
         "%" PRIu64 " incidents are open", n->incidents);
}

/* ---- configuration ---- */

static void
judge_configuration(struct judge *j, const struct health_numbers *n)
{
    bool bad = n->config_status != ATTL_OK;
    show(j, (struct finding){ "settings", fail_if(bad), bad, 0 }, "%s",
         bad ? n->config_error : "the settings are valid and fit together");
    show(j, (struct finding){ "memory_limit", warn_if(n->unlimited), !n->unlimited, 1 }, "%s",
         n->unlimited ? "neither cache.max_memory nor cache.max_entries is set: it may grow until "
                        "the system ends the process"
                      : "there is a limit");
    show(j, (struct finding){ "eviction", warn_if(n->refuses_when_full), !n->refuses_when_full, 1 },
         "%s",
         n->refuses_when_full ? "cache.eviction is noeviction: when it is full, writes fail"
                              : "when it is full, what is cold makes room");
}

int
health_judge(const struct health_numbers *n, attl_health_fn fn, void *ud)
{
    struct judge j = { .fn = fn, .ud = ud, .area = ATTL_HEALTH_FUNCTION };
    judge_function(&j, n);
    j.area = ATTL_HEALTH_INTEGRITY;
    judge_integrity(&j, n);
    j.area = ATTL_HEALTH_TASKS;
    judge_tasks(&j, n);
    j.area = ATTL_HEALTH_PERFORMANCE;
    judge_performance(&j, n);
    j.area = ATTL_HEALTH_CONFIGURATION;
    judge_configuration(&j, n);
    return j.worst;
}
