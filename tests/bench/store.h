/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One in-process map or cache as bench_inproc sees it: fixed 16-byte keys, fixed 64-byte values.
 * Every read copies the value out, so that all pay for the same thing; every store hashes the key
 * itself (the peers with XXH3, which is what libattl's neighbours use). The table of stores holds
 * weak references: a peer whose library was not installed at build time is simply not there. All
 * operations must be safe from any number of threads.
 */
#ifndef ATTL_TESTS_BENCH_STORE_H
#define ATTL_TESTS_BENCH_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { STORE_KEY = 16, STORE_VALUE = 64, STORE_BATCH = 16 };

struct store_ops {
    const char *name;
    const char *what; /* one line for the head of the table */
    bool has_ttl;
    void *(*open)(uint64_t capacity_items);
    void (*close)(void *store);
    bool (*set)(void *store, const uint8_t *key, const uint8_t *value);
    bool (*get)(void *store, const uint8_t *key, uint8_t *ret_value);
    /* STORE_BATCH keys one after the other in memory, likewise the values; returns the hits.
     * NULL: the store has no such call and is asked key by key. */
    unsigned (*mget)(void *store, const uint8_t *keys, uint8_t *ret_values);
    uint64_t (*size)(void *store);
};

extern const struct store_ops store_attl;
extern const struct store_ops store_tbb __attribute__((weak));
extern const struct store_ops store_cuckoo __attribute__((weak));
extern const struct store_ops store_glib __attribute__((weak));

#ifdef __cplusplus
}
#endif

#endif
