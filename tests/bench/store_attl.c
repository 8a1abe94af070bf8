/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libattl behind the benchmark's store interface. Every entry has a TTL of an hour and the limits
 * are set far above the contents, so nothing expires or is evicted while it is measured, yet every
 * read checks a deadline and every write files one. Values are checked for their length, as a
 * caller would. Owner: the harness closes the store after its last worker has ended.
 */
#include "store.h"

#include "bench.h"

enum { TTL_MS = 3600 * 1000 };

struct attl_gather {
    uint8_t *values;
    unsigned hits;
};

static void *
store_attl_open(uint64_t capacity_items)
{
    char entries[64];
    (void)snprintf(entries, sizeof entries, "cache.max_entries=%llu",
                   (unsigned long long)capacity_items * 2);
    const char *settings[] = { "cache.max_memory=16GiB", entries, NULL };
    return bench_attl_open(settings);
}

static void
store_attl_close(void *store)
{
    attl *cache = store;
    attl_close(&cache);
}

static bool
store_attl_set(void *store, const uint8_t *key, const uint8_t *value)
{
    return attl_set(store, attl_b(key, STORE_KEY), attl_b(value, STORE_VALUE), TTL_MS) == ATTL_OK;
}

static bool
store_attl_get(void *store, const uint8_t *key, uint8_t *ret_value)
{
    size_t len = 0;
    return attl_get(store, attl_b(key, STORE_KEY), ret_value, STORE_VALUE, &len) == ATTL_OK &&
           len == STORE_VALUE;
}

static void
gather(void *ud, size_t i, int status, attl_slice value, int64_t deadline_ms)
{
    struct attl_gather *g = ud;
    (void)deadline_ms;
    if (status != ATTL_OK || value.len != STORE_VALUE)
        return;
    memcpy(g->values + i * STORE_VALUE, value.data, STORE_VALUE);
    g->hits++;
}

static unsigned
store_attl_mget(void *store, const uint8_t *keys, uint8_t *ret_values)
{
    attl_slice slices[STORE_BATCH];
    struct attl_gather g = { ret_values, 0 };
    for (size_t i = 0; i < STORE_BATCH; i++)
        slices[i] = attl_b(keys + i * STORE_KEY, STORE_KEY);
    (void)attl_mget_visit(store, slices, STORE_BATCH, gather, &g);
    return g.hits;
}

static uint64_t
store_attl_size(void *store)
{
    return attl_size(store);
}

const struct store_ops store_attl = {
    .name = "attl",
    .what = "libattl: TTL of one hour on every entry",
    .has_ttl = true,
    .open = store_attl_open,
    .close = store_attl_close,
    .set = store_attl_set,
    .get = store_attl_get,
    .mget = store_attl_mget,
    .size = store_attl_size,
};
