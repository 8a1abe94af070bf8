/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The options by number, for the program. The table of options has a row for each, in this order,
 * and so has docs/config.md. To add an option, add an enumerator here and its row there. What the
 * comments name is the unit, or the words that a number stands for.
 */
#ifndef ATTL_CONFIG_OPTION_ID_H
#define ATTL_CONFIG_OPTION_ID_H

/* In the order of docs/config.md; the rows of the table have the same order. */
enum option_id {
    OPT_CACHE_MAX_MEMORY, /* bytes, 0: no limit */
    OPT_CACHE_MAX_ENTRIES,
    OPT_CACHE_EVICTION,    /* enum choice_eviction */
    OPT_CACHE_DEFAULT_TTL, /* ms, 0: none */
    OPT_CACHE_NUM_SHARDS,
    OPT_CACHE_PARTITIONS, /* 0: chosen by the engine */
    OPT_CACHE_PARANOIA,
    OPT_CACHE_BACKGROUND,
    OPT_CACHE_HUGE_PAGES, /* enum choice_huge_pages */
    OPT_CACHE_MAX_PINNED, /* bytes */
    OPT_CACHE_HASH,       /* enum choice_hash */
    OPT_CACHE_UTILIZATION,
    OPT_CACHE_RETURN_DELAY, /* ms */
    OPT_VALIDATION_MODE,    /* enum choice_validation */
    OPT_VALIDATION_MAX_KEY_BYTES,
    OPT_VALIDATION_MAX_VALUE_BYTES,
    OPT_VALIDATION_MAX_TTL, /* ms, 0: no bound */
    OPT_LIMITS_TRANSACTION_OPS,
    OPT_LIMITS_ROLLBACK_OPS,
    OPT_BALANCER_ENABLED,
    OPT_BALANCER_IMBALANCE_THRESHOLD,
    OPT_BALANCER_INTERVAL, /* ms */
    OPT_BALANCER_BUDGET,
    OPT_HOTKEYS_ENABLED,
    OPT_ADAPTIVE_ENABLED,
    OPT_ADAPTIVE_BASE_INTERVAL,     /* ms */
    OPT_ADAPTIVE_MIN_INTERVAL,      /* ms */
    OPT_ADAPTIVE_MAX_INTERVAL,      /* ms */
    OPT_ADAPTIVE_LATENCY_THRESHOLD, /* ms */
    OPT_ADAPTIVE_INSERT_THRESHOLD,  /* entries per second */
    OPT_ADAPTIVE_RECLAIM,           /* enum choice_reclaim */
    OPT_LEDGER_ENTRIES,             /* 0: no ledger */
    OPT_INCIDENT_ENABLED,
    OPT_INCIDENT_INTERVAL, /* ms */
    OPT_INCIDENT_OPEN_AFTER,
    OPT_INCIDENT_CLOSE_AFTER,
    OPT_INCIDENT_ESCALATE_AFTER, /* ms */
    OPT_INCIDENT_COOLDOWN,       /* ms */
    OPT_INCIDENT_RATE,
    OPT_INCIDENT_HANDLERS,
    OPT_INCIDENT_EXEC,
    OPT_INCIDENT_EXEC_TIMEOUT, /* ms */
    OPT_INCIDENT_TURNOVER,     /* ms */
    OPT_INCIDENT_LOW_DISK,     /* bytes */
    OPT_INCIDENT_LATENCY_FACTOR,
    OPT_PRESSURE_ENABLED,
    OPT_PRESSURE_CGROUP_HIGH, /* share */
    OPT_PRESSURE_PSI_LIMIT,   /* percent, 0: none */
    OPT_PRESSURE_FLOOR,       /* share */
    OPT_PRESSURE_OVERSIZE,    /* bytes */
    OPT_PRESSURE_DRY_RUN,
    OPT_SHED_ENABLED,
    OPT_SHED_TARGET,    /* ms */
    OPT_SHED_MAX_DELAY, /* ms */
    OPT_METRICS_ENABLED,
    OPT_RETENTION_ENABLED,
    OPT_RETENTION_INTERVAL,     /* ms */
    OPT_RETENTION_SNAPSHOT_TTL, /* ms */
    OPT_RETENTION_LOG_TTL,      /* ms */
    OPT_RETENTION_SNAPSHOTS,    /* 0: no bound */
    OPT_RETENTION_DISK_BUDGET,  /* bytes, 0: none */
    OPT_SCRUB_ENABLED,
    OPT_SCRUB_INTERVAL, /* ms */
    OPT_SCRUB_RATE,     /* bytes per second */
    OPT_ERASE_WITHIN,   /* ms */
    OPT_PERSIST_FSYNC,  /* enum choice_fsync */
    OPT_PERSIST_DIR,
    OPT_PERSIST_SEGMENT_SIZE, /* bytes */
    OPT_PERSIST_BUFFER,       /* bytes */
    OPT_PERSIST_ON_ERROR,     /* enum choice_on_error */
    OPT_PERSIST_RECOVER,      /* enum choice_recover */
    OPT_PERSIST_WAIT,
    OPT_PERSIST_BACKGROUND_LOAD,
    OPT_PERSIST_SAVE,
    OPT_PERSIST_SNAPSHOT_LOG_SIZE, /* bytes, 0: never */
    OPT_PERSIST_COMPRESS,
    OPT_PERSIST_RESERVE,   /* bytes, 0: none */
    OPT_PERSIST_SLOW_SYNC, /* ms */
    OPT_ASYNC_THREADS,
    OPT_ASYNC_QUEUE,
    OPT_SERVER_PORT,
    OPT_SERVER_BIND,
    OPT_SERVER_UNIXSOCKET,
    OPT_SERVER_UNIXSOCKETPERM, /* permission bits */
    OPT_SERVER_ADMIN_PORT,
    OPT_SERVER_TLS_PORT,
    OPT_SERVER_THREADS, /* 0: one per core */
    OPT_SERVER_MAX_CLIENTS,
    OPT_SERVER_TIMEOUT,       /* ms, 0: never */
    OPT_SERVER_TCP_KEEPALIVE, /* ms, 0: off */
    OPT_SERVER_TCP_BACKLOG,
    OPT_SERVER_REQUIREPASS,
    OPT_SERVER_PROTECTED_MODE,
    OPT_SERVER_QUERY_BUFFER_LIMIT,  /* bytes */
    OPT_SERVER_OUTPUT_BUFFER_LIMIT, /* bytes */
    OPT_SERVER_CLIENTS_MEMORY,      /* bytes, 0: no limit */
    OPT_SERVER_SHUTDOWN_TIMEOUT,    /* ms */
    OPT_SERVER_DIR,
    OPT_SERVER_READINESS_DELAY, /* ms */
    OPT_ADMIN_BIND,
    OPT_ADMIN_TLS,
    OPT_ADMIN_TLS_AUTH_CLIENTS, /* enum choice_admin_verify */
    OPT_ADMIN_HOSTS,
    OPT_ADMIN_TOKEN,
    OPT_ADMIN_READ_TOKEN,
    OPT_ADMIN_METRICS_TOKEN,
    OPT_ADMIN_MAX_CONNECTIONS,
    OPT_ADMIN_MAX_LISTENERS,
    OPT_ADMIN_UI_DIR,
    OPT_ACL_FILE,
    OPT_ACL_LOG_MAX_LEN,
    OPT_ACL_PUBSUB_DEFAULT, /* enum choice_pubsub */
    OPT_TLS_CERT_FILE,
    OPT_TLS_KEY_FILE,
    OPT_TLS_KEY_FILE_PASS,
    OPT_TLS_CA_FILE,
    OPT_TLS_AUTH_CLIENTS,      /* enum choice_verify */
    OPT_TLS_AUTH_CLIENTS_USER, /* enum choice_tls_user */
    OPT_TLS_MIN_VERSION,       /* enum choice_tls */
    OPT_TLS_CIPHERS,
    OPT_TLS_CIPHERSUITES,
    OPT_TLS_SESSION_CACHING,
    OPT_TLS_HANDSHAKE_TIMEOUT, /* ms */
    OPT_TLS_MAX_HANDSHAKES,
    OPT_PUBSUB_BUFFER_LIMIT,     /* bytes */
    OPT_TRACKING_TABLE_MAX_KEYS, /* 0: no limit */
    OPT_TRACKING_PENDING_LIMIT,  /* bytes */
    OPT_ALERT_ENABLED,
    OPT_ALERT_URL,
    OPT_ALERT_SECRET,
    OPT_ALERT_HEADER,
    OPT_ALERT_TEMPLATE,
    OPT_ALERT_CA_FILE,
    OPT_ALERT_MIN_SEVERITY, /* enum choice_severity */
    OPT_ALERT_TRIES,
    OPT_ALERT_TIMEOUT,     /* ms */
    OPT_ALERT_BACKOFF,     /* ms */
    OPT_ALERT_BACKOFF_MAX, /* ms */
    OPT_AUDIT_MODE,        /* enum choice_auto */
    OPT_AUDIT_DIR,
    OPT_AUDIT_KEY_FILE,
    OPT_AUDIT_ROTATE_SIZE, /* bytes */
    OPT_AUDIT_ROTATE_AGE,  /* ms, 0: never */
    OPT_AUDIT_KEEP,        /* files, 0: any number */
    OPT_AUDIT_KEEP_AGE,    /* ms, 0: for ever */
    OPT_AUDIT_FSYNC,       /* 1: always */
    OPT_AUDIT_ON_ERROR,    /* enum choice_audit_on_error */
    OPT_AUDIT_WRITES,
    OPT_AUDIT_KEYS, /* enum choice_audit_keys */
    OPT_AUDIT_QUEUE,
    OPT_LOG_LEVEL,  /* enum choice_log_level */
    OPT_LOG_FORMAT, /* enum choice_log_format */
    OPT_LOG_RATE,   /* lines per minute and event, 0: any number */
    OPT_LOG_REDACT,
    OPT_LATENCY_SLOWLOG_LOG_SLOWER_THAN, /* microseconds, < 0: never */
    OPT_LATENCY_SLOWLOG_MAX_LEN,
    OPT_LATENCY_SLOWLOG_REDACT,
    OPT_LATENCY_COMMANDLOG_REQUEST_LARGER_THAN, /* bytes, < 0: never */
    OPT_LATENCY_COMMANDLOG_LARGE_REQUEST_MAX_LEN,
    OPT_LATENCY_COMMANDLOG_REPLY_LARGER_THAN, /* bytes, < 0: never */
    OPT_LATENCY_COMMANDLOG_LARGE_REPLY_MAX_LEN,
    OPT_LATENCY_MONITOR_THRESHOLD, /* ms, 0: never */
    OPT_REDIS_DATABASES,
    OPT_REDIS_APPENDONLY, /* 1: yes; shown, never read: OPT_PERSIST_FSYNC decides */
    OPT_REDIS_NOTIFY_KEYSPACE_EVENTS,
    OPT_REDIS_HZ,
    OPTION_COUNT
};

#endif
