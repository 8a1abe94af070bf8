/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options: one table, from which everything that speaks about a setting is derived - settings.toml,
 * the environment, the command line, CONFIG GET and SET, --help and docs/config.md. A row is
 * constant data; what a configuration holds for it lives in config.h. The enum below, the rows of
 * option_table.c and nothing else name the options, so adding one is one enumerator and one row.
 * Everything here is immutable and may be used by any thread.
 */
#ifndef ATTL_CONFIG_OPTION_H
#define ATTL_CONFIG_OPTION_H

#include <attl/attl.h>
#include <stdbool.h>

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

/* What config_i64() returns for options of type enum. */
enum choice_eviction { CHOICE_EVICTION_S3FIFO, CHOICE_EVICTION_VOLATILE_TTL, CHOICE_EVICTION_NONE };
enum choice_reclaim { CHOICE_RECLAIM_WHEEL, CHOICE_RECLAIM_SWEEP };
enum choice_huge_pages { CHOICE_HUGE_PAGES_AUTO, CHOICE_HUGE_PAGES_ON, CHOICE_HUGE_PAGES_OFF };
enum choice_hash { CHOICE_HASH_XXH3, CHOICE_HASH_SIPHASH };
enum choice_validation {
    CHOICE_VALIDATION_STRICT,
    CHOICE_VALIDATION_NORMAL,
    CHOICE_VALIDATION_RELAXED,
    CHOICE_VALIDATION_BINARY
};
enum choice_fsync { CHOICE_FSYNC_OFF, CHOICE_FSYNC_NO, CHOICE_FSYNC_EVERYSEC, CHOICE_FSYNC_ALWAYS };
enum choice_on_error { CHOICE_ON_ERROR_AUTO, CHOICE_ON_ERROR_REJECT, CHOICE_ON_ERROR_DEGRADE };
enum choice_recover { CHOICE_RECOVER_STRICT, CHOICE_RECOVER_PREFIX, CHOICE_RECOVER_SALVAGE };
/* The same numbers as the levels of attl_log_fn. */
enum choice_log_level { CHOICE_LOG_DEBUG, CHOICE_LOG_INFO, CHOICE_LOG_WARNING, CHOICE_LOG_ERROR };
/* The same numbers as enum attl_severity. */
enum choice_severity { CHOICE_SEVERITY_INFO, CHOICE_SEVERITY_WARNING, CHOICE_SEVERITY_CRITICAL };
enum choice_pubsub { CHOICE_PUBSUB_RESETCHANNELS, CHOICE_PUBSUB_ALLCHANNELS };
enum choice_verify { CHOICE_VERIFY_NO, CHOICE_VERIFY_OPTIONAL, CHOICE_VERIFY_YES };
enum choice_tls_user { CHOICE_TLS_USER_OFF, CHOICE_TLS_USER_CN };
enum choice_tls { CHOICE_TLS_1_2, CHOICE_TLS_1_3 };
enum choice_log_format { CHOICE_LOG_FORMAT_AUTO, CHOICE_LOG_FORMAT_JSON, CHOICE_LOG_FORMAT_TEXT };

enum choice_auto { CHOICE_AUTO, CHOICE_YES, CHOICE_NO };
enum choice_audit_on_error { CHOICE_AUDIT_FAIL_OPEN, CHOICE_AUDIT_FAIL_CLOSED };
enum choice_audit_keys { CHOICE_AUDIT_KEYS_HASH, CHOICE_AUDIT_KEYS_PLAIN };

enum option_type {
    OPTION_BOOL,
    OPTION_INT,
    OPTION_BYTES,    /* int64, 123 or 8GiB or Redis' 8gb */
    OPTION_DURATION, /* int64 milliseconds, 1500ms or 30s or 30 (seconds) */
    OPTION_DOUBLE,
    OPTION_ENUM,
    OPTION_MODE, /* file permission bits, octal text */
    OPTION_STRING,
    OPTION_SECRET /* a string that is shown only on request */
};

enum option_flag {
    OPTION_RUNTIME =
        0x01, /* may be changed while the cache or the server runs; others are immutable */
    OPTION_SERVER = 0x02, /* concerns attld only */
    OPTION_LATER = 0x04   /* accepted and shown, but the component comes in a later release */
};

/* Where an alias may be used. */
enum option_alias_kind {
    ALIAS_REDIS,   /* a name of Redis: CONFIG GET and SET, command line, settings.toml */
    ALIAS_CLASSIC, /* a name of the environment, CACHE_MAX_ENTRIES */
    ALIAS_SHORT    /* a short spelling for the command line and attl_config_set */
};

/* How values are written under an alias, where it differs from the option itself. */
enum option_form {
    FORM_NATIVE,
    FORM_PLAIN,     /* shown without a unit: bytes, yes/no, octal without the leading 0 */
    FORM_SECONDS,   /* shown as a number of seconds */
    FORM_MEGABYTES, /* a number without a unit means MiB */
    FORM_REDIS      /* an enum shown by the name Redis has for the value */
};

struct option_alias {
    const char *name;
    enum option_alias_kind kind;
    enum option_form form;
};

/* One accepted text of an enum. The first row with a given value is the canonical one. */
struct option_choice {
    const char *text;
    int value;
    const char *redis; /* what FORM_REDIS shows for it; NULL: `text` */
};

enum {
    OPTION_ALIASES_MAX = 4,
    OPTION_NAME_MAX = 48,   /* longest name or alias */
    OPTION_TEXT_MAX = 1024, /* longest value as text, its NUL included */
    OPTION_ERROR_MAX = 512  /* room every message of this folder fits into */
};

struct option {
    const char *name; /* "section.key" */
    enum option_type type;
    unsigned flags;              /* enum option_flag */
    const char *library_default; /* text, as in settings.toml */
    const char *server_default;  /* NULL: the same */
    int64_t min, max; /* in base units; lengths for strings; unused for enums and bools */
    double min_real, max_real;
    const char *unit; /* for numbers with one that the type does not imply, or NULL */
    const struct option_choice *choices;             /* ends with text NULL */
    struct option_alias aliases[OPTION_ALIASES_MAX]; /* ends with name NULL, or is full */
    const char *text; /* one or two sentences, Markdown without a table bar */
};

/* The row of `id`, and the other way round. */
const struct option *option_at(enum option_id id);
enum option_id option_id_of(const struct option *option);
/* The option of that name or alias, in any case; NULL if there is none. */
const struct option *option_find(attl_slice name_or_alias);
/* The same; *ret_alias is the alias that matched, or NULL for the option's own name. */
const struct option *option_find_alias(attl_slice name_or_alias,
                                       const struct option_alias **ret_alias);
/*
 * Names for CONFIG GET patterns: every option's name and every Redis alias, in the order of the
 * table. False when `index` is past the last.
 */
bool option_name_at(size_t index, const char **ret_name);
/* The name or alias nearest to `wrong`, or NULL when none is near enough to be helpful. */
const char *option_nearest(attl_slice wrong);
/* True if some option is called `section`.something. */
bool option_has_section(attl_slice section);
/* The text of an enum's canonical row for `value`; ASSERTs that it exists. */
const char *option_choice_text(const struct option *option, int value);

#endif
