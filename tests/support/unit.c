/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Helpers of the small tests. expect() asks through every way there is to read a key, because each
 * has its own path through the library: a value that one of them shows and another does not is a
 * failure no matter which is right.
 */
#include "unit.h"

static int
setup(void **state, const char *partitions)
{
    const struct sim_option options[] = {
        { "cache.max_memory", "0" },
        { "cache.max_entries", "0" },
        { "cache.default_ttl", "0" },
        { "validation.mode", "binary" },
        { "validation.max_ttl", "3650d" },
        { "cache.partitions", partitions },
        { NULL, NULL },
    };
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        return -1;
    }
    sim_init(&f->sim);
    f->cache = sim_open(&f->sim, options);
    *state = f;
    return 0;
}

int
fixture_setup(void **state)
{
    return setup(state, "0");
}

int
fixture_setup_crowded(void **state)
{
    return setup(state, "64");
}

int
fixture_teardown(void **state)
{
    struct fixture *f = *state;
    sim_close(&f->cache);
    free(f);
    return 0;
}

void
unit_assert_status(int got, int want, const char *call, const char *file, int line)
{
    if (got != want) {
        print_error("%s\n    is %s, not %s\n", call, attl_err_name(got), attl_err_name(want));
        _fail(file, line);
    }
}

void
put(attl *cache, const char *key, const char *value, int64_t ttl_ms)
{
    ASSERT_STATUS(attl_set(cache, attl_s(key), attl_s(value), ttl_ms), ATTL_OK);
}

void
drop(attl *cache, const char *key)
{
    int status = attl_del(cache, attl_s(key));
    assert_true(status == ATTL_OK || status == ATTL_MISS);
}

struct visited {
    size_t calls;
    const char *want;
};

static void
visit(void *ud, attl_slice value, int64_t deadline_ms)
{
    struct visited *v = ud;
    (void)deadline_ms;
    v->calls++;
    assert_non_null(v->want);
    assert_int_equal(value.len, strlen(v->want));
    assert_memory_equal(value.data, v->want, value.len);
}

static void
visit_many(void *ud, size_t i, int status, attl_slice value, int64_t deadline_ms)
{
    (void)i;
    if (status == ATTL_OK) {
        visit(ud, value, deadline_ms);
    }
}

static void
expect_present(attl *cache, attl_slice key, const char *value)
{
    size_t len = strlen(value), got = 0;
    char *buf = malloc(len + 1);
    struct visited v = { 0, value };
    attl_value pinned = ATTL_VALUE_INIT;
    assert_non_null(buf);
    ASSERT_STATUS(attl_get(cache, key, buf, len, &got), ATTL_OK);
    assert_int_equal(got, len);
    assert_memory_equal(buf, value, len);
    free(buf);
    ASSERT_STATUS(attl_get_visit(cache, key, visit, &v), ATTL_OK);
    assert_int_equal(attl_mget_visit(cache, &key, 1, visit_many, &v), 1);
    assert_int_equal(v.calls, 2);
    ASSERT_STATUS(attl_get_pin(cache, key, &pinned), ATTL_OK);
    assert_int_equal(pinned.data.len, len);
    assert_memory_equal(pinned.data.data, value, len);
    attl_value_release(cache, &pinned);
    ASSERT_STATUS(attl_exists(cache, key), ATTL_OK);
}

static void
expect_absent(attl *cache, attl_slice key)
{
    char buf[8];
    int64_t ttl_ms;
    struct visited v = { 0, NULL };
    attl_value pinned = ATTL_VALUE_INIT;
    attl_meta meta = ATTL_META_INIT;
    ASSERT_STATUS(attl_get(cache, key, buf, sizeof(buf), NULL), ATTL_MISS);
    ASSERT_STATUS(attl_get_visit(cache, key, visit, &v), ATTL_MISS);
    assert_int_equal(attl_mget_visit(cache, &key, 1, visit_many, &v), 0);
    ASSERT_STATUS(attl_get_pin(cache, key, &pinned), ATTL_MISS);
    ASSERT_STATUS(attl_exists(cache, key), ATTL_MISS);
    ASSERT_STATUS(attl_touch(cache, key), ATTL_MISS);
    ASSERT_STATUS(attl_ttl(cache, key, &ttl_ms), ATTL_MISS);
    ASSERT_STATUS(attl_meta_get(cache, key, &meta), ATTL_MISS);
}

void
expect(attl *cache, const char *key, const char *value)
{
    if (value != NULL) {
        expect_present(cache, attl_s(key), value);
    } else {
        expect_absent(cache, attl_s(key));
    }
}

void
expect_ttl(attl *cache, const char *key, int64_t want_ms)
{
    int64_t ttl_ms = 0;
    ASSERT_STATUS(attl_ttl(cache, attl_s(key), &ttl_ms), ATTL_OK);
    assert_int_equal(ttl_ms, want_ms);
}

void
set_policy(attl *cache, const char *prefix, const char *field, const char *value)
{
    char err[256] = "";
    attl_ns_field fields[] = { { attl_s(field), attl_s(value) } };
    if (attl_ns_set(cache, attl_s(prefix), fields, 1, err, sizeof err) != ATTL_OK)
        fail_msg("%s %s %s: %s", prefix, field, value, err);
}

static void
count_visit(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    (void)key;
    (void)value;
    (void)deadline_ms;
    ++*(uint64_t *)ud;
}

uint64_t
count_live(attl *cache)
{
    uint64_t cursor = 0, live = 0;
    int status;
    do {
        status = attl_scan(cache, &cursor, 1000, count_visit, &live);
    } while (status == ATTL_OK);
    ASSERT_STATUS(status, ATTL_DONE);
    return live;
}
