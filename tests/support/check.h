/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CHECK for tests that run millions of steps or many threads. It prints the place, a sentence and
 * the seed, then aborts, so that the failing state can be looked at in a debugger and no other
 * thread goes on to bury it. cmocka's assertions stay for the small tests: they unwind, which
 * threads cannot.
 */
#ifndef ATTL_TESTS_CHECK_H
#define ATTL_TESTS_CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(ok, ...)                                         \
    do {                                                       \
        if (!(ok)) {                                           \
            test_failed(__FILE__, __LINE__, #ok, __VA_ARGS__); \
        }                                                      \
    } while (0)

/* The seed of this run: ATTL_TEST_SEED, or the time. Read once, printed by test_announce(). */
uint64_t test_seed(void);
/* True in a build with the address or the thread sanitizer, which have memory and threads of their
 * own. */
bool test_is_sanitized(void);
/* `amount` times ATTL_TEST_SCALE, at least 1. Without that it is 1, or a tenth under a sanitizer.
 */
uint64_t test_scaled(uint64_t amount);
/* Prints the name of the test and the seed. */
void test_announce(const char *name, uint64_t seed);
_Noreturn void test_failed(const char *file, int line, const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
