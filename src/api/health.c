/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <attl/health.h>: collecting the numbers that health_rule.c judges. Everything is read the way
 * other calls read it. Only the probe touches the cache: it stores, reads and deletes a value under
 * one partition's lock and leaves the entry as it found it, absent, with nothing to log and nothing
 * to tell; a full cache is not made room in for it. Nothing is kept between calls.
 */
#include "api/health_rule.h"

#include "api/api.h"
#include "base/limits.h"
#include "config/config.h"

#include <stdio.h>

enum { COUNTS_MAX = 3 };
enum { PROBE_LIFE_MS = 1000, PROBE_KEY_BYTES = 16, PROBE_VALUE_BYTES = 16 };

static const char probe_name[] = "\0attl.health"; /* twelve bytes, and the time */

struct probe {
    struct stored_value stored;
    attl_slice value;
    int status;
};

/* An engine_change_fn: true success of it is that nothing has changed. */
static int
probe_change(struct entry *e, void *ud)
{
    struct probe *p = ud;
    if (e->found) {
        p->status = ATTL_OK; /* somebody's own, who has found out the name: it can be read */
        return ATTL_OK;
    }
    e->unbounded = true;
    p->status = entry_put(e, &p->stored, e->now_ms + PROBE_LIFE_MS);
    if (p->status != ATTL_OK)
        return ATTL_OK; /* no failure of a change: nobody shall make room */
    entry_find(e);
    attl_slice seen = e->found ? entry_value(e) : attl_b(NULL, 0);
    if (seen.len != p->value.len || memcmp(seen.data, p->value.data, seen.len) != 0)
        p->status = ATTL_E_DAMAGED;
    if (e->found)
        entry_remove(e, COUNT_PROBED);
    entry_find(e); /* also forgets what was done */
    e->written_deadline_ms = INT64_MAX;
    if (e->found)
        p->status = ATTL_E_DAMAGED;
    return ATTL_OK;
}

static int
run_probe(attl *a, const struct reclaim_reader *r, int64_t now_ms)
{
    char key[PROBE_KEY_BYTES];
    char value[PROBE_VALUE_BYTES + 1];
    memcpy(key, probe_name, sizeof probe_name - 1);
    memcpy(key + sizeof probe_name - 1, &now_ms, PROBE_KEY_BYTES - (sizeof probe_name - 1));
    (void)snprintf(value, sizeof value, "%016llx", (unsigned long long)now_ms); /* 16 digits */
    struct probe p = { .value = attl_b(value, PROBE_VALUE_BYTES), .status = ATTL_E_NOMEM };
    int status = stored_value_init(&a->cache, p.value, &p.stored);
    if (status == ATTL_OK)
        status = engine_restore(a, attl_b(key, sizeof key), probe_change, &p);
    stored_value_fini(&p.stored);
    (void)r;
    return status == ATTL_OK ? p.status : status;
}

static void
collect_function(attl *a, const struct reclaim_reader *r, struct health_numbers *n)
{
    attl_load_progress progress = { .struct_size = sizeof progress };
    attl_load_progress_get(a, &progress);
    n->loading = progress.loading;
    n->load_status = progress.status;
    if (n->loading || n->load_status != ATTL_OK)
        return;
    int64_t begin_ns = clock_mono_ns();
    n->probe_status = run_probe(a, r, n->now_ms);
    n->probe_us = (clock_mono_ns() - begin_ns) / 1000;
}

/* ---- integrity ---- */

static void
add_items(void *ud, const attl_shard_info *shard)
{
    *(uint64_t *)ud += shard->items;
}

static uint64_t
changes_so_far(attl *a, const attl_stats *s)
{
    return s->sets + s->deletes + s->expired + s->evicted +
           2 * cache_counter_sum(&a->cache, COUNT_PROBED);
}

static int
count_items(attl *a, struct health_numbers *n)
{
    attl_stats before = { .struct_size = sizeof before };
    attl_stats after = { .struct_size = sizeof after };
    n->shard_items = 0;
    attl_stats_get(a, &before);
    uint64_t changes = changes_so_far(a, &before);
    int status = attl_shards_list(a, add_items, &n->shard_items);
    attl_stats_get(a, &after);
    changes = changes_so_far(a, &after) - changes;
    n->changes = changes < INT64_MAX ? changes : 0; /* the counters may have been reset between */
    n->items = after.items;
    n->used_bytes = after.mem_used;
    n->max_bytes = after.max_memory;
    n->max_items = after.max_entries;
    return status;
}

static int
collect_integrity(attl *a, struct health_numbers *n)
{
    attl_balance_stats balance = { .struct_size = sizeof balance };
    attl_scrub_stats scrub = { .struct_size = sizeof scrub };
    attl_balance_stats_get(a, &balance);
    attl_scrub_stats_get(a, &scrub);
    n->imbalance = balance.imbalance;
    n->damaged = scrub.unhealed;
    /* A change is counted a moment after it is made: a difference must be there again. */
    int status = ATTL_E_NOMEM;
    for (unsigned i = 0; i < COUNTS_MAX; i++) {
        status = count_items(a, n);
        if (status != ATTL_OK || n->items == n->shard_items)
            break;
    }
    return status;
}

/* ---- tasks and performance ---- */

static void
collect_tasks(attl *a, struct health_numbers *n)
{
    attl_persist_stats p = { .struct_size = sizeof p };
    attl_persist_stats_get(a, &p);
    n->background = a->background;
    n->maintenance_due_ms = a->background ? atomic_load(&a->armed_ms) : INT64_MAX;
    n->control_due_ms = a->background ? atomic_load(&a->control.next_ms) : INT64_MAX;
    n->logs = p.enabled;
    n->log_state = p.state;
    n->log_error = p.last_error;
    n->unsynced_bytes = p.unsynced_bytes;
    n->last_sync_ms = p.last_sync_ms;
    n->snapshot_status = p.last_snapshot_status;
    n->sync_p99_us = p.sync_us_p99;
}

static void
collect_performance(attl *a, struct health_numbers *n)
{
    attl_tuner_stats tuner = ATTL_TUNER_STATS_INIT;
    attl_pressure pressure = { .struct_size = sizeof pressure };
    attl_incident_stats incidents = { .struct_size = sizeof incidents };
    attl_tuner_stats_get(a, &tuner);
    attl_pressure_get(a, &pressure);
    attl_incident_stats_get(a, &incidents);
    n->read_p99_ns = tuner.read_p99_ns;
    n->write_p99_ns = tuner.write_p99_ns;
    n->p99_limit_ns = tuner.limit_ns;
    n->wait_us = pressure.load_delay_us;
    n->pressure = pressure.level;
    n->incidents = incidents.open;
}

/* `err` has to live as long as the numbers. */
static void
collect_configuration(attl *a, struct health_numbers *n, char *err, size_t err_len)
{
    lock_acquire(&a->config_lock);
    const attl_config *c = a->config;
    n->config_status = config_check(c, err, err_len);
    n->config_error = err;
    n->unlimited = config_memory_limit_bytes(c) == 0 && config_entries_limit(c) == 0;
    n->refuses_when_full = config_i64(c, OPT_CACHE_EVICTION) == CHOICE_EVICTION_NONE;
    n->imbalance_limit = config_bool(c, OPT_BALANCER_ENABLED)
                             ? config_double(c, OPT_BALANCER_IMBALANCE_THRESHOLD)
                             : 0;
    int64_t fsync = config_i64(c, OPT_PERSIST_FSYNC);
    n->syncs = fsync == CHOICE_FSYNC_EVERYSEC || fsync == CHOICE_FSYNC_ALWAYS;
    lock_release(&a->config_lock);
}

int
attl_health(attl *a, attl_health_fn fn, void *ud, int *ret_status)
{
    const struct reclaim_reader *r = reclaim_self();
    char err[HEALTH_TEXT_MAX] = "";
    struct health_numbers n = { .now_ms = engine_now_ms(a) };
    if (!r)
        return ATTL_E_NOMEM;
    if (api_is_inside(a))
        return ATTL_E_INVALID;
    collect_function(a, r, &n);
    int status = collect_integrity(a, &n);
    if (status != ATTL_OK)
        return status;
    collect_tasks(a, &n);
    collect_performance(a, &n);
    collect_configuration(a, &n, err, sizeof err);
    int worst = health_judge(&n, fn, ud);
    if (ret_status)
        *ret_status = worst;
    return ATTL_OK;
}

const char *
attl_health_area_name(int area)
{
    static const char *const names[ATTL_HEALTH_AREAS] = { "function", "integrity", "tasks",
                                                          "performance", "configuration" };
    return area >= 0 && area < ATTL_HEALTH_AREAS ? names[area] : "?";
}

const char *
attl_health_status_name(int status)
{
    static const char *const names[] = { "ok", "warn", "fail" };
    return status >= ATTL_HEALTH_OK && status <= ATTL_HEALTH_FAIL ? names[status] : "?";
}
