/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the log's reader share: a simulated disk, segments made in memory, an allocator
 * that counts and refuses, and one function that reads everything and demands a certain end.
 */
#ifndef ATTL_TESTS_LOG_WORLD_H
#define ATTL_TESTS_LOG_WORLD_H

#include "persist/wal_reader.h"
#include "support/unit.h"
#include "support/wal_log.h"

enum { LOGS_MAX = 6 };

struct world {
    struct sim_disk *sim;
    struct wal_log logs[LOGS_MAX];
    unsigned logs_len;
    int64_t live;
    int64_t calls, fail_at; /* the call that fails; 0: none */
    size_t largest;         /* allocation */
    /* What read_all() saw. */
    uint64_t frames, first_lsn;
    int opened;
    struct wal_verdict verdict;
};

/* For cmocka; the teardown fails if memory was leaked. */
int world_setup(void **state);
int world_teardown(void **state);
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

attl_allocator world_allocator(struct world *w);
/* A further segment with `count` changes; the same behind a gap. */
struct wal_log *add_log(struct world *w, uint64_t first_lsn, unsigned count);
struct wal_log *add_gap(struct world *w, uint64_t first_lsn, unsigned count);
/* Puts all segments on the disk as they are now. */
void store_all(struct world *w);

void open_reader(struct world *w, uint64_t from_lsn, struct wal_reader **ret);
/* Reads up to the end; frames must be consecutive and say what they should. */
void read_on(struct world *w, struct wal_reader *r);
/* Both, and closes. */
void read_all(struct world *w, uint64_t from_lsn);
/* Stores all segments; the log, read from `from_lsn` on, must end like this. */
void expect_end(struct world *w, uint64_t from_lsn, enum wal_end end, uint64_t next_lsn);
/* ... in this segment, here, and the reason must contain this text. */
void expect_place(const struct world *w, const struct wal_log *l, uint64_t offset);
void expect_reason(const struct world *w, const char *part);

#endif
