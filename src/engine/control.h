/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The door between the engine and the control plane (src/control): what the loops there may see and
 * what they may do, and nothing else of the engine is known to them. Observing copies numbers and
 * takes no lock that a caller of the cache would wait for; acting is bounded in time. The engine in
 * turn knows the control plane as four functions, called by the maintenance thread or attl_tick(),
 * never with a lock held but for `configure`, which the config lock covers.
 *
 * While nothing happens the control plane sleeps: whoever has news that a loop waits for (the log's
 * state) calls control_wake(), and a sampled operation control_stir().
 */
#ifndef ATTL_ENGINE_CONTROL_H
#define ATTL_ENGINE_CONTROL_H

#include <attl/attl.h>

#include "base/histogram.h"
#include "engine/pool.h"
#include "os/trace.h"

#include <stdbool.h>

struct attl;

/* ---- what the engine calls ---- */

struct control_hooks {
    /* Looks at everything that is due; returns when it wants to be called again (INT64_MAX: when
     * control_wake() is called), and whether the next sample is worth a call before that. */
    int64_t (*cycle)(void *ud, int64_t now_ms, bool *ret_listens);
    /* The settings that are in force from now on. */
    void (*configure)(void *ud, const attl_config *config);
    /* The cache is being closed and nobody is inside any more. */
    void (*close)(void *ud);
};

/* Installs the control plane of a cache that is not used yet. It sleeps until something happens. */
void control_attach(struct attl *a, const struct control_hooks *hooks, void *ud);
/* What was attached, NULL: nothing. */
void *control_of(struct attl *a);
/* Sees to it that a cycle runs soon. Any thread, any lock of the engine's may be held. */
void control_wake(struct attl *a);
/* The same for what can wait a second since the last cycle: an operation has been sampled. */
void control_stir(struct attl *a);

/* ---- observe ---- */

enum control_kind { CONTROL_READ, CONTROL_WRITE, CONTROL_KINDS };

/* Sums since the cache was opened, and present values. */
struct control_numbers {
    int64_t now_ms;  /* the cache's time */
    int64_t mono_ns; /* real time, for rates; the same scale as now_ms under a simulated clock */
    int64_t skew_ms; /* how far the wall clock was set away from the cache's */
    uint64_t hits, misses, sets, deletes, expired, evicted, refused_full;
    uint64_t sampled[CONTROL_KINDS];                  /* operations that were sampled */
    uint64_t sampled_ns[CONTROL_KINDS];               /* what they took together */
    uint64_t items, used_bytes, max_items, max_bytes; /* the last two 0: no limit */
    unsigned shards, partitions;
    uint64_t ghost_hits; /* sets of a key that had been evicted a short while ago */
};
void control_observe(struct attl *a, struct control_numbers *ret);
/* Durations of the sampled operations since the cache was opened, in ns, by class. */
void control_observe_latency(struct attl *a, enum control_kind kind,
                             uint64_t ret_counts[HISTOGRAM_CLASSES]);
/* And what those took together. */
uint64_t control_observe_latency_sum(struct attl *a, enum control_kind kind);

enum {
    CONTROL_SAMPLE_EVERY = 64,     /* one operation in that many is sampled */
    CONTROL_SAMPLE_MAX_NS = 20000, /* and counted with that at most: see engine/sample.c */
};

/* What one partition has cost since the cache was opened. */
struct control_load {
    uint32_t ops[CONTROL_KINDS]; /* sampled ones; may wrap */
    uint64_t bytes, wait_ns;     /* of the sampled ones */
    uint64_t items, live_bytes;  /* now */
    unsigned owner;              /* the shard it belongs to */
};
/* Of `n` partitions from `first` on. */
void control_observe_loads(struct attl *a, unsigned first, unsigned n, struct control_load *ret);

/* What has to be reclaimed or tidied up. Sums of whole chunks: an upper bound. */
struct control_garbage {
    uint64_t expired_bytes; /* past their deadlines, and not reclaimed yet */
    uint64_t due_bytes;     /* those, and what waits to be moved to finer slots of the wheel */
    uint64_t coming_bytes;  /* expire within the horizon */
    int64_t waited_ms;      /* the oldest of what is due; 0: nothing is */
    uint64_t dead_bytes;    /* overwritten and deleted: the cleaner's */
    uint64_t reclaimed, deep_passes, sweeps, pauses, pause_ns; /* since the cache was opened */
};
void control_observe_garbage(struct attl *a, int64_t horizon_ms, struct control_garbage *ret);

/* ---- act ---- */

/* How the maintenance works from now on. */
struct control_pace {
    unsigned duty_permille;    /* of its time while something is due; 1000: without pauses */
    unsigned quantum_us;       /* at least so long in one piece */
    int64_t deep_interval_ms;  /* between two deep passes at least; 0: with every maintenance */
    int64_t sweep_interval_ms; /* 0: the wheel reclaims; else it does not, and a sweep does */
    bool writers_help;         /* each write reclaims a little of what is due */
};
void control_set_pace(struct attl *a, const struct control_pace *pace);

/* Gives a partition to another shard. */
void control_move(struct attl *a, unsigned partition, unsigned shard);
/* ---- the data directory: observe and act (control_disk.c) ---- */

/* Numbers that others have looked up: nothing is asked of the disk. */
struct control_disk {
    bool present; /* there is a data directory, and it has been loaded */
    bool has_log;
    bool retrying, memory_only, behind_gap; /* the log's state, if it is not simply written */
    int log_error;                          /* negative errno while it fails */
    int latest_error;                       /* of the last failure there was */
    int64_t failing_since_ms;               /* Unix ms */
    uint64_t log_errors, unsynced_bytes, next_lsn;
    uint64_t sync_us_p99, slowest_sync_us; /* the second: since the last call, or running now */
    /* The last interval that was not logged; to 0: it lasts; from 0: there was none. */
    uint64_t gap_from_lsn, gap_to_lsn, gap_changes;
    int64_t gap_from_ms, gap_to_ms;
    bool space_known, reserve_wanted;
    uint64_t free_bytes, total_bytes, low_bytes, need_bytes, reserve_bytes, reserve_released;
    uint64_t segments_gone; /* open ones, which somebody has removed */
    uint64_t snapshots, snapshot_failures;
    int snapshot_error;                 /* negative errno of the last attempt, 0: it succeeded */
    char snapshot_trace[TRACE_MAX + 1]; /* of the request that failed last; "": no request */
};
/* Only one thread may call it at a time. */
void control_observe_disk(struct attl *a, struct control_disk *ret);
/* While on: everything that recovery does not need may be removed, from now on. */
void control_disk_emergency(struct attl *a, bool on);
/* Asks for a snapshot, after the pause that a disk gets which has refused one. */
void control_disk_snapshot(struct attl *a);

/* ---- erasures (control_erase.c) ---- */

struct control_erasures {
    unsigned late;      /* whose older files are there after they were due */
    int64_t overdue_ms; /* of the one that was due first, and what it says */
    int64_t within_ms;
    uint64_t files_left;
    char id[40], problem[160];
};
void control_observe_erasures(struct attl *a, struct control_erasures *ret);

/* ---- memory pressure: observe and act (control_pressure.c) ---- */

struct control_pressure {
    uint64_t limit_bytes, used_bytes; /* of the tightest control group; 0: nobody limits us */
    double stall_percent; /* of time in which somebody waited for memory; < 0: unknown */
    uint64_t refused;     /* allocations that failed since the cache was opened */
    uint64_t data_bytes;  /* used by the cache */
    uint64_t held_bytes;  /* what the system has given for that, at most, free parts included */
    uint64_t ops;         /* calls that found, missed or changed something */
    bool evicts;          /* the policy allows it */
};
void control_observe_pressure(struct attl *a, struct control_pressure *ret);
/* Where the system's files are looked for from now on, "" for a start. Tests. */
void control_pressure_root(struct attl *a, const char *root);
/* Data may take at most so much, whatever is configured; 0: as configured. */
void control_set_soft_limit(struct attl *a, uint64_t bytes);
/* Evicts by the cache's policy until it is `percent` below its limits, for at most about
 * `budget_us`, and counts the entries that went. True if there is more to do and it can be done. */
bool control_evict(struct attl *a, unsigned percent, int64_t budget_us, uint64_t *ret_entries);
/* Removes some of what has expired, and lets the maintenance give empty arenas back at once. */
void control_trim(struct attl *a);
/* Longer values are refused with ATTL_E_FULL; UINT64_MAX: none. */
void control_refuse_above(struct attl *a, uint64_t bytes);

/* attl_log_fn's */
enum control_level { CONTROL_INFO = 1, CONTROL_WARNING, CONTROL_ERROR };
/* Says what was seen and done. */
void control_log(struct attl *a, int level, const char *event, const char *text);

/* ---- incidents ---- */

/* The cache's time, Unix ms. */
int64_t control_now_ms(struct attl *a);

/* Runs a job in a thread of the pool, as pool_submit(). The job is run also when the cache is being
 * closed; then control_is_closing() is true and it should do no more than clean up. */
int control_run(struct attl *a, struct pool_job *job);
bool control_is_closing(const struct attl *a);

/* ---- damage in the data directory ---- */

enum { CONTROL_DAMAGE_TEXT_BYTES = 256 };

struct control_damage {
    uint64_t count;    /* files found damaged since the cache was opened, also while loading */
    uint64_t unhealed; /* of those, now */
    /* the newest of them, if count > 0 */
    uint64_t number;   /* grows from finding to finding */
    uint64_t revision; /* grows with each change of any finding */
    bool healed;
    uint64_t offset;
    char trace[TRACE_MAX + 1]; /* of the request that found it */
    char file[96], lost[CONTROL_DAMAGE_TEXT_BYTES], done[CONTROL_DAMAGE_TEXT_BYTES];
};
void control_observe_damage(struct attl *a, struct control_damage *ret);
/* The finding that was changed first after `revision`, without the sums. False: there is none. */
bool control_next_damage(struct attl *a, uint64_t revision, struct control_damage *ret);

#endif
