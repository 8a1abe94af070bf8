/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the metrics are read from: plain structs, filled in by whoever can ask the cache and the
 * server (src/command/metrics.c), and read by the rows of metrics.inc. Nothing here calls anything,
 * so that rendering is a pure function of one reading. A number that is not known is NAN in a
 * double and leaves its line out; a list that nobody filled is empty. Pointers belong to the
 * caller, and live until the rendering is over.
 */
#ifndef ATTL_METRIC_SOURCES_H
#define ATTL_METRIC_SOURCES_H

#include "base/histogram.h"

#include <attl/attl.h>
#include <stdbool.h>

enum { METRIC_LABELS = 2, METRIC_SHED = 9 };

/* Durations by class, in units of `unit_s` seconds each, since the start. */
struct metric_histogram {
    double unit_s; /* 0: there is none, and no line of it */
    double sum_s;
    uint64_t counts[HISTOGRAM_CLASSES];
};

/* What only the server knows. Counters since the start, or since CONFIG RESETSTAT. */
struct metric_host {
    /* the process */
    double start_s, uptime_s; /* Unix time of the start; since then */
    double cpu_user_s, cpu_system_s, cpu_s;
    double resident_bytes, virtual_bytes, open_fds, max_fds, threads; /* NAN: unknown */
    double machine_bytes;
    /* clients */
    uint64_t clients, max_clients, blocked, tracking;
    uint64_t workers;
    uint64_t connections, rejected, requests, in_bytes, out_bytes;
    uint64_t client_bytes, client_bytes_max;
    uint64_t protocol_errors, foreign, dropped_query, dropped_output, dropped_memory;
    uint64_t timed_out, auth_lockouts, killed;
    uint64_t held, held_failed, events_lost;
    uint64_t channels, patterns, shard_channels;
    uint64_t tracked_keys, tracked_items, tracked_prefixes;
    /* per second, over the last second or two */
    double requests_rate, in_rate, out_rate;
    double hits_rate, misses_rate, sets_rate, expired_rate, evicted_rate;
    double hit_ratio; /* of the same time; NAN: nothing was read */
    /* load */
    uint64_t shed_level, shed_read[3], shed_write[3], shed_scan[3]; /* by enum shed_outcome */
    struct metric_histogram queue; /* waits of the turns that were measured */
};

/* The audit trail; counters since the start. Without one all are 0, and `off` is 1. */
struct metric_audit {
    uint64_t off, fail_open, fail_closed; /* 1: this is what there is */
    uint64_t failing;                     /* 1: it cannot be written */
    uint64_t lines, bytes, lost, refused, failures;
    uint64_t waiting, files, rotations, removed, last_seq;
    double oldest_s; /* NAN: not known */
};

/* Telling others of incidents; counters since the start. */
struct metric_alerts {
    uint64_t targets, waiting;
    uint64_t delivered, gave_up, superseded, dropped;
    uint64_t attempts, failures;
};

/* What follows from the other figures, and needs the time of day or a sum. */
struct metric_derived {
    double hit_ratio, overhead_bytes, dataset_bytes, slack_bytes, metadata_bytes, expire_mean_s;
    double used_ratio;             /* of max_memory; NAN without one */
    double stall_ratio;            /* of attl_pressure; NAN: not known */
    double snapshot_age_s;         /* NAN: there is none */
    double snapshot_failed;        /* 1: the last attempt */
    double scrub_age_s;            /* NAN: there was none */
    double erase_age_s;            /* of the oldest erasure that is pending; NAN: there is none */
    double log_ok, loading;        /* 0 or 1 */
    double loading_s;              /* how long requests were answered LOADING */
    double log_failing_s;          /* incident wal_failure was open */
    double degraded_s, critical_s; /* some incident was open; a critical one */
    double ready;                  /* 1: loaded, and changes are accepted */
    uint64_t commands, errors;
};

/* Beginning of each item of a list: what its lines are told apart by. */
struct metric_item {
    const char *labels[METRIC_LABELS];
};

struct metric_list {
    const void *items; /* each begins with a struct metric_item */
    size_t len;
};

struct metric_shard {
    struct metric_item item;
    attl_shard_info shard;
    double load; /* CPU seconds per second */
    char name[12];
};

struct metric_command {
    struct metric_item item;
    uint64_t calls, rejected, failed;
    uint64_t timed, timed_ns; /* calls whose time was taken, and what they took */
};

/* A group of commands, or a stage of their way. */
struct metric_latency {
    struct metric_item item;
    struct metric_histogram histogram;
};

struct metric_error {
    struct metric_item item;
    uint64_t count;
};

struct metric_incident {
    struct metric_item item; /* kind, severity */
    uint64_t open, total;
    double open_s;
};

struct metric_log_state {
    struct metric_item item;
    uint64_t active; /* 1: it is this one */
};

struct metric_namespace {
    struct metric_item item;
    attl_ns_stats ns;
};

struct metric_sources {
    const char *version, *revision;
    attl_stats cache;
    attl_load_stats load;
    attl_tuner_stats tuner;
    attl_pressure pressure;
    attl_persist_stats log;
    attl_scrub_stats scrub;
    attl_incident_stats incidents;
    attl_balance_stats balance;
    attl_erase_stats erase;
    struct metric_audit audit;
    struct metric_alerts alerts;
    struct metric_host host;
    struct metric_derived derived;
    struct metric_list shards, commands, families, stages, errors, kinds, log_states, namespaces;
};

#endif
