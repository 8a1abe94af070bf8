/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the offline commands write times, sizes, keys and changes, for people and as JSON. Times are
 * UTC in ISO 8601, because files travel between machines. Pure functions of their arguments; errors
 * of a FILE are its owner's.
 */
#ifndef ATTL_CLI_OFFLINE_PRINT_H
#define ATTL_CLI_OFFLINE_PRINT_H

#include "persist/snapshot.h"
#include "persist/wal_reader.h"

#include <stdio.h>

enum { PRINT_TIME_MAX = 40, PRINT_SIZE_MAX = 24, PRINT_KINDS = WAL_NOTE + 1 };

/* "2026-11-25T16:15:32.123Z" */
void print_time(int64_t unix_ms, char out[PRINT_TIME_MAX]);
/* The same, or "never" for ATTL_NO_DEADLINE. */
void print_deadline(int64_t unix_ms, char out[PRINT_TIME_MAX]);
/* "999 B", "1.50 KiB", "64.0 MiB" */
void print_size(uint64_t bytes, char out[PRINT_SIZE_MAX]);
/* "put", "del" ... */
const char *print_kind(enum wal_kind kind);

/* The value as GET would give it; `text` has room for the digits of an integer. */
attl_slice print_value(attl_slice value, bool is_integer, char text[PRINT_SIZE_MAX]);

/* ,"deadline_ms":1,"deadline":"..." or nothing */
void print_json_deadline(FILE *to, int64_t unix_ms);

/* ,"soft_ms":1,"hard_ms":2 ... of an entry with more than one deadline */
void print_json_life(FILE *to, const struct life *life);
/* "  (reload from T, found until T, negative, loaded in 5 ms)" */
void print_life(FILE *to, const struct life *life);

/* How the log ended, "clean", "torn", "damaged", "gap" ... */
const char *print_end(const struct wal_verdict *v);
/* A line for it. */
void print_verdict(FILE *to, bool json, const struct wal_verdict *v);

#endif
