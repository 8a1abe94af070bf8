/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host of the tests of src/command: a few settings, three clients that exist on paper only, one
 * password. What a command asked of it is left in the fixture for the test to look at. Included by
 * command_support.h only; no state of its own.
 */
#ifndef ATTL_TESTS_COMMAND_HOST_H
#define ATTL_TESTS_COMMAND_HOST_H

#include <stdio.h>

#include "command/command.h"

enum { SETTINGS = 5, CLIENTS = 3 };

#define START_MS INT64_C(1700000000000)

struct fixture {
    int64_t now_ms;
    attl *cache;
    struct command_host host;
    struct command_env env;
    struct session session;
    struct buf out;
    /* the host */
    char settings[SETTINGS][64];
    struct session clients[CLIENTS];
    struct client_filter killed;
    char killed_addr[64], killed_laddr[64]; /* what they pointed to, which belongs to the caller */
    bool shut_down, resets;
    const char *password; /* NULL: none */
};

static const char *const setting_names[SETTINGS] = { "maxmemory", "maxmemory-policy", "port",
                                                     "requirepass", "timeout" };

static int64_t
fake_now_ms(void *ud)
{
    return ((struct fixture *)ud)->now_ms;
}

static int64_t
fake_wall_us(void *ud)
{
    return ((struct fixture *)ud)->now_ms * 1000 + 7;
}

static void
fake_each_client(void *ud, void (*fn)(void *fn_ud, const struct session *s), void *fn_ud)
{
    struct fixture *f = ud;
    for (size_t i = 0; i < CLIENTS; i++)
        fn(fn_ud, &f->clients[i]);
}

static size_t
fake_kill_clients(void *ud, const struct client_filter *filter)
{
    struct fixture *f = ud;
    f->killed = *filter;
    (void)snprintf(f->killed_addr, sizeof(f->killed_addr), "%s", filter->addr ? filter->addr : "");
    (void)snprintf(f->killed_laddr, sizeof(f->killed_laddr), "%s",
                   filter->laddr ? filter->laddr : "");
    f->killed.addr = filter->addr ? f->killed_addr : NULL;
    f->killed.laddr = filter->laddr ? f->killed_laddr : NULL;
    size_t n = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        const struct session *s = &f->clients[i];
        n += session_has_type(s, filter->type) && (!filter->id || filter->id == s->id) &&
             (!filter->addr || strcmp(filter->addr, s->addr) == 0) &&
             !(filter->skip_self && filter->self_id == s->id);
    }
    return n;
}

static void
fake_shutdown(void *ud)
{
    ((struct fixture *)ud)->shut_down = true;
}

static void
fake_info(void *ud, const char *section, struct buf *out)
{
    (void)ud;
    if (strcmp(section, "server") == 0)
        buf_append_str(out, "tcp_port:4242\r\narch_bits:65\r\n");
    if (strcmp(section, "memory") == 0)
        buf_append_str(out, "used_memory_rss:3145728\r\n");
}

static int
fake_setting(const char *name)
{
    for (int i = 0; i < SETTINGS; i++)
        if (strcmp(setting_names[i], name) == 0)
            return i;
    return -1;
}

static int
fake_config_get(void *ud, const char *name, char *value, size_t len)
{
    struct fixture *f = ud;
    int i = fake_setting(name);
    if (i < 0)
        return ATTL_E_CONFIG;
    bool secret = strcmp(name, "requirepass") == 0 && f->settings[i][0];
    (void)snprintf(value, len, "%s", secret ? "********" : f->settings[i]);
    return ATTL_OK;
}

static int
fake_config_set(void *ud, const char *name, const char *value, char *err, size_t err_len)
{
    struct fixture *f = ud;
    int i = fake_setting(name);
    if (strcmp(name, "port") == 0)
        return ATTL_E_IMMUTABLE;
    if (strcmp(value, "bad") == 0) {
        (void)snprintf(err, err_len, "that is no good");
        return ATTL_E_CONFIG;
    }
    (void)snprintf(f->settings[i], sizeof f->settings[i], "%s", value);
    return ATTL_OK;
}

static int
fake_config_rewrite(void *ud, char *err, size_t err_len)
{
    (void)ud;
    (void)snprintf(err, err_len, "the disk is full");
    return ATTL_E_IO;
}

static bool
fake_config_name(void *ud, size_t index, const char **ret_name)
{
    (void)ud;
    if (index >= SETTINGS)
        return false;
    *ret_name = setting_names[index];
    return true;
}

static void
fake_stats_reset(void *ud)
{
    ((struct fixture *)ud)->resets = true;
}

static bool
fake_auth(void *ud, attl_slice user, attl_slice password, struct access_user **ret_user)
{
    struct fixture *f = ud;
    *ret_user = NULL;
    bool is_default = user.len == 7 && memcmp(user.data, "default", 7) == 0;
    return is_default && (!f->password || (password.len == strlen(f->password) &&
                                           memcmp(password.data, f->password, password.len) == 0));
}

static bool
fake_auth_required(void *ud)
{
    return ((struct fixture *)ud)->password != NULL;
}

static void
fixture_host(struct fixture *f)
{
    f->host = (struct command_host){
        .ud = f,
        .wall_us = fake_wall_us,
        .each_client = fake_each_client,
        .kill_clients = fake_kill_clients,
        .shutdown = fake_shutdown,
        .info = fake_info,
        .config_get = fake_config_get,
        .config_set = fake_config_set,
        .config_rewrite = fake_config_rewrite,
        .config_name = fake_config_name,
        .stats_reset = fake_stats_reset,
        .auth = fake_auth,
        .auth_required = fake_auth_required,
    };
    for (size_t i = 0; i < CLIENTS; i++) {
        struct session *s = &f->clients[i];
        *s = (struct session){ .id = i + 1, .proto = 2, .authenticated = true, .fd = (int)i + 8 };
        (void)snprintf(s->addr, sizeof s->addr, "127.0.0.1:%zu", 5000 + i);
        (void)snprintf(s->laddr, sizeof s->laddr, "127.0.0.1:4242");
        s->created_ms = s->active_ms = START_MS - 5000;
    }
    f->session = f->clients[0];
}

#endif
