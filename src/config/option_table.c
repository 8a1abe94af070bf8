/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of options, and nothing else. A row says all there is to know about a setting; whoever
 * adds one adds an enumerator in option.h and a row here, in the same order, and runs
 * tools/gen_docs.py. Defaults are text, read by the same parser as a settings file, so that the
 * documentation shows what a user would write and a test can prove that every default is inside its
 * own bounds. Constant data, shared by all threads.
 */
#include "config/option.h"

#include "base/assert.h"
#include "base/limits.h"

#define KIB INT64_C(1024)
#define MIB (INT64_C(1024) * KIB)
#define GIB (INT64_C(1024) * MIB)
#define SECOND INT64_C(1000) /* durations are milliseconds */
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define MEMORY_MAX (INT64_C(1) << 50) /* a pebibyte: keeps every sum of sizes inside int64 */
#define TTL_MAX (100000 * DAY)        /* 273 years; well below LIMIT_TTL_MS, and a round number */
#define ENTRIES_MAX INT64_C(1000000000000)

#include "config/option_choices.inc"

/* clang-format off */
static const struct option table[OPTION_COUNT] = {
    /* ---- cache ---- */
    [OPT_CACHE_MAX_MEMORY] = {
        .name = "cache.max_memory", .type = OPTION_BYTES, .flags = OPTION_RUNTIME,
        .library_default = "100MiB", .server_default = "0", .max = MEMORY_MAX,
        .aliases = { { "maxmemory", ALIAS_REDIS, FORM_PLAIN },
                     { "CACHE_MAX_MEMORY_MB", ALIAS_CLASSIC, FORM_MEGABYTES },
                     { "max_memory_mb", ALIAS_SHORT, FORM_MEGABYTES } },
        .text = "Memory for entries and their index; above it entries are evicted. 0 means no "
                "limit." },
    [OPT_CACHE_MAX_ENTRIES] = {
        .name = "cache.max_entries", .type = OPTION_INT, .flags = OPTION_RUNTIME,
        .library_default = "100000", .server_default = "0", .max = ENTRIES_MAX, .unit = "entries",
        .aliases = { { "CACHE_MAX_ENTRIES", ALIAS_CLASSIC, FORM_NATIVE },
                     { "max_entries", ALIAS_SHORT, FORM_NATIVE } },
        .text = "Number of entries; above it entries are evicted. 0 means no limit." },
    [OPT_CACHE_EVICTION] = {
        .name = "cache.eviction", .type = OPTION_ENUM, .flags = OPTION_RUNTIME,
        .library_default = "s3fifo", .choices = evictions,
        .aliases = { { "maxmemory-policy", ALIAS_REDIS, FORM_REDIS } },
        .text = "What goes when a limit is reached: any entry that is used little (s3fifo), "
                "only entries with a TTL, soonest first (volatile-ttl), or nothing: writes "
                "fail (noeviction). Redis' allkeys-... mean s3fifo, its volatile-... mean "
                "volatile-ttl." },
    [OPT_CACHE_DEFAULT_TTL] = {
        .name = "cache.default_ttl", .type = OPTION_DURATION, .flags = OPTION_RUNTIME,
        .library_default = "60s", .server_default = "0", .max = TTL_MAX,
        .aliases = { { "ttl_seconds", ALIAS_SHORT, FORM_SECONDS } },
        .text = "Life of an entry stored without a TTL. 0 means for ever." },
    [OPT_CACHE_NUM_SHARDS] = {
        .name = "cache.num_shards", .type = OPTION_INT, .flags = OPTION_RUNTIME,
        .library_default = "16", .min = 1, .max = LIMIT_SHARDS, .unit = "shards",
        .aliases = { { "NUM_SHARDS", ALIAS_CLASSIC, FORM_NATIVE } },
        .text = "Number of shards: each has its own timing wheel, eviction queues and share of "
                "the maintenance." },
    [OPT_CACHE_PARTITIONS] = {
        .name = "cache.partitions", .type = OPTION_INT,
        .library_default = "0", .max = 1 << LIMIT_PARTITION_BITS_MAX, .unit = "partitions",
        .text = "Number of partitions of the index, each with its own lock; a power of two of "
                "at least 16. 0 chooses it from the limits." },
    [OPT_CACHE_PARANOIA] = {
        .name = "cache.paranoia", .type = OPTION_BOOL, .flags = OPTION_RUNTIME,
        .library_default = "no",
        .text = "Caps the cache at 10 000 entries and 10 MiB, whatever the limits above say." },
    [OPT_CACHE_BACKGROUND] = {
        .name = "cache.background", .type = OPTION_BOOL,
        .library_default = "yes",
        .text = "Maintenance by a thread of the cache, asleep while there is nothing to do. "
                "Without it the program calls attl_tick()." },
    [OPT_CACHE_HUGE_PAGES] = {
        .name = "cache.huge_pages", .type = OPTION_ENUM,
        .library_default = "auto", .choices = huge_pages,
        .text = "Ask the system for 2 MiB pages for the arenas; auto does so for caches large "
                "enough to gain." },
    [OPT_CACHE_MAX_PINNED] = {
        .name = "cache.max_pinned", .type = OPTION_BYTES, .flags = OPTION_RUNTIME,
        .library_default = "64MiB", .min = 64 * KIB, .max = MEMORY_MAX,
        .text = "Memory that values handed out without a copy may hold back from reuse; above "
                "it such reads answer that the cache is busy." },
    [OPT_CACHE_HASH] = {
        .name = "cache.hash", .type = OPTION_ENUM,
        .library_default = "xxh3", .choices = hashes,
        .text = "Hash of keys, with a random secret per cache. siphash is slower and resists "
                "keys chosen to collide." },
    [OPT_CACHE_UTILIZATION] = {
        .name = "cache.utilization", .type = OPTION_DOUBLE, .flags = OPTION_RUNTIME,
        .library_default = "0.85", .min_real = 0.5, .max_real = 0.98,
        .text = "Share of the memory in use that should be live records; below it the cleaner "
                "compacts. Higher saves memory and copies more." },
    [OPT_CACHE_RETURN_DELAY] = {
        .name = "cache.return_delay", .type = OPTION_DURATION, .flags = OPTION_RUNTIME,
        .library_default = "1s", .max = DAY,
        .text = "How long a free arena is kept before its memory goes back to the system." },

    /* ---- validation ---- */
    [OPT_VALIDATION_MODE] = {
        .name = "validation.mode", .type = OPTION_ENUM, .flags = OPTION_RUNTIME,
        .library_default = "normal", .choices = validations,
        .aliases = { { "CACHE_VALIDATION_MODE", ALIAS_CLASSIC, FORM_NATIVE } },
        .text = "Which keys and TTLs are accepted: strict (no control characters, a TTL is "
                "required), normal (no CR, LF, NUL), relaxed (no NUL, over-long TTLs are "
                "capped), binary (everything, as Redis)." },
    [OPT_VALIDATION_MAX_KEY_BYTES] = {
        .name = "validation.max_key_bytes", .type = OPTION_BYTES, .flags = OPTION_RUNTIME,
        .library_default = "0", .max = LIMIT_KEY_BYTES,
        .text = "Longest key. 0 means the mode's own limit: strict 1000, normal 2000, relaxed "
                "4096, binary 32768." },
    [OPT_VALIDATION_MAX_VALUE_BYTES] = {
        .name = "validation.max_value_bytes", .type = OPTION_BYTES, .flags = OPTION_RUNTIME,
        .library_default = "512MiB", .min = 1, .max = (int64_t)LIMIT_VALUE_BYTES,
        .aliases = { { "proto-max-bulk-len", ALIAS_REDIS, FORM_PLAIN } },
        .text = "Longest value." },
    [OPT_VALIDATION_MAX_TTL] = {
        .name = "validation.max_ttl", .type = OPTION_DURATION, .flags = OPTION_RUNTIME,
        .library_default = "365d", .server_default = "0", .max = TTL_MAX,
        .text = "Longest TTL. 0 means no bound, except in strict mode, where it is 365d." },

    /* ---- limits ---- */
    [OPT_LIMITS_TRANSACTION_OPS] = {
        .name = "limits.transaction_ops", .type = OPTION_INT, .flags = OPTION_RUNTIME,
        .library_default = "10000", .min = 1, .max = LIMIT_TRANSACTION_OPS, .unit = "operations",
        .text = "Most keys of a transaction, and most commands between MULTI and EXEC." },
    [OPT_LIMITS_ROLLBACK_OPS] = {
        .name = "limits.rollback_ops", .type = OPTION_INT, .flags = OPTION_RUNTIME,
        .library_default = "10000", .min = 1, .max = LIMIT_TRANSACTION_OPS, .unit = "operations",
        .text = "Most operations that can be undone at once." },

    /* ---- balancer, hotkeys ---- */
#include "config/option_balancer.inc"

    /* ---- adaptive ---- */
#include "config/option_adaptive.inc"

    /* ---- ledger, incident, retention, persist ---- */
    [OPT_LEDGER_ENTRIES] = {
        .name = "ledger.entries", .type = OPTION_INT,
        .library_default = "0", .server_default = "65536", .max = LIMIT_LEDGER_ENTRIES,
        .unit = "entries",
        .text = "Deaths of entries that are remembered, for `ATTL.WHY` and for counting misses by "
                "their cause: 36 bytes each, taken as they are needed. Each death costs some fifty "
                "nanoseconds more. 0 means none." },
#include "config/option_incident.inc"
#include "config/option_pressure.inc"
#include "config/option_shed.inc"
#include "config/option_metric.inc"
    [OPT_RETENTION_ENABLED] = {
        .name = "retention.enabled", .type = OPTION_BOOL, .flags = OPTION_RUNTIME,
        .library_default = "yes",
        .text = "Remove old snapshots and log segments in the background." },
    [OPT_RETENTION_INTERVAL] = {
        .name = "retention.interval", .type = OPTION_DURATION, .flags = OPTION_RUNTIME,
        .library_default = "60s", .min = 100, .max = DAY,
        .text = "Time between two looks at the files. Nothing is looked at while nothing is "
                "written." },
    [OPT_RETENTION_SNAPSHOT_TTL] = {
        .name = "retention.snapshot_ttl", .type = OPTION_DURATION,
        .flags = OPTION_RUNTIME,
        .library_default = "86400s", .min = SECOND, .max = TTL_MAX,
        .aliases = { { "SNAPSHOT_TTL", ALIAS_CLASSIC, FORM_SECONDS } },
        .text = "Age at which a snapshot is removed; the newest valid one always stays." },
    [OPT_RETENTION_LOG_TTL] = {
        .name = "retention.log_ttl", .type = OPTION_DURATION,
        .flags = OPTION_RUNTIME,
        .library_default = "604800s", .min = SECOND, .max = TTL_MAX,
        .aliases = { { "WAL_TTL", ALIAS_CLASSIC, FORM_SECONDS } },
        .text = "Age at which a log segment that recovery no longer needs is removed. It bounds "
                "how far back a rollback reaches." },
    [OPT_RETENTION_SNAPSHOTS] = {
        .name = "retention.snapshots", .type = OPTION_INT, .flags = OPTION_RUNTIME,
        .library_default = "16", .max = 100000, .unit = "snapshots",
        .text = "Number of snapshots kept; older ones are removed. 0 means any number." },
    [OPT_RETENTION_DISK_BUDGET] = {
        .name = "retention.disk_budget", .type = OPTION_BYTES, .flags = OPTION_RUNTIME,
        .library_default = "0", .max = MEMORY_MAX,
        .text = "Bytes that all files of the data directory may take: above it the oldest that "
                "recovery does not need are removed. 0 means no bound." },
#include "config/option_scrub.inc"
#include "config/option_erase.inc"
    [OPT_PERSIST_FSYNC] = {
        .name = "persist.fsync", .type = OPTION_ENUM, .flags = OPTION_RUNTIME,
        .library_default = "off", .choices = fsyncs,
        .aliases = { { "fsync", ALIAS_SHORT, FORM_NATIVE },
                     { "appendfsync", ALIAS_REDIS, FORM_REDIS } },
        .text = "The log of changes: none (off), synced when the system pleases (no), every "
                "second (everysec: at most two seconds are lost), or before each answer "
                "(always: nothing acknowledged is lost). Switching between off and the others "
                "needs a restart." },
    [OPT_PERSIST_DIR] = {
        .name = "persist.dir", .type = OPTION_STRING,
        .library_default = "", .max = 1000,
        .text = "Directory of log and snapshots, created if it is missing. Empty: none; in "
                "attld: server.dir, if that is set or persist.fsync is not off." },
    [OPT_PERSIST_SEGMENT_SIZE] = {
        .name = "persist.segment_size", .type = OPTION_BYTES,
        .library_default = "64MiB", .min = 64 * KIB, .max = 4 * GIB,
        .text = "Size of one file of the log." },
    [OPT_PERSIST_BUFFER] = {
        .name = "persist.buffer", .type = OPTION_BYTES,
        .library_default = "16MiB", .min = MIB, .max = GIB,
        .text = "Changes that may wait for the disk; beyond it writers wait for the log." },
    [OPT_PERSIST_ON_ERROR] = {
        .name = "persist.on_error", .type = OPTION_ENUM, .flags = OPTION_RUNTIME,
        .library_default = "auto", .choices = on_errors,
        .text = "While the log cannot be written: refuse changes (reject), or go on in memory "
                "only, loudly, and come back with a fresh snapshot (degrade). auto rejects "
                "under always, where an acknowledgement is a promise, and degrades otherwise." },
    [OPT_PERSIST_RECOVER] = {
        .name = "persist.recover", .type = OPTION_ENUM,
        .library_default = "strict", .choices = recovers,
        .aliases = { { "recover", ALIAS_SHORT, FORM_NATIVE } },
        .text = "If files are damaged where they had been durable: refuse to start and say what "
                "would be lost (strict), go on with what lies before the damage (prefix), or "
                "with everything that is readable (salvage). What is left out is kept aside." },
    [OPT_PERSIST_WAIT] = {
        .name = "persist.wait", .type = OPTION_BOOL,
        .library_default = "yes", .server_default = "no",
        .text = "Under always, calls of the library wait until their change is durable. attld "
                "holds the answer back instead, so that no thread waits." },
    [OPT_PERSIST_BACKGROUND_LOAD] = {
        .name = "persist.background_load", .type = OPTION_BOOL,
        .library_default = "no", .server_default = "yes",
        .text = "Read the data directory in the background, refusing changes meanwhile, instead "
                "of when the cache is opened. attld answers LOADING." },
    [OPT_PERSIST_SAVE] = {
        .name = "persist.save", .type = OPTION_STRING, .flags = OPTION_RUNTIME,
        .library_default = "", .max = 256,
        .aliases = { { "save", ALIAS_REDIS, FORM_NATIVE } },
        .text = "When to take a snapshot, in Redis' words: pairs of seconds and changes, as "
                "`3600 1 300 100`. Empty: only when asked, or by persist.snapshot_log_size." },
    [OPT_PERSIST_SNAPSHOT_LOG_SIZE] = {
        .name = "persist.snapshot_log_size", .type = OPTION_BYTES, .flags = OPTION_RUNTIME,
        .library_default = "1GiB", .max = MEMORY_MAX,
        .text = "Bytes of log behind the newest snapshot at which the next one is taken, which "
                "bounds the time a restart takes. 0 means never." },
    [OPT_PERSIST_COMPRESS] = {
        .name = "persist.compress", .type = OPTION_BOOL, .flags = OPTION_RUNTIME,
        .library_default = "no",
        .aliases = { { "rdbcompression", ALIAS_REDIS, FORM_PLAIN } },
        .text = "Compress snapshots with zstd." },
#include "config/option_disk.inc"

    /* ---- async ---- */
    [OPT_ASYNC_THREADS] = {
        .name = "async.threads", .type = OPTION_INT,
        .library_default = "2", .min = 1, .max = 64, .unit = "threads",
        .text = "Threads for what may block: loaders, and the snapshots, rollbacks and scans that "
                "were submitted to a completion queue. Each is started when it is first needed." },
    [OPT_ASYNC_QUEUE] = {
        .name = "async.queue", .type = OPTION_INT, .flags = OPTION_RUNTIME,
        .library_default = "1024", .min = 1, .max = 1 << 20, .unit = "jobs",
        .text = "Jobs that may wait for those threads; beyond it a submission is refused." },

    /* ---- server ---- */
    [OPT_SERVER_PORT] = {
        .name = "server.port", .type = OPTION_INT, .flags = OPTION_SERVER,
        .library_default = "6411", .max = 65535,
        .aliases = { { "port", ALIAS_REDIS, FORM_NATIVE } },
        .text = "TCP port of the Redis protocol. 0 means no TCP." },
    [OPT_SERVER_BIND] = {
        .name = "server.bind", .type = OPTION_STRING, .flags = OPTION_SERVER,
        .library_default = "127.0.0.1", .max = 512,
        .aliases = { { "bind", ALIAS_REDIS, FORM_NATIVE } },
        .text = "Addresses to listen on, separated by spaces; * means all." },
    [OPT_SERVER_UNIXSOCKET] = {
        .name = "server.unixsocket", .type = OPTION_STRING, .flags = OPTION_SERVER,
        .library_default = "", .max = 107, /* sun_path, less its NUL */
        .aliases = { { "unixsocket", ALIAS_REDIS, FORM_NATIVE } },
        .text = "Path of a unix socket to listen on as well. Empty means none." },
    [OPT_SERVER_UNIXSOCKETPERM] = {
        .name = "server.unixsocketperm", .type = OPTION_MODE, .flags = OPTION_SERVER,
        .library_default = "0700", .max = 0777,
        .aliases = { { "unixsocketperm", ALIAS_REDIS, FORM_PLAIN } },
        .text = "Permissions of the unix socket, octal." },
    [OPT_SERVER_ADMIN_PORT] = {
        .name = "server.admin_port", .type = OPTION_INT, .flags = OPTION_SERVER,
        .library_default = "6413", .max = 65535,
        .aliases = { { "admin-port", ALIAS_SHORT, FORM_NATIVE } },
        .text = "TCP port of metrics, health checks and the dashboard. 0 means none." },
    [OPT_SERVER_TLS_PORT] = {
        .name = "server.tls_port", .type = OPTION_INT, .flags = OPTION_SERVER,
        .library_default = "6412", .max = 65535,
        .aliases = { { "tls-port", ALIAS_REDIS, FORM_NATIVE } },
        .text = "TCP port for TLS, listened on if tls.cert_file is set. 0 turns it off." },
    [OPT_SERVER_THREADS] = {
        .name = "server.threads", .type = OPTION_INT, .flags = OPTION_SERVER,
        .library_default = "0", .max = 256, .unit = "threads",
        .aliases = { { "threads", ALIAS_SHORT, FORM_NATIVE },
                     { "io-threads", ALIAS_REDIS, FORM_NATIVE } },
        .text = "Threads that serve clients. 0 means one per core." },
    [OPT_SERVER_MAX_CLIENTS] = {
        .name = "server.max_clients", .type = OPTION_INT, .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "10000", .min = 1, .max = 1000000, .unit = "clients",
        .aliases = { { "maxclients", ALIAS_REDIS, FORM_NATIVE } },
        .text = "Clients connected at the same time; further ones are refused with an error." },
    [OPT_SERVER_TIMEOUT] = {
        .name = "server.timeout", .type = OPTION_DURATION, .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "0", .max = 3650 * DAY,
        .aliases = { { "timeout", ALIAS_REDIS, FORM_SECONDS } },
        .text = "Idle time after which a client is disconnected. 0 means never." },
    [OPT_SERVER_TCP_KEEPALIVE] = {
        .name = "server.tcp_keepalive", .type = OPTION_DURATION,
        .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "300s", .max = 30000 * SECOND,
        .aliases = { { "tcp-keepalive", ALIAS_REDIS, FORM_SECONDS } },
        .text = "Silence after which the system probes whether a client is still there. 0 "
                "means off." },
    [OPT_SERVER_TCP_BACKLOG] = {
        .name = "server.tcp_backlog", .type = OPTION_INT, .flags = OPTION_SERVER,
        .library_default = "511", .min = 1, .max = 65535, .unit = "connections",
        .aliases = { { "tcp-backlog", ALIAS_REDIS, FORM_NATIVE } },
        .text = "Connections the system may hold that were not accepted yet." },
    [OPT_SERVER_REQUIREPASS] = {
        .name = "server.requirepass", .type = OPTION_SECRET,
        .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "", .max = 512,
        .aliases = { { "requirepass", ALIAS_REDIS, FORM_NATIVE } },
        .text = "Password of the default user. Empty means none. Prefer the settings file or "
                "the environment: a command line is visible to other users." },
    [OPT_SERVER_PROTECTED_MODE] = {
        .name = "server.protected_mode", .type = OPTION_BOOL,
        .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "yes",
        .aliases = { { "protected-mode", ALIAS_REDIS, FORM_PLAIN } },
        .text = "Refuse to listen on an address other machines can reach without a password." },
    [OPT_SERVER_QUERY_BUFFER_LIMIT] = {
        .name = "server.query_buffer_limit", .type = OPTION_BYTES,
        .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "1GiB", .min = MIB, .max = 64 * GIB,
        .aliases = { { "client-query-buffer-limit", ALIAS_REDIS, FORM_PLAIN } },
        .text = "Bytes of unanswered requests one client may have; above it the client is "
                "disconnected." },
    [OPT_SERVER_OUTPUT_BUFFER_LIMIT] = {
        .name = "server.output_buffer_limit", .type = OPTION_BYTES,
        .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "1GiB", .min = MIB, .max = 64 * GIB,
        .text = "Bytes of answers one client may leave unread; above it the client is "
                "disconnected." },
    [OPT_SERVER_CLIENTS_MEMORY] = {
        .name = "server.clients_memory", .type = OPTION_BYTES,
        .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "1GiB", .max = MEMORY_MAX,
        .aliases = { { "maxmemory-clients", ALIAS_REDIS, FORM_PLAIN } },
        .text = "Bytes of all clients' buffers together; above it the largest client is "
                "disconnected. 0 means no limit." },
    [OPT_SERVER_SHUTDOWN_TIMEOUT] = {
        .name = "server.shutdown_timeout", .type = OPTION_DURATION,
        .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "10s", .max = HOUR,
        .aliases = { { "shutdown-timeout", ALIAS_REDIS, FORM_SECONDS } },
        .text = "Time given to clients to read their last answers after SIGTERM." },
    [OPT_SERVER_DIR] = {
        .name = "server.dir", .type = OPTION_STRING, .flags = OPTION_SERVER,
        .library_default = ".", .min = 1, .max = 1000,
        .aliases = { { "dir", ALIAS_REDIS, FORM_NATIVE } },
        .text = "Directory of the server's files; runtime.toml, written by CONFIG REWRITE, is "
                "there." },
    [OPT_SERVER_READINESS_DELAY] = {
        .name = "server.readiness_delay", .type = OPTION_DURATION,
        .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "0", .max = HOUR,
        .text = "Time after SIGTERM in which /readyz fails already and clients are still served, "
                "so that whoever sends requests here can stop before they are refused." },
#include "config/option_admin.inc"

#include "config/option_acl.inc"
#include "config/option_tls.inc"

    /* ---- pubsub, tracking ---- */
    [OPT_PUBSUB_BUFFER_LIMIT] = {
        .name = "pubsub.buffer_limit", .type = OPTION_BYTES,
        .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "32MiB", .min = 64 * KIB, .max = 64 * GIB,
        .text = "Bytes of messages one subscriber may leave unread; above it the client is "
                "disconnected." },
    [OPT_TRACKING_TABLE_MAX_KEYS] = {
        .name = "tracking.table_max_keys", .type = OPTION_INT,
        .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "1000000", .max = ENTRIES_MAX, .unit = "keys",
        .aliases = { { "tracking-table-max-keys", ALIAS_REDIS, FORM_NATIVE } },
        .text = "Keys remembered for CLIENT TRACKING; above it clients are told to forget the "
                "oldest. 0 means no limit." },
    [OPT_TRACKING_PENDING_LIMIT] = {
        .name = "tracking.pending_limit", .type = OPTION_BYTES,
        .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "1MiB", .min = 4 * KIB, .max = GIB,
        .text = "Bytes of invalidations that may wait for one client; above it they become one "
                "that says to forget all keys." },

    /* ---- alert ---- */
#include "config/option_alert.inc"
#include "config/option_audit.inc"

    /* ---- log ---- */
    [OPT_LOG_LEVEL] = {
        .name = "log.level", .type = OPTION_ENUM, .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "info", .choices = log_levels,
        .aliases = { { "loglevel", ALIAS_REDIS, FORM_REDIS } },
        .text = "Least severe message that is written." },
    [OPT_LOG_FORMAT] = {
        .name = "log.format", .type = OPTION_ENUM, .flags = OPTION_SERVER,
        .library_default = "auto", .choices = log_formats,
        .text = "One JSON object or one line of text per message; auto writes text to a "
                "terminal and to the journal of systemd, whose priorities it sets, and JSON "
                "elsewhere." },
    [OPT_LOG_RATE] = {
        .name = "log.rate", .type = OPTION_INT, .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "60", .max = 1000000, .unit = "lines per minute",
        .text = "Lines of one event that are written in a minute; a line says how many more there "
                "were. 0 means any number." },
    [OPT_LOG_REDACT] = {
        .name = "log.redact", .type = OPTION_BOOL, .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "yes",
        .text = "Show keys as a keyed hash and values as their length in the log. Passwords never "
                "get there." },
#include "config/option_latency.inc"

    /* ---- redis: names that Redis clients and tools read or set, with what is true of attl ---- */
    [OPT_REDIS_DATABASES] = {
        .name = "redis.databases", .type = OPTION_INT, .flags = OPTION_SERVER,
        .library_default = "1", .min = 1, .max = 1,
        .aliases = { { "databases", ALIAS_REDIS, FORM_NATIVE } },
        .text = "There is one database, number 0." },
    [OPT_REDIS_APPENDONLY] = {
        .name = "redis.appendonly", .type = OPTION_ENUM, .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "no", .choices = no_or_yes,
        .aliases = { { "appendonly", ALIAS_REDIS, FORM_NATIVE } },
        .text = "Redis' switch of its log: shows yes unless persist.fsync is off, and accepts only "
                "what persist.fsync says." },
    [OPT_REDIS_NOTIFY_KEYSPACE_EVENTS] = {
        .name = "redis.notify_keyspace_events", .type = OPTION_STRING,
        .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "", .max = 32,
        .aliases = { { "notify-keyspace-events", ALIAS_REDIS, FORM_NATIVE } },
        .text = "Which changes of keys are published, in Redis' letters: K and E for the channels "
                "__keyspace@0__:key and __keyevent@0__:event, then g, $, x, e or A for classes of "
                "events. Empty: nothing, at no cost." },
    [OPT_REDIS_HZ] = {
        .name = "redis.hz", .type = OPTION_INT, .flags = OPTION_SERVER | OPTION_RUNTIME,
        .library_default = "10", .min = 1, .max = 500,
        .aliases = { { "hz", ALIAS_REDIS, FORM_NATIVE } },
        .text = "Frequency of Redis' timer. Accepted without effect: attl wakes up only when "
                "there is something to do." },
};
/* clang-format on */

const struct option *
option_at(enum option_id id)
{
    ASSERT((unsigned)id < OPTION_COUNT);
    return &table[id];
}

enum option_id
option_id_of(const struct option *option)
{
    ASSERT(option >= table && option < table + OPTION_COUNT);
    return (enum option_id)(option - table);
}
