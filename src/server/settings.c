/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the sources of settings. Ranks decide which source wins, so the order here only decides
 * which error is reported first: the command line, since the file's name may be on it; the file;
 * the environment; and runtime.toml last, because its directory is itself a setting. A setting
 * that is wrong anywhere prevents the start: a cache that runs with half of its settings is worse
 * than none.
 */
#include "server/settings.h"

#include "config/toml_file.h"
#include "metric/metric.h"

#include <stdio.h>
#include <sysexits.h>

enum { PATH_MAX_BYTES = 1100 }; /* server.dir and the name of a file in it */

extern char **environ;

static int
exit_code(int status, int config_code)
{
    switch (status) {
    case ATTL_OK: return EX_OK;
    case ATTL_E_IO: return EX_NOINPUT;
    case ATTL_E_NOMEM: return EX_OSERR;
    case ATTL_E_UNSUPPORTED: return EX_UNAVAILABLE;
    default: return config_code;
    }
}

static int
complain(const char *err, int status, int config_code)
{
    (void)fprintf(stderr, "attld: %s\n", err[0] ? err : attl_strerror(status)); /* best effort */
    return exit_code(status, config_code);
}

/* Prints what `fn` appends; EX_OSERR if there is no memory for it. */
static int
print_text(const char *head, void (*fn)(struct buf *out))
{
    struct buf out;
    buf_init(&out, CONFIG_RENDER_BYTES_MAX);
    fn(&out);
    bool ok = !out.failed && fputs(head, stdout) >= 0 &&
              fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    buf_fini(&out);
    return ok ? EX_OK : EX_OSERR;
}

static int
print_effective(const attl_config *config)
{
    struct buf out;
    buf_init(&out, CONFIG_RENDER_BYTES_MAX);
    config_effective_text(config, &out);
    bool ok = !out.failed && fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    buf_fini(&out);
    return ok ? EX_OK : EX_OSERR;
}

static int
print_help(void)
{
    return print_text("Usage: attld [--config FILE] [--OPTION VALUE ...]\n"
                      "A cache with exact expiry, speaking the Redis protocol.\n\n"
                      "  --config FILE     read settings from FILE (TOML)\n"
                      "  --check-config    print the settings in force and where each comes from\n"
                      "  --dump-options    print the reference of all options (Markdown)\n"
                      "  --dump-metrics    print the reference of all metrics (Markdown)\n"
                      "  --help, --version\n\n",
                      config_help_text);
}

static int
load_runtime(attl_config *config, char *err, size_t err_len)
{
    char path[PATH_MAX_BYTES];
    int n = snprintf(path, sizeof path, "%s/%s", config_str(config, OPT_SERVER_DIR),
                     SETTINGS_RUNTIME_FILE);
    if (n < 0 || (size_t)n >= sizeof path) {
        (void)snprintf(err, err_len, "server.dir is too long"); /* fits */
        return ATTL_E_CONFIG;
    }
    int status = config_load_runtime(config, path, err, err_len);
    return status == ATTL_MISS ? ATTL_OK : status;
}

/*
 * Where log and snapshots are kept, unless that is a setting of its own: the directory that the
 * server was given, if it was, or the present one if a log is asked for. A server that nobody told
 * to keep anything leaves no file behind.
 */
static int
choose_directory(attl_config *config, char *err, size_t err_len)
{
    bool given = config_origin(config, OPT_SERVER_DIR) != CONFIG_DEFAULT;
    bool logs = config_i64(config, OPT_PERSIST_FSYNC) != CHOICE_FSYNC_OFF;
    if (config_str(config, OPT_PERSIST_DIR)[0] != '\0' || (!given && !logs))
        return ATTL_OK;
    return config_set(config, OPT_PERSIST_DIR, config_str(config, OPT_SERVER_DIR), CONFIG_CODE, err,
                      err_len);
}

/* All sources into `config`; the exit code of the first that fails. */
static int
read_sources(attl_config *config, const struct config_command *command, int argc, char **argv)
{
    char err[OPTION_ERROR_MAX] = "";
    int status = config_apply_args(config, argc, argv, err, sizeof err);
    if (status != ATTL_OK)
        return complain(err, status, EX_USAGE);
    if (command->config_path)
        status = attl_config_load(config, command->config_path, err, sizeof err);
    if (status == ATTL_OK)
        status = config_apply_env(config, environ, err, sizeof err);
    if (status == ATTL_OK)
        status = load_runtime(config, err, sizeof err);
    if (status == ATTL_OK)
        status = config_check(config, err, sizeof err);
    if (status == ATTL_OK)
        status = choose_directory(config, err, sizeof err);
    return status == ATTL_OK ? EX_OK : complain(err, status, EX_CONFIG);
}

int
settings_read(int argc, char **argv, attl_config **ret_config)
{
    char err[OPTION_ERROR_MAX] = "";
    struct config_command command;
    *ret_config = NULL;
    int status = config_scan_args(argc, argv, &command, err, sizeof err);
    if (status != ATTL_OK)
        return complain(err, status, EX_USAGE);
    if (command.help)
        return print_help();
    if (command.version)
        return printf("attld %s\n", attl_version()) > 0 ? EX_OK : EX_OSERR;
    if (command.dump_options)
        return print_text("", config_markdown_text);
    if (command.dump_metrics)
        return print_text("", metric_markdown);
    attl_config *config = config_new_server();
    if (!config)
        return complain("", ATTL_E_NOMEM, EX_CONFIG);
    int code = read_sources(config, &command, argc, argv);
    if (code == EX_OK && !command.check_config) {
        *ret_config = config;
        return EX_OK;
    }
    if (code == EX_OK)
        code = print_effective(config);
    attl_config_free(config);
    return code;
}
