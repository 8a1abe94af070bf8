/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UTF-8 as the Unicode standard has it: shortest forms, no surrogates, nothing above U+10FFFF. All
 * that escapes, shows or passes on text asks here, so that no two parts of a program can differ on
 * what is text. Pure functions of bytes that their caller owns.
 */
#ifndef ATTL_BASE_UTF8_H
#define ATTL_BASE_UTF8_H

#include <attl/attl.h>
#include <stdbool.h>

/* Length of the valid UTF-8 sequence at `p` (1 to 4) with its code point, 0 if there is none. */
size_t utf8_step(const char *p, size_t len, uint32_t *ret_code);
bool utf8_valid(attl_slice text);
/* The UTF-8 of `code` (below 0x110000, no surrogate): its length, 1 to 4. */
size_t utf8_encode(uint32_t code, char out[4]);
/* Control characters, and those that reorder or hide the text around them. */
bool utf8_hidden(uint32_t code);

#endif
