/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much memory the system leaves us: the limit of our control group (version 1 or 2) with what
 * it uses, and the share of time in which somebody waits for memory (PSI). A group's parents limit
 * it as well, so all of them are looked at and the tightest counts. "Used" is without the files in
 * the kernel's cache, which it drops by itself before it kills anybody. The place where the files
 * are is found once; a reading opens a handful of them and allocates nothing. What cannot be read,
 * or makes no sense, counts as absent. A source belongs to one thread at a time.
 */
#ifndef ATTL_OS_PRESSURE_H
#define ATTL_OS_PRESSURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PRESSURE_PATH_MAX = 512, PRESSURE_LEVELS_MAX = 16 };

/* Where to read. */
struct pressure_source {
    char root[PRESSURE_PATH_MAX / 2];  /* in front of every path: "", or what a test has made */
    char mount[64];                    /* of the hierarchy with the memory controller; "": none */
    char group[PRESSURE_PATH_MAX / 2]; /* ours in it, "" or "/a/b" */
    bool v2;
};

struct pressure_reading {
    uint64_t limit_bytes; /* of the tightest group; 0: nobody limits us */
    uint64_t used_bytes;  /* of that group */
    double stall_percent; /* PSI, some, of the last ten seconds; < 0: not known */
};

/* Finds our group under `root` ("": the system's). Never fails: there may be nothing to find. */
void pressure_find(struct pressure_source *s, const char *root);
void pressure_read(const struct pressure_source *s, struct pressure_reading *ret);

/* The parts, for tests. The first number of `text` or the one behind the word `key` at the
 * beginning of a line; false if there is none, or it does not fit. "max" is UINT64_MAX. */
bool pressure_parse_number(const char *text, const char *key, uint64_t *ret);
/* "some avg10=1.25 ...": 1.25; < 0 if the text is anything else. */
double pressure_parse_stall(const char *text);

#endif
