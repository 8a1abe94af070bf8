/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Incidents: what goes wrong in a cache and what it does about it by itself. Part of <attl/attl.h>,
 * which includes it; do not include it alone.
 *
 * The model
 *   While a cache is in use it looks at itself once per incident.interval. For each kind of
 *   incident several bad readings in a row open an incident, and more good ones resolve it; one
 *   that gets worse, or stays open unacknowledged, escalates. Each has a record: when, why, with
 *   what measured value above what limit, and what was done. A kind has one open incident at most;
 *   one that comes back within incident.cooldown is the same incident, counted in `times`.
 *   What is done by itself never removes data beyond what the cache's limits ask for.
 *
 * Being told
 *   A function of yours (attl_on_incident) and a program (incident.exec) hear of each change. Both
 *   run in a thread of the cache that holds no lock.
 */
#ifndef ATTL_INCIDENT_H
#define ATTL_INCIDENT_H

#ifndef ATTL_ATTL_H
#error "include <attl/attl.h>, of which this is a part"
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum attl_incident_kind {
    ATTL_INCIDENT_WAL_FAILURE,
    ATTL_INCIDENT_SNAPSHOT_FAILURE,
    ATTL_INCIDENT_CORRUPTION,
    ATTL_INCIDENT_LOW_DISK,
    ATTL_INCIDENT_MEMORY,
    ATTL_INCIDENT_BOUNDS,
    ATTL_INCIDENT_EVICTION_RATE,
    ATTL_INCIDENT_LATENCY,
    ATTL_INCIDENT_BALANCER_STUCK,
    ATTL_INCIDENT_CLOCK_JUMP,
    ATTL_INCIDENT_OVERLOAD,
    ATTL_INCIDENT_AUDIT_FAILURE,
    ATTL_INCIDENT_ERASURE_LATE, /* since 0.6 */
    ATTL_INCIDENT_KINDS         /* how many there are in this release; grows */
};

enum attl_severity { ATTL_SEVERITY_INFO, ATTL_SEVERITY_WARNING, ATTL_SEVERITY_CRITICAL };

enum attl_incident_state {
    ATTL_INCIDENT_OPEN,
    ATTL_INCIDENT_ACKNOWLEDGED, /* open, and somebody knows */
    ATTL_INCIDENT_RESOLVED
};

enum attl_incident_event {
    ATTL_INCIDENT_OPENED, /* also when it came back: `times` > 1 */
    ATTL_INCIDENT_ESCALATED,
    ATTL_INCIDENT_CLOSED /* it is resolved */
};

/* One incident. Text is valid during the call that shows it. */
typedef struct attl_incident {
    uint32_t struct_size; /* of what the library filled in; grows at the end */
    uint64_t id;          /* 1, 2, ... in the order in which they opened */
    uint64_t correlation; /* the same in all log lines and records of this episode */
    int kind;             /* enum attl_incident_kind */
    int severity;         /* enum attl_severity, of the kind */
    int state;            /* enum attl_incident_state */
    int level;            /* of escalation: 0, 1 .. 3 */
    int simulated;        /* 1: it is a drill */
    uint32_t times;       /* how often it opened: 1, more if it came back soon */
    int64_t since_ms, changed_ms;
    int64_t resolved_ms; /* ATTL_NO_DEADLINE: not yet */
    double value, limit; /* as measured last, when it was bad */
    const char *name;    /* of the kind, "bounds_exceeded" */
    const char *cause;   /* a sentence with the numbers */
    const char *actions; /* what was done, a line each; "" for nothing */
    const char *request; /* the correlation id of the request that caused it (attl_trace_set),
                          * "" if none did or none is known. Since 0.6. */
} attl_incident;

/* Shows one incident; `i` and its text are valid during the call. */
typedef void (*attl_incident_fn)(void *ud, const attl_incident *i);
/* Tells of a change, enum attl_incident_event. */
typedef void (*attl_incident_event_fn)(void *ud, int event, const attl_incident *i);

typedef struct attl_incident_stats {
    uint32_t struct_size;              /* in, and out: how much was filled */
    uint64_t open;                     /* now, acknowledged ones included */
    uint64_t total;                    /* since the cache was opened */
    uint64_t reopened;                 /* times that one came back within incident.cooldown */
    uint64_t by_kind[32];              /* opened so far, by enum attl_incident_kind */
    uint64_t actions, actions_limited; /* responses; those left out because of incident.rate */
    uint64_t told, told_failed;        /* calls and programs; those that failed */
    uint64_t told_dropped;             /* not told for lack of room, or because of incident.rate */
    uint64_t forgotten;                /* records that the history has no room for any more */
    /* ms in which one was open that was no drill: by kind, any, any of severity critical.
     * Since 0.6. */
    uint64_t open_ms[32], any_open_ms, critical_open_ms;
} attl_incident_stats;

/* The word for a kind, "wal_failure"; NULL if there is none. Threads: any. Since 0.4. */
ATTL_API const char *attl_incident_kind_name(int kind);
/* enum attl_severity of a kind; ATTL_SEVERITY_INFO if there is no such kind. Threads: any.
 * Since 0.6. */
ATTL_API int attl_incident_kind_severity(int kind);
/* "open", "acknowledged", "resolved"; "?" if unknown. Threads: any. Since 0.4. */
ATTL_API const char *attl_incident_state_name(int state);
/* "info", "warning", "critical"; "?" if unknown. Threads: any. Since 0.4. */
ATTL_API const char *attl_severity_name(int severity);
/* "open", "escalate", "resolve"; "?" if unknown. Threads: any. Since 0.4. */
ATTL_API const char *attl_incident_event_name(int event);
/* How a kind is detected, and what is done about it: sentences, NULL if there is no such kind.
 * Threads: any. Since 0.4. */
ATTL_API const char *attl_incident_kind_text(int kind);
ATTL_API const char *attl_incident_kind_response(int kind);

/*
 * Shows the incidents that are open and the last 128 that are resolved, newest first, to `fn`,
 * which may call the cache. `open_only` != 0: without those that are resolved. Texts are copies.
 * Returns ATTL_OK, ATTL_E_NOMEM. Threads: any. Since 0.4.
 */
ATTL_CHECKED int attl_incidents_list(attl *cache, int open_only, attl_incident_fn fn, void *ud);
/* Shows the one incident `id`. ATTL_OK, ATTL_MISS. Threads: any. Since 0.4. */
ATTL_CHECKED int attl_incident_get(attl *cache, uint64_t id, attl_incident_fn fn, void *ud);
/*
 * Notes that somebody knows of the incident: it does not escalate any more because of its age.
 * ATTL_OK, ATTL_MISS (unknown, or resolved). Threads: any. Since 0.4.
 */
ATTL_CHECKED int attl_incident_ack(attl *cache, uint64_t id);
/*
 * A drill: from now on readings of `kind` are bad, and after two seconds worse, for five seconds or
 * until `on` is 0. Everything happens as in earnest, but that the responses only say what they
 * would do. Returns ATTL_OK, ATTL_E_INVALID (no such kind), ATTL_E_UNSUPPORTED (incident.enabled is
 * false). Threads: any. Since 0.4.
 */
ATTL_CHECKED int attl_incident_simulate(attl *cache, int kind, int on);
/*
 * For programs around the cache, which see what the cache cannot: that something of theirs goes
 * wrong (`level` 1), or worse (2), with a sentence that says why; or is well again (0). It stays so
 * until the next report of that kind, and opens, escalates and resolves an incident as the cache's
 * own readings do. Kinds that take reports: ATTL_INCIDENT_AUDIT_FAILURE. `cause` is copied, at most
 * 223 bytes; NULL: none. Returns ATTL_OK, ATTL_E_INVALID (another kind, another level). Threads:
 * any; may wait for as long as a look of the cache at itself takes. Since 0.6.
 */
ATTL_API int attl_incident_report(attl *cache, int kind, int level, const char *cause);
/* Fills *ret_stats, whose struct_size must be set. Threads: any. Since 0.4. */
ATTL_API void attl_incident_stats_get(attl *cache, attl_incident_stats *ret_stats);

/*
 * Calls `fn` for each change of an incident whose kind is in incident.handlers, in a thread of the
 * cache, without a lock held, one call at a time and in order; it may take its time and use the
 * cache, but not close it nor call attl_on_incident. At most 64 changes wait for it, what is more
 * is counted and dropped. NULL: nobody is told from now on; when this returns, the function that
 * was there before is not running any more. Threads: any. Blocks until it returns. Since 0.4.
 */
ATTL_API void attl_on_incident(attl *cache, attl_incident_event_fn fn, void *ud);
/* The same for a cache that is opened from `config`, so that nothing is missed. Since 0.4. */
ATTL_API void attl_config_set_incident_handler(attl_config *config, attl_incident_event_fn fn,
                                               void *ud);

#ifdef __cplusplus
}
#endif

#endif
