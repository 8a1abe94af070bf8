/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of src/command share: a cache on a clock that only the test moves, a host that is a
 * few variables, and expect(), which runs one request and compares the reply byte for byte. Requests
 * are written as text with blanks between the words; '' is the empty word and ~ stands for a blank
 * inside one. Each test gets a fixture of its own. Included by each test program once.
 */
#ifndef ATTL_TESTS_COMMAND_SUPPORT_H
#define ATTL_TESTS_COMMAND_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "command/command.h"

enum { WORDS_MAX = 64, WORD_BYTES_MAX = 256, SETTINGS = 5, CLIENTS = 3, OUT_MAX_BYTES = 1 << 20 };

#define START_MS INT64_C(1700000000000)
#define OK "+OK\r\n"
#define NIL "$-1\r\n"
#define SYNTAX_ERROR "-ERR syntax error\r\n"
#define NOT_AN_INTEGER "-ERR value is not an integer or out of range\r\n"

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
    bool shut_down, resets;
    const char *password; /* NULL: none */
};

static const char *const setting_names[SETTINGS] = { "maxmemory", "maxmemory-policy", "port",
                                                     "requirepass", "timeout" };

static inline struct fixture *
fixture_of(void **state)
{
    return *state;
}

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
    size_t n = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        const struct session *s = &f->clients[i];
        n += (!filter->id || filter->id == s->id) &&
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
fake_auth(void *ud, attl_slice user, attl_slice password)
{
    struct fixture *f = ud;
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

/* Options are pairs of name and value, ended by NULL. */
static inline attl *
fixture_cache(struct fixture *f, const char *const *options)
{
    attl_config *config = attl_config_new();
    assert_non_null(config);
    attl_config_set_clock(config, fake_now_ms, f);
    assert_int_equal(attl_config_set(config, "cache.background", "false", NULL, 0), ATTL_OK);
    assert_int_equal(attl_config_set(config, "cache.default_ttl", "0", NULL, 0), ATTL_OK);
    for (; *options; options += 2)
        assert_int_equal(attl_config_set(config, options[0], options[1], NULL, 0), ATTL_OK);
    attl *cache = NULL;
    assert_int_equal(attl_open(&cache, config), ATTL_OK);
    attl_config_free(config);
    return cache;
}

static inline int
setup_with(void **state, const char *const *options)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->now_ms = START_MS;
    fixture_host(f);
    f->cache = fixture_cache(f, options);
    f->env = (struct command_env){ .cache = f->cache, .host = &f->host };
    f->env.stats = command_stats_new();
    assert_non_null(f->env.stats);
    buf_init(&f->out, OUT_MAX_BYTES);
    *state = f;
    return 0;
}

static inline int
setup(void **state)
{
    static const char *const options[] = { "validation.mode", "binary", NULL };
    return setup_with(state, options);
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    command_stats_free(f->env.stats);
    attl_close(&f->cache);
    buf_fini(&f->out);
    free(f);
    return 0;
}

struct words {
    char text[WORDS_MAX][WORD_BYTES_MAX];
    attl_slice argv[WORDS_MAX];
    size_t argc;
};

static void
words_split(struct words *w, const char *line)
{
    w->argc = 0;
    for (const char *p = line; *p;) {
        size_t len = strcspn(p, " ");
        assert_true(w->argc < WORDS_MAX && len < WORD_BYTES_MAX);
        char *to = w->text[w->argc];
        size_t n = 0;
        for (size_t i = 0; i < len; i++)
            to[n++] = (char)(p[i] == '~' ? ' ' : p[i]);
        if (len == 2 && p[0] == '\'' && p[1] == '\'')
            n = 0;
        w->argv[w->argc++] = attl_b(to, n);
        p += len + (p[len] == ' ');
    }
}

/* Runs a request; the reply is in f->out, with a NUL behind it. */
static void
run(struct fixture *f, const char *line)
{
    struct words w;
    words_split(&w, line);
    buf_clear(&f->out, OUT_MAX_BYTES);
    command_execute(&f->env, &f->session, w.argv, w.argc, &f->out);
    assert_int_equal(f->out.failed, BUF_FINE);
    buf_append(&f->out, "", 1);
    f->out.len--;
}

static inline void
expect(struct fixture *f, const char *line, const char *reply)
{
    run(f, line);
    if (f->out.len != strlen(reply) || memcmp(f->out.data, reply, f->out.len) != 0)
        fail_msg("%s\n  answered %s\n  expected %s", line, f->out.data, reply);
}

/* The reply holds `part`. */
static inline void
expect_part(struct fixture *f, const char *line, const char *part)
{
    run(f, line);
    if (!strstr(f->out.data, part))
        fail_msg("%s\n  answered %s\n  without %s", line, f->out.data, part);
}

/* The reply does not hold `part`. */
static inline void
expect_no_part(struct fixture *f, const char *line, const char *part)
{
    run(f, line);
    if (strstr(f->out.data, part))
        fail_msg("%s\n  answered %s\n  with %s", line, f->out.data, part);
}

#endif
