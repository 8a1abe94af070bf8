/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The playing field of the concurrent tests: a few hundred keys of different habits, each written
 * by one thread only, and for each the numbers of the writes begun and finished. A reader notes
 * "finished" before its call and "begun" after it; what the call may answer lies between the two,
 * so every single answer is checked for freshness, and every miss for being possible (a
 * linearizability check per key). Cells are atomics; everything else is written before the threads
 * start.
 */
#ifndef ATTL_TESTS_FIELD_H
#define ATTL_TESTS_FIELD_H

#include "rng.h"
#include "sim.h"

enum field_habit {
    HABIT_FIXED,   /* always there, always of one size: overwritten in place      */
    HABIT_VARIED,  /* always there, any size up to out-of-line ones               */
    HABIT_SLIDING, /* always there, its deadline moves                           */
    HABIT_COMING,  /* odd versions set it, even ones delete it                    */
    HABIT_MORTAL,  /* written with a short life                                   */
    HABITS
};

enum { FIELD_KEYS = 400, FIELD_VALUE_BYTES_MAX = 24000, FIELD_KEY_BYTES = 16 };

struct field_cell {
    enum field_habit habit;
    char name[FIELD_KEY_BYTES];
    size_t fixed_len;
    _Atomic uint64_t begun, finished;
    _Atomic int64_t deadline_ms; /* of the last finished write, for HABIT_MORTAL */
};

struct field {
    struct sim sim;
    attl *cache;
    bool evicts;        /* entries may be missing */
    int64_t horizon_ms; /* the clock of a test never gets here; steady entries live longer */
    atomic_bool stop;
    struct field_cell cells[FIELD_KEYS];
};

/* What a reader knew before its call. */
struct field_before {
    uint64_t finished;
    int64_t now_ms, deadline_ms;
};

/* One reader's memory: versions of a key never go back. */
struct field_reader {
    struct field *field;
    uint64_t seen[FIELD_KEYS];
    uint64_t hits, misses;
};

/* Opens the cache and writes every key once. */
void field_init(struct field *f, const struct sim_option *options, bool evicts);
/* Checks every key a last time, without other threads, and closes. */
void field_fini(struct field *f);

attl_slice field_key(const struct field_cell *c);
/* The next write of a key; only its one writer may call this. */
void field_write(struct field *f, size_t i, struct rng *r);

struct field_before field_before_read(struct field *f, size_t i);
/* Checks one answer: ATTL_OK with a value and its deadline, or ATTL_MISS. */
void field_after_read(struct field_reader *reader, size_t i, const struct field_before *before,
                      int status, attl_slice value, int64_t deadline_ms);

#endif
