/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers and their decimal text. One strict parser serves the wire, the settings and the values of
 * INCR: no white space, no plus sign, no leading zeros, the whole input, no wrap-around. It is the
 * form Redis accepts (string2ll), so that "007" stays a string.
 */
#ifndef ATTL_BASE_NUM_H
#define ATTL_BASE_NUM_H

#include <attl/attl.h>
#include <stdbool.h>

enum { NUM_TEXT_MAX = 24 };

/* True, with *ret_value, if all of `text` is a canonical decimal int64. */
bool num_parse_i64(attl_slice text, int64_t *ret_value);
/* Writes the decimal text of `value` (no NUL) and returns its length, at most NUM_TEXT_MAX - 1. */
size_t num_format_i64(char out[NUM_TEXT_MAX], int64_t value);
/* a + b in *ret_sum, false on overflow. */
bool num_add_i64(int64_t a, int64_t b, int64_t *ret_sum);

#endif
