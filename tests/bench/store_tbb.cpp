/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TBB's concurrent_hash_map as a peer: a hash table with a reader-writer spin lock per entry.
 * It has no TTL, no eviction and no limit, which makes it a bound for what a table with locks does,
 * not a cache. Values are copied out under the accessor, as the contract of store.h asks.
 * Thread safety is the container's own.
 */
#include "store.h"

#include <cstring>
#include <new>
#include <tbb/concurrent_hash_map.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace
{

struct key_bytes {
    uint8_t b[STORE_KEY];
};

struct value_bytes {
    uint8_t b[STORE_VALUE];
};

struct key_hash {
    static size_t
    hash(const key_bytes &k)
    {
        return XXH3_64bits(k.b, sizeof k.b);
    }
    static bool
    equal(const key_bytes &a, const key_bytes &b)
    {
        return std::memcmp(a.b, b.b, sizeof a.b) == 0;
    }
};

using map_type = tbb::concurrent_hash_map<key_bytes, value_bytes, key_hash>;

key_bytes
key_of(const uint8_t *key)
{
    key_bytes k;
    std::memcpy(k.b, key, sizeof k.b);
    return k;
}

void *
tbb_open(uint64_t)
{
    return new map_type();
}

void
tbb_close(void *store)
{
    delete static_cast<map_type *>(store);
}

bool
tbb_set(void *store, const uint8_t *key, const uint8_t *value)
{
    map_type::accessor at;
    (void)static_cast<map_type *>(store)->insert(at, key_of(key));
    std::memcpy(at->second.b, value, STORE_VALUE);
    return true;
}

bool
tbb_get(void *store, const uint8_t *key, uint8_t *ret_value)
{
    map_type::const_accessor at;
    if (!static_cast<map_type *>(store)->find(at, key_of(key)))
        return false;
    std::memcpy(ret_value, at->second.b, STORE_VALUE);
    return true;
}

uint64_t
tbb_size(void *store)
{
    return static_cast<map_type *>(store)->size();
}

} // namespace

extern "C" __attribute__((visibility("default"))) const struct store_ops store_tbb = {
    "tbb",     "TBB concurrent_hash_map: no TTL, no eviction",
    false,     tbb_open,
    tbb_close, tbb_set,
    tbb_get,   nullptr,
    tbb_size,
};
