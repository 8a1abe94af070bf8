/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A configuration: one value per option of option.h, each with its origin. Origins have ranks -
 * default, file, environment, command line, run time - and a value is never overwritten by one of a
 * lower rank, so that sources may be read in any order (the file's name may come from the command
 * line) and a file may be read again without undoing CONFIG SET. Values set by code
 * (attl_config_set) overwrite anything and are overwritten by anything. Every call that can fail
 * leaves the configuration as it was. The caller owns it and serialises writers with readers;
 * strings returned live until the next write.
 */
#ifndef ATTL_CONFIG_CONFIG_H
#define ATTL_CONFIG_CONFIG_H

#include "base/buf.h"
#include "config/config_error.h"
#include "config/namespace_list.h"
#include "config/option.h"

#include <attl/attl.h>
#include <stdbool.h>

enum config_origin {
    CONFIG_DEFAULT,
    CONFIG_CODE,
    CONFIG_FILE,
    CONFIG_ENVIRONMENT,
    CONFIG_COMMAND_LINE,
    CONFIG_RUN_TIME
};

enum {
    CONFIG_FILES_MAX = 8,            /* names of files a configuration remembers */
    CONFIG_FILE_BYTES_MAX = 1 << 20, /* a settings file above this is refused */
    CONFIG_ARGS_MAX = 1024,          /* words of a command line */
    CONFIG_ENV_MAX = 65536,          /* variables looked at */
    CONFIG_RENDER_BYTES_MAX =
        1 << 18 /* a good maximum for the buf of the config_..._text functions */
};

struct disk;

struct config_value {
    int64_t number; /* bool, int, bytes, ms, permission bits; for enums the row of the choice */
    double real;
    char *text; /* strings; NULL is the empty string */
    enum config_origin origin;
    uint8_t alias; /* 1 + index of the alias it was set by, 0: the option's own name */
    uint8_t file;  /* 1 + index into files, 0: none */
    uint32_t line;
};

struct attl_config {
    uint32_t struct_bytes; /* first: libattl-toml refuses a libattl with another layout */
    bool server;           /* defaults are attld's */
    attl_allocator memory; /* of the configuration itself: malloc, or what a test injects */
    struct config_value values[OPTION_COUNT];
    struct namespace_list namespaces; /* policies by prefix, named namespace.PREFIX.field */
    char *files[CONFIG_FILES_MAX];
    bool has_allocator;
    attl_allocator allocator; /* meaningful if has_allocator */
    attl_log_fn log_fn;       /* NULL: none */
    void *log_ud;
    attl_clock_fn clock_fn; /* NULL: the system's */
    void *clock_ud;
    attl_log_notify_fn notify_fn; /* NULL: none */
    void *notify_ud;
    attl_notice_fn notice_fn; /* NULL: none */
    void *notice_ud;
    attl_incident_event_fn incident_fn; /* NULL: none */
    void *incident_ud;
    attl_slow_fn slow_fn; /* NULL: none */
    void *slow_ud;
    struct disk *disk; /* for tests: instead of persist.dir; not owned */
};

/* ---- life ---- */

/* attl_config_new() with the defaults of attld. NULL on lack of memory. */
attl_config *config_new_server(void);
/* Either, with its own memory from `memory`. */
attl_config *config_new_with(attl_allocator memory, bool server);
/* A copy with origins and hooks; NULL on lack of memory. Free with attl_config_free(). */
attl_config *config_copy(const attl_config *config);

/* ---- typed reads; ASSERT that the option has the type ---- */

/* Int, bytes, duration (ms), mode, and enum (as its enum choice_...). */
int64_t config_i64(const attl_config *config, enum option_id id);
bool config_bool(const attl_config *config, enum option_id id);
double config_double(const attl_config *config, enum option_id id);
/* String or secret; never NULL, "" if empty. */
const char *config_str(const attl_config *config, enum option_id id);

enum config_origin config_origin(const attl_config *config, enum option_id id);
/* "default", "settings.toml:12", "environment CACHE_MAX_ENTRIES", "command line", "run time",
 * "code". */
void config_origin_text(const attl_config *config, enum option_id id, char *buf, size_t len);

/* ---- derived limits: what the options mean together ---- */

/* cache.max_memory and cache.max_entries with cache.paranoia applied; 0: no limit. */
int64_t config_memory_limit_bytes(const attl_config *config);
int64_t config_entries_limit(const attl_config *config);
/* validation.max_key_bytes, or the mode's own limit where that is 0. */
int64_t config_key_limit_bytes(const attl_config *config);
/* validation.max_ttl; strict mode never goes without a bound. 0: none. */
int64_t config_ttl_limit_ms(const attl_config *config);

/* ---- writes ---- */

/* Sets option `id` from its text. `err` (may be NULL) says what was wrong. ATTL_OK, ATTL_E_CONFIG,
 * ATTL_E_NOMEM. */
int config_set(attl_config *config, enum option_id id, const char *value, enum config_origin origin,
               char *err, size_t err_len);
/*
 * CONFIG SET: by name or alias, with origin CONFIG_RUN_TIME, checked together with the other
 * options (config_check). *ret_id (may be NULL) is the option. ATTL_OK, ATTL_E_CONFIG,
 * ATTL_E_IMMUTABLE, ATTL_E_NOMEM.
 */
int config_set_run_time(attl_config *config, const char *name, const char *value,
                        enum option_id *ret_id, char *err, size_t err_len);
/*
 * ATTL.NS SET and DEL: fields of one namespace, all or none, with origin CONFIG_RUN_TIME and
 * checked as above. A namespace that was removed is there again. ATTL_OK, ATTL_E_CONFIG,
 * ATTL_E_IMMUTABLE, ATTL_E_NOMEM; del also ATTL_MISS.
 */
int config_ns_set(attl_config *config, attl_slice prefix, const attl_ns_field *fields, size_t n,
                  struct config_error err);
int config_ns_del(attl_config *config, attl_slice prefix, struct config_error err);
/* Whether some namespace says by itself what of it is recorded in an audit trail. */
bool config_ns_audits(const attl_config *config);
/* A field's value as text, ATTL_MISS without such a namespace, ATTL_E_CONFIG (unknown field),
 * ATTL_E_BUFFER. */
int config_ns_get(const attl_config *config, attl_slice prefix, attl_slice field, char *buf,
                  size_t len);
/* Applies ATTL_SECTION__KEY and the classic names found in `environment` (a NULL-terminated
 * vector). */
int config_apply_env(attl_config *config, char *const *environment, char *err, size_t err_len);

/* What a command line asks for besides options. Strings borrow from argv. */
struct config_command {
    const char *config_path; /* --config FILE, or NULL */
    bool help, version, check_config, dump_options, dump_metrics;
};
/*
 * Reads a command line: --section.key=value, --section.key value, the Redis names and short names
 * (--port, --threads ...), --config, --help, --version, --check-config, --dump-options,
 * --dump-metrics. A bool may
 * go without a value. argv[0] is skipped. The first changes nothing but *ret_command, the second
 * applies the options. ATTL_OK, ATTL_E_CONFIG, ATTL_E_NOMEM.
 */
int config_scan_args(int argc, char **argv, struct config_command *ret_command, char *err,
                     size_t err_len);
int config_apply_args(attl_config *config, int argc, char **argv, char *err, size_t err_len);

/*
 * Checks of several options together: minimum above maximum and, for a server's configuration, a
 * public bind without a password. ATTL_OK, ATTL_E_CONFIG.
 */
int config_check(const attl_config *config, char *err, size_t err_len);
/* Whether only this machine can reach it: 127..., ::1, localhost. */
bool config_is_loopback(const char *address);

/* ---- text ---- */

enum config_render_flag { CONFIG_SHOW_SECRETS = 0x01 };
/*
 * The value of `id` as text. `alias` (may be NULL) chooses the form, so that CONFIG GET timeout
 * shows seconds. A secret is shown as "********" without CONFIG_SHOW_SECRETS. ATTL_OK,
 * ATTL_E_BUFFER.
 */
int config_render(const attl_config *config, enum option_id id, const struct option_alias *alias,
                  unsigned flags, char *buf, size_t len);
/* The same by name or alias, as CONFIG GET needs it. ATTL_OK, ATTL_E_CONFIG (unknown),
 * ATTL_E_BUFFER. */
int config_render_name(const attl_config *config, const char *name, unsigned flags, char *buf,
                       size_t len);
/*
 * Options set at run time as TOML, for DIR/runtime.toml. Secrets are written in full: the caller
 * creates the file with mode 0600, writes, syncs and renames it.
 */
void config_runtime_text(const attl_config *config, struct buf *out);
/* Every option with its value and origin, for --check-config. Secrets are hidden. */
void config_effective_text(const attl_config *config, struct buf *out);
/* The options part of --help, 80 columns. */
void config_help_text(struct buf *out);
/* docs/config.md, for --dump-options. */
void config_markdown_text(struct buf *out);

#endif
