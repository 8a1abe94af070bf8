/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values of options: from text to a number and back. Pure functions of a row and a text,
 * independent of the locale. What option_format() writes, option_parse() reads back to the same
 * value, in every form but FORM_REDIS, where two values may share a name: CONFIG REWRITE and the
 * fuzz target rely on it.
 */
#ifndef ATTL_CONFIG_OPTION_VALUE_H
#define ATTL_CONFIG_OPTION_VALUE_H

#include "config/config_error.h"
#include "config/option.h"

/* A parsed value; which member counts is the option's type. Strings stay in their text. */
struct option_scalar {
    int64_t number; /* bool, int, bytes, ms, permission bits; for enums the row of the choice */
    double real;
};

/*
 * Reads `text` as a value of `option` and checks its bounds. For strings only the check is done.
 * ATTL_OK, ATTL_E_CONFIG.
 */
int option_parse(const struct option *option, enum option_form form, attl_slice text,
                 struct config_error err, struct option_scalar *ret_value);
/*
 * Writes the value with its NUL; `text` is that of a string option. ATTL_OK, ATTL_E_BUFFER (nothing
 * of `buf` counts then). OPTION_TEXT_MAX bytes always suffice.
 */
int option_format(const struct option *option, enum option_form form, struct option_scalar value,
                  const char *text, char *buf, size_t len);
/* A double with at most six decimals and without an exponent, whatever the locale. `buf` of 32
 * suffices. */
void option_format_real(double real, char *buf, size_t len);
/* The same for reading: digits, perhaps a point and up to six more; in millionths. False if it is
 * not. */
bool option_parse_real(attl_slice text, double *ret_real);
/* "yes" and its relatives; false if it is none of them. */
bool option_parse_bool(attl_slice text, bool *ret_value);

#endif
