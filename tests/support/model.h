/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plain map the cache is compared with: a chained hash table of owned copies, and nothing
 * clever. Time is a member, and an entry whose deadline is not later than it does not exist for
 * model_find(), though its node stays (a "zombie") until model_purge(), because the cache may count
 * it as well. It is kept, for who asks for stale values, until it is gone. One thread owns a model;
 * lack of memory ends the test.
 */
#ifndef ATTL_TESTS_MODEL_H
#define ATTL_TESTS_MODEL_H

#include <attl/attl.h>
#include <stdbool.h>

enum model_mode { MODEL_STRICT, MODEL_NORMAL, MODEL_RELAXED, MODEL_BINARY };

/* What the cache under test is configured with, as far as results depend on it. */
struct model_rules {
    enum model_mode mode;
    size_t key_bytes_max;
    size_t value_bytes_max;
    int64_t ttl_ms_max;
    int64_t ttl_ms_default; /* 0: none */
};

struct model_entry {
    struct model_entry *next;
    uint64_t hash;
    size_t index; /* own place in model.entries */
    unsigned char *key, *value;
    size_t key_len, value_len;
    int64_t deadline_ms; /* or ATTL_NO_DEADLINE */
    int64_t soft_ms;     /* to be reloaded from then on, or ATTL_NO_DEADLINE */
    int64_t gone_ms;     /* deadline_ms and the grace behind it */
    bool negative;       /* known not to exist: not live, but kept */
    /* The iteration under way: there since its start, and how often it was visited. */
    bool scan_due;
    unsigned scan_visits;
};

struct model {
    struct model_rules rules;
    int64_t now_ms;
    struct model_entry **entries; /* dense, in no order; zombies included */
    size_t count, cap;
    struct model_entry **buckets;
    size_t bucket_count; /* a power of two */
};

void model_init(struct model *m, const struct model_rules *rules, int64_t now_ms);
void model_fini(struct model *m);

/* The live entry of `key`, or NULL. */
struct model_entry *model_find(struct model *m, attl_slice key);
/* Stores a copy. An existing live entry keeps its place in an iteration under way. */
void model_put(struct model *m, attl_slice key, attl_slice value, int64_t deadline_ms);
/* The entry of `key` that is not gone, stale or not, or NULL. */
struct model_entry *model_find_kept(struct model *m, attl_slice key);
/* As model_find; what is there but past its deadline is removed, as a change does. */
struct model_entry *model_find_change(struct model *m, attl_slice key);
/* Gives an entry another deadline: soft at most that, the grace as long as it was. */
void model_move(struct model_entry *e, int64_t deadline_ms);
/* Removes the entry, also a zombie. False if there was no live one. */
bool model_remove(struct model *m, attl_slice key);
void model_clear(struct model *m);
/* Frees the zombies that were gone at `horizon_ms`. */
void model_purge(struct model *m, int64_t horizon_ms);
/* Stores that there is no value, until `deadline_ms`. */
void model_put_negative(struct model *m, attl_slice key, int64_t deadline_ms);
/* Number of live entries. O(n). */
size_t model_live(const struct model *m);
/* The same, with those that are past their deadline and not gone. O(n). */
size_t model_kept(const struct model *m);
/* The earliest moment at which an entry is gone, or ATTL_NO_DEADLINE. O(n). */
int64_t model_first_deadline(const struct model *m);

static inline bool
model_is_live(const struct model *m, const struct model_entry *e)
{
    return !e->negative && (e->deadline_ms == ATTL_NO_DEADLINE || e->deadline_ms > m->now_ms);
}

static inline bool
model_is_kept(const struct model *m, const struct model_entry *e)
{
    return e->gone_ms == ATTL_NO_DEADLINE || e->gone_ms > m->now_ms;
}

static inline attl_slice
model_value(const struct model_entry *e)
{
    return attl_b(e->value, e->value_len);
}

static inline bool
slice_equal(attl_slice a, attl_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* A 64-bit hash of bytes, independent of the library's. */
uint64_t model_hash(attl_slice bytes);

#endif
