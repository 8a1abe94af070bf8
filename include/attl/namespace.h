/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl/namespace.h - policies by key prefix. Part of <attl/attl.h>, which is what programs include.
 * They can be changed while the cache is in use, by any thread.
 */
#ifndef ATTL_NAMESPACE_H
#define ATTL_NAMESPACE_H

#ifndef ATTL_ATTL_H
#error "include <attl/attl.h>, of which this is a part"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A namespace is a prefix of keys with a policy: how long its entries live, how many there may be,
 * what becomes of them at a restart. A key belongs to the longest prefix it begins with. Policies
 * come from settings.toml ([namespace."session:"]), from attl_config_set() by the name
 * "namespace.session:.ttl_default", and from the calls below; docs/config.md lists the fields.
 */
typedef struct attl_ns_field {
    attl_slice name, value; /* as in settings.toml, without quotes */
} attl_ns_field;
/*
 * Sets `n` fields of the namespace `prefix` of an open cache, all or none; a namespace that is not
 * there is made. Changes count for what is stored from now on; a lower quota is enforced by the
 * maintenance, in steps, and by each write to the namespace. `err` (may be NULL) receives a
 * sentence. Returns ATTL_OK, ATTL_E_CONFIG, ATTL_E_IMMUTABLE (durability), ATTL_E_NOMEM. Threads:
 * any. Since 0.3.
 */
ATTL_CHECKED int attl_ns_set(attl *cache, attl_slice prefix, const attl_ns_field *fields, size_t n,
                             char *err, size_t err_len);
/* Removes the namespace, not its entries: they belong to the next shorter prefix. ATTL_OK,
 * ATTL_MISS, ATTL_E_NOMEM. Threads: any. Since 0.3. */
ATTL_CHECKED int attl_ns_del(attl *cache, attl_slice prefix);
/* Copies a field's value as text, with its NUL. ATTL_OK, ATTL_MISS (no such namespace),
 * ATTL_E_CONFIG (no such field), ATTL_E_BUFFER (64 bytes always suffice). Since 0.3. */
ATTL_CHECKED int attl_ns_get(attl *cache, attl_slice prefix, const char *field, char *buf,
                             size_t len);
/* The name of the i-th field, NULL behind the last. Static text. Since 0.3. */
ATTL_API const char *attl_ns_field_name(size_t i);
/* Calls `fn` for each namespace in the order of their prefixes, with a lock held: be quick, do not
 * call back. Since 0.3. */
typedef void (*attl_ns_fn)(void *ud, attl_slice prefix);
ATTL_API void attl_ns_list(attl *cache, attl_ns_fn fn, void *ud);
/* Copies the prefix of the namespace that `key` belongs to. ATTL_OK, ATTL_MISS (none),
 * ATTL_E_BUFFER (128 bytes always suffice). Since 0.3. */
ATTL_CHECKED int attl_ns_match(attl *cache, attl_slice key, char *buf, size_t len, size_t *ret_len);
/* What the policy of the key says of recording its changes (field `audit`): 1: they are recorded,
 * -1: they are not, 0: it says nothing, or there is none. For programs that keep an audit trail, as
 * attld does; the library keeps none. Threads: any. Never blocks. Since 0.6. */
ATTL_API int attl_ns_audit(attl *cache, attl_slice key);
typedef struct attl_ns_stats {
    uint32_t struct_size;
    uint32_t counted; /* 0: nobody counts, for want of a quota; 1: exact; 2: being counted     */
    uint64_t entries; /* expired ones that were not reclaimed yet included                     */
    uint64_t bytes;   /* of records and large values; without index and free space             */
    uint64_t max_entries, max_bytes; /* 0: no quota                                            */
    uint64_t evicted;                /* to keep to the quota                                   */
    uint64_t refused;                /* changes that got ATTL_E_QUOTA                          */
} attl_ns_stats;
/* Fills *ret_stats (struct_size must be set). While any namespace has a quota the entries of all
 * are counted. ATTL_OK, ATTL_MISS (no such namespace). Threads: any. Since 0.3. */
ATTL_CHECKED int attl_ns_stats_get(attl *cache, attl_slice prefix, attl_ns_stats *ret_stats);
/*
 * Removes every key that begins with `prefix` and is there during the whole call, in steps between
 * which others go on; whether there is a namespace of that name does not matter. *ret_removed (may
 * be NULL) is how many. Returns ATTL_OK, ATTL_E_NOMEM, and attl_del's failures. Since 0.3.
 */
ATTL_CHECKED int attl_ns_flush(attl *cache, attl_slice prefix, uint64_t *ret_removed);

#ifdef __cplusplus
}
#endif
#endif
