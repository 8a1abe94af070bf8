/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Glob patterns as Redis understands them: * ? [abc] [^abc] [a-z] and \x for x itself. Matching is
 * iterative and needs no memory. Its work is bounded: see GLOB_STEPS_MAX.
 */
#ifndef ATTL_BASE_GLOB_H
#define ATTL_BASE_GLOB_H

#include <attl/attl.h>
#include <stdbool.h>

/*
 * Comparisons one match may cost. With the last star remembered, n bytes of text and m of pattern
 * need at most n * m, which strings below 4 KiB cannot bring above this. Beyond it the answer is
 * "no match": such patterns are built to stop a server, not to find something.
 */
enum { GLOB_STEPS_MAX = 1 << 22 };

bool glob_match(attl_slice pattern, attl_slice text, bool ignore_case);
/* For names of settings and commands: in any case, and a pattern beyond reason matches nothing. */
enum { GLOB_NAME_PATTERN_MAX_BYTES = 1024 };
bool glob_match_name(attl_slice pattern, const char *name);

#endif
