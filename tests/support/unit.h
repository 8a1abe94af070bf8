/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the small tests of the public API share: cmocka with the headers it wants, a cache on a
 * simulated clock per test, and a handful of one-line helpers that assert. The fixture's cache is
 * in binary validation without limits and without a default life unless a test opens its own.
 */
#ifndef ATTL_TESTS_UNIT_H
#define ATTL_TESTS_UNIT_H

#include "check.h"
#include "sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
    struct sim sim;
    attl *cache;
};

/* For cmocka_unit_test_setup_teardown. */
int fixture_setup(void **state);
/* The same with the fewest partitions there can be, so that few entries make large tables. */
int fixture_setup_crowded(void **state);
int fixture_teardown(void **state);

#define UNIT_TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

#define UNIT_TEST_CROWDED(f) \
    cmocka_unit_test_setup_teardown(f, fixture_setup_crowded, fixture_teardown)

/* Names the status in the failure, which assert_int_equal would not. */
#define ASSERT_STATUS(call, want) unit_assert_status((call), (want), #call, __FILE__, __LINE__)
void unit_assert_status(int got, int want, const char *call, const char *file, int line);

/* Stores text, expecting ATTL_OK. */
void put(attl *cache, const char *key, const char *value, int64_t ttl_ms);
/* Deletes the key if it is there. */
void drop(attl *cache, const char *key);
/* The value must be exactly this text; NULL: the key must be absent, whoever asks. */
void expect(attl *cache, const char *key, const char *value);
/* The remaining life must be exactly this. */
void expect_ttl(attl *cache, const char *key, int64_t ttl_ms);
/* Sets one field of a namespace's policy. */
void set_policy(attl *cache, const char *prefix, const char *field, const char *value);
/* Live entries, counted by a complete iteration. */
uint64_t count_live(attl *cache);

#endif
