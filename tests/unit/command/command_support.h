/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of src/command share: a cache on a clock that only the test moves, a host that is
 * a few variables, and expect(), which runs one request and compares the reply byte for byte.
 * Requests are written as text with blanks between the words; '' is the empty word and ~ stands for
 * a blank inside one. Each test gets a fixture of its own. Included by each test program once.
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
#include "command_host.h"

enum { WORDS_MAX = 64, WORD_BYTES_MAX = 256, OUT_MAX_BYTES = 1 << 20, DEPTH_MAX = 16 };

#define OK "+OK\r\n"
#define NIL "$-1\r\n"
#define SYNTAX_ERROR "-ERR syntax error\r\n"
#define NOT_AN_INTEGER "-ERR value is not an integer or out of range\r\n"

static inline struct fixture *
fixture_of(void **state)
{
    return *state;
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
    session_end(&f->session);
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

struct exchange {
    const char *request, *reply;
};

/* Runs the requests in order, each with its expected reply. */
#define EXPECT_ALL(f, ...)                                             \
    do {                                                               \
        static const struct exchange list_[] = { __VA_ARGS__ };        \
        for (size_t i_ = 0; i_ < sizeof list_ / sizeof list_[0]; i_++) \
            expect(f, list_[i_].request, list_[i_].reply);             \
    } while (0)

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

/* Behind the element at `p`, or NULL if it is not one. */
static inline const char *
skip_element(const char *p, const char *end, int depth)
{
    const char *line = memchr(p, '\r', (size_t)(end - p));
    if (!line || line + 1 >= end || line[1] != '\n' || depth > DEPTH_MAX)
        return NULL;
    long n = strtol(p + 1, NULL, 10);
    const char *next = line + 2;
    if (strchr("+-:_,#", *p))
        return next;
    if (strchr("$=", *p)) {
        if (n < 0)
            return next;
        bool whole = end - next >= n + 2 && next[n] == '\r' && next[n + 1] == '\n';
        return whole ? next + n + 2 : NULL;
    }
    if (!strchr("*~%", *p))
        return NULL;
    for (long left = *p == '%' ? 2 * n : n; left > 0 && next; left--)
        next = skip_element(next, end, depth + 1);
    return next;
}

/* Whether the reply is exactly one well-formed element. */
static inline bool
reply_is_whole(const struct fixture *f)
{
    const char *end = f->out.data + f->out.len;
    return f->out.len > 0 && skip_element(f->out.data, end, 0) == end;
}

#endif
