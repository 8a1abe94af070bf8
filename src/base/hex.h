/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hexadecimal digits. What is written is lower case; a reader says whether it takes the other case
 * too, since a form that is hashed or compared must be the only one. Pure functions of bytes that
 * their caller owns.
 */
#ifndef ATTL_BASE_HEX_H
#define ATTL_BASE_HEX_H

#include <stddef.h>

/* 2 * `len` digits. */
void hex_digits(char *out, const void *bytes, size_t len);
/* The same with a NUL behind them. */
void hex_text(char *out, const void *bytes, size_t len);
/* What the digit stands for, -1 if it is none. */
int hex_value(char c);
/* The same for lower case alone. */
int hex_value_lower(char c);

#endif
