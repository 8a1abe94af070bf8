/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A life with more than one deadline as 24 bytes of a file, the same in the log and in snapshots:
 * soft and hard deadline, flags, and how long loading took. The times are Unix ms by the wall
 * clock, as all times in files are, so a restart prolongs neither. Decoding trusts nothing: what
 * cannot be a life together with the deadline that stands before it is refused. Pure functions; the
 * caller owns all memory.
 */
#ifndef ATTL_PERSIST_LIFE_FORMAT_H
#define ATTL_PERSIST_LIFE_FORMAT_H

#include "cache/life.h"

enum { LIFE_FORMAT_BYTES = 24 };

void life_format_encode(const struct life *life, unsigned char out[LIFE_FORMAT_BYTES]);
/* Whatever the bytes say: judge it with life_is_valid(). */
struct life life_format_decode(const unsigned char in[LIFE_FORMAT_BYTES]);

#endif
