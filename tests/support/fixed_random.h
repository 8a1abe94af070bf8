/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Randomness on a string. A cache draws a secret for its hash when it is opened, and with it the
 * place of every key; a failure could then not be replayed from the seed of a test alone. A program
 * that calls fixed_random_seed() gets its own getrandom(), linked in before the C library's, and
 * with it the same secrets in the same order each time. Any thread may draw; seed before the first.
 */
#ifndef ATTL_TESTS_FIXED_RANDOM_H
#define ATTL_TESTS_FIXED_RANDOM_H

#include <stdint.h>

void fixed_random_seed(uint64_t seed);

#endif
