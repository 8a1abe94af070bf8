/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A data directory for the tests of the offline commands: a temporary one, filled with segments and
 * snapshots made by the modules that write them, and a way to run a command line on it. In a line
 * the word DIR stands for the directory and SNAP for the snapshot written last. Failing to do any
 * of it ends the test.
 */
#ifndef ATTL_TESTS_OFFLINE_SUPPORT_H
#define ATTL_TESTS_OFFLINE_SUPPORT_H

#include "cli_support.h"

#include "persist/segment.h"
#include "persist/snapshot.h"
#include "support/wal_log.h"

enum { WORLD_PATH_MAX = 64, WORLD_FILES_MAX = 64 };

#define WORLD_CREATED_MS INT64_C(1767323045678) /* 2026-01-02T03:04:05.678Z */

struct world {
    char dir[WORLD_PATH_MAX];
    char snapshot[SEGMENT_NAME_MAX]; /* written last */
    int code;
    char *out, *err; /* of the last command line */
};

/* For cmocka: *state is a struct world. */
int world_setup(void **state);
int world_teardown(void **state);

/* Puts a segment there. */
void world_log(struct world *w, const struct wal_log *l);
/* A segment of `frames` puts from `first_lsn` on, the last of them a mark. */
void world_segment(struct world *w, uint64_t first_lsn, unsigned frames, bool gap);
/* A snapshot of entries "s0", "s1" ..., the first an integer, the second with a deadline. */
void world_snapshot(struct world *w, uint64_t cut_lsn, uint64_t end_lsn, unsigned entries);
/* Inverts the byte at `offset`, counted from the end if negative. */
void world_damage(struct world *w, const char *name, long offset);
/* Ends the file there. */
void world_cut(struct world *w, const char *name, long bytes);
/* Number of files whose names begin like this. */
unsigned world_count(struct world *w, const char *prefix);
/* Names and contents of all files, as a number. */
uint64_t world_hash(struct world *w);
void world_path(struct world *w, const char *name, char out[SUPPORT_PATH_MAX + SEGMENT_NAME_MAX]);

/* Runs "wal list DIR", with standard error captured too, and expects this exit status. */
void world_run(struct world *w, int code, const char *line);
/* The output (or what was said on standard error) has this text in it, or has not. */
void world_shows(const struct world *w, const char *text);
void world_hides(const struct world *w, const char *text);
void world_says(const struct world *w, const char *text);

#endif
