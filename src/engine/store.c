/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening and closing the data directory, and the keeper. The keeper wakes when the log says that
 * something was written, and then looks once a second until nothing is left that time could make
 * due; so a cache nobody writes to costs nothing. Loading happens in the thread that opens the
 * cache, or in the keeper if the settings say so.
 */
#include "engine/store.h"

#include "base/num.h"
#include "engine/durability.h"
#include "os/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    KEEPER_LOOK_MS = 1000,
    KEEPER_SLEEP_MS = 600 * 1000, /* what age alone makes due can wait that long */
    RETRY_MOST_MS = 60 * 1000,
    NS_PER_MS = 1000000,
    LOW_LOOK_MS = 10 * 1000, /* while the disk is nearly full and nothing else goes on */
    LOG_WARNING = 2,
    LOG_TEXT_BYTES = 768
};

bool
store_wanted(const attl_config *config)
{
    return config->disk || config_str(config, OPT_PERSIST_DIR)[0] != '\0' ||
           config_i64(config, OPT_PERSIST_FSYNC) != CHOICE_FSYNC_OFF;
}

void
store_log(struct store *s, int level, const char *event, const char *format, ...)
{
    char text[LOG_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args); /* cut is fine */
    va_end(args);
    engine_log(s->a, level, event, text);
}

int
store_status(int error)
{
    switch (error) {
    case 0: return ATTL_OK;
    case -ENOMEM: return ATTL_E_NOMEM;
    case -ECANCELED:
    case -EAGAIN:
    case -ETIMEDOUT: return ATTL_E_BUSY;
    case -EBADMSG: return ATTL_E_DAMAGED;
    case -ENOTSUP: return ATTL_E_UNSUPPORTED;
    default: return ATTL_E_IO;
    }
}

/* ---- settings -------------------------------------------------------------------------------- */

/* "3600 1 300 100": config_check has seen that it is pairs of numbers. */
static size_t
parse_rules(const char *text, struct save_rule rules[STORE_SAVE_RULES_MAX])
{
    size_t n = 0;
    unsigned long long seconds, changes;
    int used;
    while (n < STORE_SAVE_RULES_MAX &&
           sscanf(text, " %llu %llu%n", &seconds, &changes, &used) == 2) {
        rules[n++] = (struct save_rule){ (int64_t)seconds * 1000, changes };
        text += used;
    }
    return n;
}

static enum wal_policy
policy_of(const attl_config *config)
{
    switch ((enum choice_fsync)config_i64(config, OPT_PERSIST_FSYNC)) {
    case CHOICE_FSYNC_ALWAYS: return WAL_POLICY_ALWAYS;
    case CHOICE_FSYNC_EVERYSEC: return WAL_POLICY_EVERYSEC;
    case CHOICE_FSYNC_NO:
    case CHOICE_FSYNC_OFF: break;
    }
    return WAL_POLICY_NO;
}

static enum wal_on_error
on_error_of(const attl_config *config)
{
    switch ((enum choice_on_error)config_i64(config, OPT_PERSIST_ON_ERROR)) {
    case CHOICE_ON_ERROR_REJECT: return WAL_REJECT;
    case CHOICE_ON_ERROR_DEGRADE: return WAL_DEGRADE;
    case CHOICE_ON_ERROR_AUTO: break;
    }
    return policy_of(config) == WAL_POLICY_ALWAYS ? WAL_REJECT : WAL_DEGRADE;
}

void
store_apply_config(struct store *s, const attl_config *config)
{
    lock_acquire(&s->rules_lock);
    s->rules_len = parse_rules(config_str(config, OPT_PERSIST_SAVE), s->rules);
    int64_t log_ttl_ms = config_i64(config, OPT_RETENTION_LOG_TTL);
    s->retention = (struct retention_rules){
        .snapshot_ttl_ms = config_i64(config, OPT_RETENTION_SNAPSHOT_TTL),
        .wal_ttl_ms = log_ttl_ms,
        .aside_ttl_ms = log_ttl_ms,
        .snapshots_max = (uint64_t)config_i64(config, OPT_RETENTION_SNAPSHOTS),
        .disk_budget = (uint64_t)config_i64(config, OPT_RETENTION_DISK_BUDGET),
    };
    lock_release(&s->rules_lock);
    atomic_store(&s->retention_on, config_bool(config, OPT_RETENTION_ENABLED));
    atomic_store(&s->retention_interval_ms, config_i64(config, OPT_RETENTION_INTERVAL));
    atomic_store(&s->compress, config_bool(config, OPT_PERSIST_COMPRESS));
    atomic_store(&s->snapshot_log_bytes,
                 (uint64_t)config_i64(config, OPT_PERSIST_SNAPSHOT_LOG_SIZE));
    space_configure(&s->space, config);
    atomic_store(&s->always, policy_of(config) == WAL_POLICY_ALWAYS);
    atomic_store(&s->waits, s->wait_wanted && policy_of(config) == WAL_POLICY_ALWAYS);
    scrub_apply_config(s, config);
    erase_apply_config(s, config);
    if (!s->wal)
        return;
    wal_set_policy(s->wal, policy_of(config));
    wal_set_on_error(s->wal, on_error_of(config));
    log_waits_settle(s->a); /* another rule may say what has become of them */
    parker_wake(&s->parker);
}

/* ---- the log --------------------------------------------------------------------------------- */

static int64_t
log_wall_ms(void *ud)
{
    struct store *s = ud;
    int64_t skew_ms = engine_skew_ms(s->a);
    atomic_store_explicit(&s->skew_ms, skew_ms, memory_order_relaxed);
    return engine_now_ms(s->a) + skew_ms;
}

static int64_t
log_mono_ns(void *ud)
{
    (void)ud;
    return clock_mono_ns();
}

static void
log_notify(void *ud)
{
    struct store *s = ud;
    log_waits_settle(s->a);
    if (s->notify_fn)
        s->notify_fn(s->notify_ud);
    if (atomic_load_explicit(&s->idle, memory_order_relaxed) && atomic_exchange(&s->idle, false))
        parker_wake(&s->parker);
}

static void
log_synced(void *ud, int64_t took_ns, bool waited)
{
    const struct store *s = ud;
    engine_slow_took(s->a, waited ? ATTL_SLOW_WAIT : ATTL_SLOW_SYNC, took_ns);
}

static bool
log_make_room(void *ud)
{
    return space_release(ud);
}

static void
log_line(void *ud, int level, const char *event, const char *text)
{
    struct store *s = ud;
    engine_log(s->a, level, event, text);
    if (level < LOG_WARNING)
        return;
    parker_wake(&s->parker); /* there may be something to do about it, at once */
    control_wake(s->a);
}

static int
open_log(struct store *s)
{
    const attl_config *config = s->a->config;
    if (config_i64(config, OPT_PERSIST_FSYNC) == CHOICE_FSYNC_OFF)
        return ATTL_OK;
    int error = s->cuts_log ? wal_cut(s->disk, &s->alloc, &s->log_end, log_wall_ms(s)) : 0;
    if (error) {
        (void)snprintf(s->problem, sizeof s->problem, "the end of the log, %s, cannot be cut: %s",
                       s->log_end.name, strerror(-error)); /* cut is fine */
        return store_status(error);
    }
    struct wal_config wal = { .disk = s->disk,
                              .alloc = s->alloc,
                              .policy = policy_of(config),
                              .on_error = on_error_of(config),
                              .segment_bytes = s->segment_bytes,
                              .ring_bytes = (uint64_t)config_i64(config, OPT_PERSIST_BUFFER),
                              .next_lsn = s->next_lsn,
                              .run_id = s->run_id,
                              .durable_lsn = s->durable_lsn,
                              .gap = s->log_gap,
                              .thread = true,
                              .wall_ms = log_wall_ms,
                              .mono_ns = log_mono_ns,
                              .notify = log_notify,
                              .synced = log_synced,
                              .make_room = log_make_room,
                              .log = log_line,
                              .ud = s };
    error = wal_open(&wal, &s->wal, s->problem, sizeof s->problem);
    if (error == 0)
        log_waits_start(s->a, s->wal);
    return store_status(error);
}

static int
load_and_open(struct store *s)
{
    int status = store_load(s);
    if (status == ATTL_OK)
        status = open_log(s);
    if (status == ATTL_OK)
        store_apply_config(s, s->a->config);
    if (status == ATTL_OK)
        status = durability_forget(s->a);
    if (status == ATTL_OK)
        status = store_status(erase_load(s));
    if (status != ATTL_OK)
        store_log(s, 3, "load_failed", "%s", s->problem);
    atomic_store(&s->load_status, status);
    atomic_store(&s->scrub.complete_ms, engine_now_ms(s->a)); /* what is needed has been read */
    if (status == ATTL_OK)
        atomic_store_explicit(&s->loading, false, memory_order_release);
    if (s->notify_fn)
        s->notify_fn(s->notify_ud);
    return status;
}

/* ---- the keeper ------------------------------------------------------------------------------ */

struct log_state {
    uint64_t changes, bytes; /* since the last snapshot */
    uint64_t activity;       /* grows when there may be more files */
    bool detached, failing;
    bool gap;  /* what the log has lost is in no snapshot yet */
    bool slow; /* a sync lasts or has lasted too long, and nobody has looked at it yet */
};

uint64_t
store_changes(const struct store *s)
{
    uint64_t now = cache_counter_sum(&s->a->cache, COUNT_CHANGES);
    uint64_t at_last = atomic_load(&s->changes_at_last);
    uint64_t read = atomic_load(&s->snapshots) == 0 ? atomic_load(&s->recovered_changes) : 0;
    return now - at_last + read;
}

bool
store_is_behind_gap(struct store *s, const struct wal_stats *st)
{
    bool gap = st->gaps > atomic_load(&s->gaps_bridged);
    atomic_store(&s->behind_gap, gap || st->state == WAL_DETACHED); /* before it is left again */
    return gap;
}

static struct log_state
look_at_log(struct store *s)
{
    struct log_state l = { 0 };
    struct wal_stats st;
    l.changes = store_changes(s);
    l.activity = atomic_load(&s->snapshots);
    if (!s->wal)
        return l;
    wal_stats_get(s->wal, &st);
    l.bytes = st.bytes_written - atomic_load(&s->last_log_bytes);
    l.activity += st.bytes_written;
    l.detached = st.state == WAL_DETACHED;
    l.failing = st.state != WAL_WRITING;
    l.gap = store_is_behind_gap(s, &st);
    int64_t slow_us = atomic_load(&s->space.slow_sync_us);
    l.slow = (int64_t)st.syncing_us > slow_us || (int64_t)st.slowest_sync_us > slow_us;
    return l;
}

/* Milliseconds until a snapshot is due: 0 now, INT64_MAX never by time alone. */
static int64_t
snapshot_due_in(struct store *s, const struct log_state *l)
{
    uint64_t max_bytes = atomic_load(&s->snapshot_log_bytes);
    if (max_bytes && l->bytes >= max_bytes)
        return 0;
    int64_t age_ms = engine_now_ms(s->a) + engine_skew_ms(s->a) - atomic_load(&s->last_ms);
    int64_t due_ms = INT64_MAX;
    lock_acquire(&s->rules_lock);
    for (size_t i = 0; i < s->rules_len; i++) {
        int64_t left_ms = s->rules[i].after_ms - age_ms;
        if (l->changes >= s->rules[i].changes && left_ms < due_ms)
            due_ms = left_ms > 0 ? left_ms : 0;
    }
    lock_release(&s->rules_lock);
    return due_ms;
}

/* Milliseconds until old files are looked for: INT64_MAX while there are no new ones. */
static int64_t
retention_due_in(const struct store *s, const struct log_state *l)
{
    if (!atomic_load(&s->retention_on) || l->activity == s->retained_activity)
        return INT64_MAX;
    int64_t left_ns = s->next_retention_ns - clock_mono_ns();
    return left_ns > 0 ? left_ns / NS_PER_MS + 1 : 0;
}

static void
retain_if_due(struct store *s, const struct log_state *l)
{
    int64_t now_ns = clock_mono_ns();
    if (!atomic_load(&s->retention_on) || now_ns < s->next_retention_ns)
        return;
    s->retained_activity = l->activity;
    s->next_retention_ns = now_ns + atomic_load(&s->retention_interval_ms) * NS_PER_MS;
    int status = store_retain(s, false, NULL, NULL);
    if (status != ATTL_OK)
        store_log(s, 2, "retention_failed", "old files cannot be removed: %s",
                  attl_strerror(status));
}

/* Wakes the control plane if the state of the log, of snapshots or of the space is another one. */
static void
tell_control(struct store *s, const struct log_state *l)
{
    uint64_t state = (uint64_t)l->failing | (uint64_t)l->detached << 1 | (uint64_t)l->gap << 2 |
                     (uint64_t)s->space.is_low << 3 | (uint64_t)l->slow << 4 |
                     atomic_load(&s->snapshot_failures) << 5;
    if (state != s->told)
        control_wake(s->a);
    s->told = state;
}

/* The log works in memory only: a new segment behind a gap, which a snapshot will bridge. */
static void
reattach(struct store *s)
{
    if (wal_reattach(s->wal) == 0)
        store_log(s, 2, "log_back", "the log is being written again; a snapshot follows");
}

/* A disk that refuses a snapshot is not asked again every second. */
static void
pause_after(struct store *s, int status)
{
    int64_t pause_ms = s->retry_pause_ms * 2;
    if (status == ATTL_OK || pause_ms == 0)
        pause_ms = KEEPER_LOOK_MS / 2;
    s->retry_pause_ms = pause_ms < RETRY_MOST_MS ? pause_ms : RETRY_MOST_MS;
    s->retry_at_ns = status == ATTL_OK ? 0 : clock_mono_ns() + s->retry_pause_ms * NS_PER_MS;
}

static void
snapshot_if_due(struct store *s, const struct log_state *l)
{
    atomic_store(&s->snapshot_starting, true); /* nobody sees a wish that is neither open nor met */
    bool wanted = atomic_exchange(&s->snapshot_wanted, false);
    bool due = l->gap || atomic_load(&s->snapshot_again) || snapshot_due_in(s, l) == 0;
    bool starts = wanted || (due && clock_mono_ns() >= s->retry_at_ns);
    int status = starts ? store_snapshot(s, NULL) : ATTL_OK;
    if (starts && status == ATTL_OK)
        atomic_store(&s->snapshot_again, false);
    if (status == ATTL_E_BUSY && wanted)
        atomic_store(&s->snapshot_wanted, true); /* after the one that is running */
    atomic_store(&s->snapshot_starting, false);
    if (!starts)
        return;
    pause_after(s, status);
    s->next_retention_ns = 0;
}

/* Whether there is something to look at again soon. */
static bool
is_busy(struct store *s, const struct log_state *l)
{
    bool grew = l->activity != s->seen_activity; /* its thread would wake us for each group */
    s->seen_activity = l->activity;
    return grew || l->failing || l->gap || s->space.suspect_lsn ||
           atomic_load(&s->snapshot_again) || atomic_load(&s->snapshot_wanted);
}

/*
 * Milliseconds until something will be due, at most KEEPER_SLEEP_MS. Beyond KEEPER_LOOK_MS the
 * sleep also ends when something is written: `idle` is set before the last look, so that what is
 * written behind it is not missed.
 */
static int64_t
next_look_in(struct store *s, int64_t others_ms)
{
    atomic_store(&s->idle, true);
    struct log_state l = look_at_log(s);
    int64_t due_ms = snapshot_due_in(s, &l), retention_ms = retention_due_in(s, &l);
    due_ms = retention_ms < due_ms ? retention_ms : due_ms;
    if (is_busy(s, &l) || due_ms < KEEPER_LOOK_MS) {
        atomic_store(&s->idle, false);
        return others_ms < KEEPER_LOOK_MS ? others_ms : KEEPER_LOOK_MS;
    }
    int64_t most_ms = s->space.is_low ? LOW_LOOK_MS : KEEPER_SLEEP_MS;
    due_ms = others_ms < due_ms ? others_ms : due_ms;
    return due_ms < most_ms ? due_ms : most_ms;
}

/* Does what is due; returns the milliseconds until something will be. */
static int64_t
keep(struct store *s)
{
    space_look(s);
    struct log_state l = look_at_log(s);
    if (l.failing || atomic_load(&s->space.emergency)) {
        s->next_retention_ns = 0; /* what is old may be in the way of what is new */
        retain_if_due(s, &l);
    }
    if (l.detached) {
        reattach(s);
        l = look_at_log(s);
    }
    snapshot_if_due(s, &l);
    tell_control(s, &l);
    retain_if_due(s, &l);
    int64_t erase_ms = erase_keep(s), scrub_ms = scrub_keep(s);
    return next_look_in(s, erase_ms < scrub_ms ? erase_ms : scrub_ms);
}

void
store_tick(struct store *s)
{
    if (s->keeper.running || store_is_loading(s) || !lock_try(&s->keep_lock))
        return;
    (void)keep(s); /* whoever ticks comes again */
    lock_release(&s->keep_lock);
}

static void *
keeper_main(void *arg)
{
    struct store *s = arg;
    if (s->background && load_and_open(s) != ATTL_OK)
        return NULL;
    thread_be_nice();
    while (!atomic_load(&s->stopping)) {
        int64_t wait_ms = keep(s);
        if (!atomic_load(&s->stopping))
            parker_sleep(&s->parker, wait_ms);
    }
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int
open_disk(struct store *s, const attl_config *config, char *err, size_t err_len)
{
    if (config->disk) {
        s->disk = config->disk;
        return ATTL_OK;
    }
    const char *path = config_str(config, OPT_PERSIST_DIR);
    if (path[0] == '\0') {
        (void)snprintf(err, err_len, "persist.fsync needs a directory: set persist.dir");
        return ATTL_E_CONFIG;
    }
    int error = os_disk_open(&s->directory, &s->alloc, path, true, err, err_len);
    if (error)
        return error == -EBUSY ? ATTL_E_LOCKED : store_status(error);
    s->disk = &s->directory.disk;
    return ATTL_OK;
}

int
store_open(struct attl *a, char *err, size_t err_len)
{
    const attl_config *config = a->config;
    struct store *s = alloc_line(&a->cache.config.alloc, sizeof(*s));
    if (!s)
        return ATTL_E_NOMEM;
    *s = (struct store){ .a = a,
                         .alloc = a->cache.config.alloc,
                         .notify_fn = config->notify_fn,
                         .notify_ud = config->notify_ud,
                         .next_lsn = 1,
                         .segment_bytes = (uint64_t)config_i64(config, OPT_PERSIST_SEGMENT_SIZE),
                         .wait_wanted = config_bool(config, OPT_PERSIST_WAIT),
                         .background = config_bool(config, OPT_PERSIST_BACKGROUND_LOAD) };
    a->store = s;
    lock_init(&s->keep_lock);
    lock_init(&s->snapshot_lock);
    lock_init(&s->rules_lock);
    scrub_init(s);
    erase_init(s);
    parker_init(&s->parker);
    atomic_store(&s->loading, true);
    atomic_store(&s->skew_ms, engine_skew_ms(a));
    if (!os_mem_random(&s->run_id, sizeof s->run_id))
        s->run_id = (uint64_t)engine_now_ms(a);
    store_apply_config(s, config);
    int status = open_disk(s, config, err, err_len);
    if (status == ATTL_OK && !s->background) {
        status = load_and_open(s);
        if (status != ATTL_OK)
            (void)snprintf(err, err_len, "%s", s->problem); /* cut is fine */
    }
    if (status == ATTL_OK && (s->background || config_bool(config, OPT_CACHE_BACKGROUND)) &&
        !thread_start(&s->keeper, "attl-keeper", keeper_main, s))
        status = ATTL_E_NOMEM;
    return status;
}

void
store_close(struct store **store)
{
    struct store *s = *store;
    if (!s)
        return;
    atomic_store(&s->stopping, true);
    parker_wake(&s->parker);
    thread_join(&s->keeper);
    atomic_store(&s->stopping, false); /* a snapshot that is needed now is taken */
    space_close(s);
    log_waits_stop(s->a);
    int error = wal_close(&s->wal);
    log_waits_end(s->a, error);
    if (error)
        store_log(s, 3, "log_close", "the end of the log could not be written: %s",
                  strerror(-error));
    store_snapshot_fini(s);
    scrub_fini(s);
    erase_fini(s);
    if (s->disk == &s->directory.disk)
        os_disk_close(&s->directory);
    alloc_free_line(&s->alloc, s);
    *store = NULL;
}
