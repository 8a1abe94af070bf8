/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cache with a data directory on the simulated disk, for tests of durability: opened, closed,
 * killed and opened again on a clock the test sets. What the log holds is rendered as one line of
 * text, so that a test can say what it expects; what the cache logged for people is counted by
 * event. The fixture owns disk, cache and lines; only the log hook runs in other threads, under the
 * fixture's mutex.
 */
#ifndef ATTL_TESTS_DURABLE_H
#define ATTL_TESTS_DURABLE_H

#include "sim.h"
#include "sim_disk.h"

#include <pthread.h>

enum { DURABLE_TEXT_BYTES = 16384, DURABLE_ERR_BYTES = 768 };

struct durable {
    struct sim sim;
    struct sim_disk *disk;
    attl *cache;
    attl_allocator *allocator; /* NULL: malloc */
    bool real_time;            /* the system's clock, with its threads */
    bool creeps;               /* each look at the clock moves it by a millisecond */
    pthread_mutex_t mutex;     /* `events` */
    char events[DURABLE_TEXT_BYTES];
    char err[DURABLE_ERR_BYTES]; /* of the last open */
    char log[DURABLE_TEXT_BYTES];
};

void durable_init(struct durable *d, uint64_t seed);
void durable_fini(struct durable *d); /* closes the cache if it is open */
/* Opens with `options` (NULL, or as for sim_config) on top of: no limits, binary keys, fsync
 * always, small segments, no background. Later ones win. */
int durable_try_open(struct durable *d, const struct sim_option *options);
void durable_open(struct durable *d, const struct sim_option *options); /* dies on failure */
/* The process dies and the cache is opened anew: what was not written is lost. */
void durable_kill(struct durable *d);
/* A power loss: what was not synced is lost. */
void durable_crash(struct durable *d, uint64_t seed);

/* How often the event was logged. */
unsigned durable_events(struct durable *d, const char *event);
/*
 * All frames of the log from `from_lsn` on but marks, as "PUT a=1; PUT b=2 @5000; INT c=7; DEL a;
 * EXPIRE b -; GROUP(PUT x=1, DEL y); CLEAR; EVICT k; NOTE snapshot": behind @ the deadline in
 * milliseconds since SIM_START_MS, values above 40 bytes as <length>, and of a life with more
 * deadlines ~soft/hard ("-": none), with ! if negative. Syncs the cache first.
 */
const char *durable_log(struct durable *d, uint64_t from_lsn);
/* The LSN that the next change will get, after a sync. */
uint64_t durable_next_lsn(struct durable *d);
attl_persist_stats durable_stats(struct durable *d);
/* How many files' names begin so ("wal-", "snap-", "aside-"), and the last of them in the order of
 * names; ret_last may be NULL. */
unsigned durable_files(struct durable *d, const char *prefix, char *ret_last, size_t len);

/* For cmocka_unit_test_setup_teardown: *state is a struct durable. */
int durable_setup(void **state);
int durable_teardown(void **state);
#define DURABLE_TEST(f) cmocka_unit_test_setup_teardown(f, durable_setup, durable_teardown)

#endif
