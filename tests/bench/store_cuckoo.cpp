/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libcuckoo as a peer: a 4-way cuckoo table with striped spin locks and values stored in the table.
 * It has no TTL, no eviction and no limit; its reads lock two stripes, and it doubles when it is
 * full. Values are copied out under the locks, as the contract of store.h asks. Thread safety is
 * the container's own.
 */
#include "store.h"

#include <cstring>
#include <libcuckoo/cuckoohash_map.hh>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace
{

struct key_bytes {
    uint8_t b[STORE_KEY];
    bool
    operator==(const key_bytes &other) const
    {
        return std::memcmp(b, other.b, sizeof b) == 0;
    }
};

struct value_bytes {
    uint8_t b[STORE_VALUE];
};

struct key_hash {
    size_t
    operator()(const key_bytes &k) const
    {
        return XXH3_64bits(k.b, sizeof k.b);
    }
};

using map_type = libcuckoo::cuckoohash_map<key_bytes, value_bytes, key_hash>;

key_bytes
key_of(const uint8_t *key)
{
    key_bytes k;
    std::memcpy(k.b, key, sizeof k.b);
    return k;
}

void *
cuckoo_open(uint64_t)
{
    return new map_type();
}

void
cuckoo_close(void *store)
{
    delete static_cast<map_type *>(store);
}

bool
cuckoo_set(void *store, const uint8_t *key, const uint8_t *value)
{
    value_bytes v;
    std::memcpy(v.b, value, sizeof v.b);
    (void)static_cast<map_type *>(store)->insert_or_assign(key_of(key), v);
    return true;
}

bool
cuckoo_get(void *store, const uint8_t *key, uint8_t *ret_value)
{
    return static_cast<map_type *>(store)->find_fn(key_of(key), [ret_value](const value_bytes &v) {
        std::memcpy(ret_value, v.b, sizeof v.b);
    });
}

uint64_t
cuckoo_size(void *store)
{
    return static_cast<map_type *>(store)->size();
}

} // namespace

extern "C" __attribute__((visibility("default"))) const struct store_ops store_cuckoo = {
    "cuckoo",     "libcuckoo cuckoohash_map: no TTL, no eviction",
    false,        cuckoo_open,
    cuckoo_close, cuckoo_set,
    cuckoo_get,   nullptr,
    cuckoo_size,
};
