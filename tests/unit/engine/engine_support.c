/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening engines for tests, and the smallest change there is. The clock is one atomic word that
 * the test writes; with the real clock the maintenance thread can be tested too. Whatever is opened
 * passes the structure check when it is closed.
 */
#include "engine_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int64_t
bench_clock(void *ud)
{
    struct bench *b = ud;
    return atomic_load(&b->now_ms);
}

static void
bench_log(void *ud, int level, const char *event, const char *text)
{
    struct bench *b = ud;
    assert_in_range(level, 0, 3);
    assert_non_null(event);
    assert_non_null(text);
    b->logged++;
}

attl_config *
bench_config(const char *const *options)
{
    attl_config *config = attl_config_new();
    assert_non_null(config);
    for (; options && options[0]; options += 2) {
        char err[256] = "";
        if (attl_config_set(config, options[0], options[1], err, sizeof(err)) != ATTL_OK)
            fail_msg("%s = %s: %s", options[0], options[1], err);
    }
    return config;
}

struct bench *
bench_open(const char *const *options, bool real_clock)
{
    struct bench *b;
    assert_int_equal(posix_memalign((void **)&b, 128, sizeof(*b)), 0);
    memset(b, 0, sizeof(*b));
    atomic_init(&b->now_ms, START_MS);
    attl_config *config = bench_config(options);
    if (!real_clock)
        attl_config_set_clock(config, bench_clock, b);
    attl_config_set_log(config, bench_log, b);
    assert_int_equal(engine_open(&b->engine, config, NULL, 0), ATTL_OK);
    attl_config_free(config);
    return b;
}

void
bench_close(struct bench *b)
{
    atomic_store(&b->engine.stopping, true);
    parker_wake(&b->engine.parker);
    thread_join(&b->engine.thread);
    const char *broken = cache_check(&b->engine.cache);
    if (broken)
        fail_msg("%s", broken);
    engine_close(&b->engine);
    free(b);
}

struct put {
    attl_slice value;
    int64_t deadline_ms;
};

static int
put(struct entry *e, void *ud)
{
    const struct put *p = ud;
    struct stored_value v;
    int status = stored_value_init(e->cache, p->value, &v);
    if (status != ATTL_OK)
        return status;
    status = entry_put(e, &v, p->deadline_ms);
    stored_value_fini(&v);
    return status;
}

int
bench_set(struct bench *b, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    struct put p = { value, deadline_ms };
    return engine_change(&b->engine, key, put, &p);
}

uint64_t
bench_counter(struct bench *b, enum cache_counter which)
{
    return cache_counter_sum(&b->engine.cache, which);
}

uint64_t
bench_refused(struct bench *b, int status)
{
    return bench_counter(b, (enum cache_counter)(COUNT_REFUSED_RULE + (ATTL_E_KEY_EMPTY - status)));
}

void
bench_fill(struct bench *b, uint64_t keys, int64_t deadline_ms)
{
    for (uint64_t i = 0; i < keys; i++) {
        char name[24];
        int n = snprintf(name, sizeof(name), "key:%u", (unsigned)i);
        assert_int_equal(
            bench_set(b, attl_b(name, (size_t)n), attl_s("a small value"), deadline_ms), ATTL_OK);
    }
}
