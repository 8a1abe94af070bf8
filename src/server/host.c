/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host functions. A setting is changed on a draft of the configuration first, then in the
 * cache or the net, and only then in the configuration itself: a refusal anywhere leaves all
 * three as they were. Who a password belongs to is asked of the users, which are in src/access.
 */
#include "server/host.h"

#include "os/clock.h"
#include "os/file.h"
#include "os/signal.h"
#include "server/audit.h"
#include "server/info.h"
#include "server/measure.h"
#include "server/settings.h"
#include "server/tls_files.h"
#include "server/users.h"

#include <stdio.h>

static int64_t
host_wall_us(void *ud)
{
    (void)ud;
    return clock_wall_us();
}

static void
host_shutdown(void *ud)
{
    log_write(&host_server(ud)->log, LOG_INFO, "shutdown", "a client asked for it");
    signal_terminate_self();
}

static void
host_log(void *ud, int level, const char *event, const char *text)
{
    log_write(&host_server(ud)->log, level, event, text);
}

/* ---- settings ---- */

static int
host_config_get(void *ud, const char *name, char *value, size_t len)
{
    struct server *server = host_server(ud);
    lock_acquire(&server->config_lock);
    int status = config_render_name(server->config, name, 0, value, len);
    lock_release(&server->config_lock);
    return status;
}

static int
host_config_origin(void *ud, const char *name, char *text, size_t len)
{
    struct server *server = host_server(ud);
    const struct option *option = option_find(attl_s(name));
    if (!option)
        return ATTL_E_CONFIG;
    lock_acquire(&server->config_lock);
    config_origin_text(server->config, option_id_of(option), text, len);
    lock_release(&server->config_lock);
    return ATTL_OK;
}

/* Makes the changed option of `server->config` take effect here. */
static void
apply_server_option(struct server *server, enum option_id id)
{
    if (id == OPT_LOG_LEVEL)
        log_set_level(&server->log, (int)config_i64(server->config, id));
    alert_configure(server->alert, server->config);
    audit_settings_changed(server);
    if (id == OPT_LOG_RATE)
        log_set_rate(&server->log, (uint64_t)config_i64(server->config, id));
    struct net_limits limits;
    server_limits(server, &limits);
    net_set_limits(server->net, &limits);
}

/* REQUIRES config_lock. */
static int
set_option(struct server *server, const char *name, const char *value, char *err, size_t err_len)
{
    attl_config *draft = config_copy(server->config);
    if (!draft)
        return ATTL_E_NOMEM;
    enum option_id id;
    int status = config_set_run_time(draft, name, value, &id, err, err_len);
    bool ours = status == ATTL_OK && (option_at(id)->flags & OPTION_SERVER);
    if (status == ATTL_OK)
        status = ours ? users_apply(server, draft, id)
                      : attl_option_set(server->cache, name, value, err, err_len);
    if (status != ATTL_OK) {
        attl_config_free(draft);
        return status;
    }
    attl_config_free(server->config);
    server->config = draft;
    if (ours)
        apply_server_option(server, id);
    if (ours && tls_files_concern(id))
        server->tls_changed = true;
    return ATTL_OK;
}

static int
host_config_set(void *ud, const char *name, const char *value, char *err, size_t err_len)
{
    struct server *server = host_server(ud);
    lock_acquire(&server->config_lock);
    int status = set_option(server, name, value, err, err_len);
    lock_release(&server->config_lock);
    return status;
}

/* REQUIRES config_lock. The password that cannot be put back by whoever has only seen asterisks. */
static void
restore_key_pass(struct server *server)
{
    char err[OPTION_ERROR_MAX];
    if (set_option(server, "tls.key_file_pass", server->tls_key_pass, err, sizeof err) != ATTL_OK)
        log_write(&server->log, LOG_ERROR, "tls", "no memory to restore tls.key_file_pass");
}

/* What needs several settings together: the files of TLS. */
static int
host_config_settle(void *ud, char *err, size_t err_len)
{
    struct server *server = host_server(ud);
    int status = ATTL_OK;
    lock_acquire(&server->config_lock);
    if (server->tls_changed && tls_files_used(server) && !tls_files_load(server, err, err_len)) {
        restore_key_pass(server);
        status = ATTL_E_CONFIG;
    }
    server->tls_changed = false;
    lock_release(&server->config_lock);
    return status;
}

static int
host_config_rewrite(void *ud, char *err, size_t err_len)
{
    struct server *server = host_server(ud);
    struct buf text;
    buf_init(&text, CONFIG_RENDER_BYTES_MAX);
    /* The lock is kept while writing: two rewrites at once would share one temporary file. */
    lock_acquire(&server->config_lock);
    config_runtime_text(server->config, &text);
    int status = text.failed ? ATTL_E_NOMEM : ATTL_OK;
    if (status == ATTL_OK && !file_replace(config_str(server->config, OPT_SERVER_DIR),
                                           SETTINGS_RUNTIME_FILE, buf_slice(&text), err, err_len))
        status = ATTL_E_IO;
    lock_release(&server->config_lock);
    if (text.data)
        explicit_bzero(text.data, text.cap);
    buf_fini(&text);
    return status;
}

/* ---- namespaces: the same draft, for what CONFIG REWRITE writes ---- */

/* REQUIRES config_lock. `fields` NULL: the namespace goes. */
static int
change_namespace(struct server *server, attl_slice prefix, const attl_ns_field *fields, size_t n,
                 struct config_error err)
{
    attl_config *draft = config_copy(server->config);
    if (!draft)
        return config_fail_memory(err);
    int status = fields ? attl_ns_set(server->cache, prefix, fields, n, err.text, err.len)
                        : attl_ns_del(server->cache, prefix);
    if (status == ATTL_OK) /* has just been accepted, so only memory can be short */
        status = fields ? config_ns_set(draft, prefix, fields, n, err)
                        : config_ns_del(draft, prefix, err);
    if (status != ATTL_OK) {
        attl_config_free(draft);
        return status;
    }
    attl_config_free(server->config);
    server->config = draft;
    return ATTL_OK;
}

static int
host_ns_set(void *ud, attl_slice prefix, const attl_ns_field *fields, size_t n, char *err,
            size_t err_len)
{
    struct server *server = host_server(ud);
    static const attl_ns_field none = { { NULL, 0 }, { NULL, 0 } };
    lock_acquire(&server->config_lock);
    int status = change_namespace(server, prefix, n ? fields : &none, n,
                                  (struct config_error){ err, err_len });
    lock_release(&server->config_lock);
    return status;
}

static int
host_ns_del(void *ud, attl_slice prefix)
{
    struct server *server = host_server(ud);
    lock_acquire(&server->config_lock);
    int status = change_namespace(server, prefix, NULL, 0, (struct config_error){ NULL, 0 });
    lock_release(&server->config_lock);
    return status;
}

static bool
host_config_name(void *ud, size_t index, const char **ret_name)
{
    (void)ud;
    return option_name_at(index, ret_name);
}

/* ---- passwords ---- */

static bool
host_auth(void *ud, attl_slice user, attl_slice password, struct access_user **ret_user)
{
    return access_authenticate(host_server(ud)->access, user, password, ret_user);
}

static bool
host_auth_required(void *ud)
{
    return access_auth_required(host_server(ud)->access);
}

void
host_fill(struct command_host *host, struct server *server)
{
    *host = (struct command_host){
        .ud = server,
        .audit = server->audit,
        .wall_us = host_wall_us,
        .shutdown = host_shutdown,
        .log = host_log,
        .info = info_append,
        .config_get = host_config_get,
        .config_set = host_config_set,
        .config_settle = host_config_settle,
        .config_rewrite = host_config_rewrite,
        .config_name = host_config_name,
        .config_origin = host_config_origin,
        .ns_set = host_ns_set,
        .ns_del = host_ns_del,
        .stats_reset = info_reset,
        .auth = host_auth,
        .auth_required = host_auth_required,
        .alert = server->alert,
        .metrics = measure_host,
    };
}
