/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Namespaces of an open cache: their fields in the configuration in force, and removing what a
 * prefix holds. A change is made on a copy of the configuration, the set of policies is built from
 * that, and only then do both take the place of the old ones. Removing walks the cache as a scan
 * does, collecting keys first, because a visitor may not change anything.
 */
#include "api/api.h"

#include "cache/scan.h"
#include "engine/durability.h"
#include "engine/journal.h"

enum { FLUSH_STEP_ENTRIES = 256, FLUSH_STEP_BYTES = 64 << 10, COUNT_AT_ONCE_ENTRIES = 1 << 16 };

/* Puts a changed copy in force, or frees it. config_lock is held. */
static int
put_in_force(attl *a, attl_config *changed, int status)
{
    if (status == ATTL_OK)
        status = engine_apply_namespaces(a, changed);
    if (status != ATTL_OK) {
        attl_config_free(changed);
        return status;
    }
    attl_config_free(a->config);
    a->config = changed;
    return ATTL_OK;
}

/* Few entries are counted at once, so that whoever sets a quota need not wait for it to hold. */
static void
count_if_small(attl *a)
{
    if (!atomic_load(&a->quotas.counting) || cache_items(&a->cache) > COUNT_AT_ONCE_ENTRIES)
        return;
    lock_acquire(&a->tick_lock);
    quota_begin(a);
    lock_release(&a->tick_lock);
}

int
attl_ns_set(attl *a, attl_slice prefix, const attl_ns_field *fields, size_t n, char *err,
            size_t err_len)
{
    if (n > NS_FIELDS)
        return ATTL_E_INVALID;
    struct config_error error = { err, err_len };
    lock_acquire(&a->config_lock);
    attl_config *changed = config_copy(a->config);
    int status = changed ? config_ns_set(changed, prefix, fields, n, error)
                         : config_fail_memory(error);
    status = put_in_force(a, changed, status);
    lock_release(&a->config_lock);
    count_if_small(a);
    parker_wake(&a->parker);
    return status;
}

int
attl_ns_del(attl *a, attl_slice prefix)
{
    lock_acquire(&a->config_lock);
    attl_config *changed = config_copy(a->config);
    int status = changed ? config_ns_del(changed, prefix, (struct config_error){ NULL, 0 })
                         : ATTL_E_NOMEM;
    status = put_in_force(a, changed, status);
    lock_release(&a->config_lock);
    count_if_small(a);
    parker_wake(&a->parker);
    return status;
}

/* The policy in force, or NULL. */
static const struct namespace_policy *
find_enabled(const attl *a, attl_slice prefix)
{
    const struct namespace_policy *p = namespace_list_find(&a->config->namespaces, prefix);
    return p && p->values[NS_ENABLED].number ? p : NULL;
}

int
attl_ns_get(attl *a, attl_slice prefix, const char *field, char *buf, size_t len)
{
    lock_acquire(&a->config_lock);
    int status = find_enabled(a, prefix) ? config_ns_get(a->config, prefix, attl_s(field), buf, len)
                                         : ATTL_MISS;
    lock_release(&a->config_lock);
    return status;
}

const char *
attl_ns_field_name(size_t i)
{
    return i < NS_FIELDS ? namespace_field_at((enum namespace_field)i)->name : NULL;
}

void
attl_ns_list(attl *a, attl_ns_fn fn, void *ud)
{
    lock_acquire(&a->config_lock);
    const struct namespace_list *l = &a->config->namespaces;
    for (size_t i = 0; i < l->count; i++)
        if (l->items[i].values[NS_ENABLED].number)
            fn(ud, namespace_prefix(&l->items[i]));
    lock_release(&a->config_lock);
}

int
attl_ns_match(attl *a, attl_slice key, char *buf, size_t len, size_t *ret_len)
{
    struct reclaim_reader *r = reclaim_self();
    if (!r)
        return ATTL_E_NOMEM;
    reclaim_enter(r);
    const struct namespace_set *set = atomic_load(&a->namespaces);
    const struct namespace *ns = set ? namespace_match(set, key) : NULL;
    int status = ns ? ATTL_OK : ATTL_MISS;
    if (ns) {
        *ret_len = ns->prefix.len;
        if (ns->prefix.len > len)
            status = ATTL_E_BUFFER;
        else if (ns->prefix.len)
            memcpy(buf, ns->prefix.data, ns->prefix.len);
    }
    reclaim_exit(r);
    return status;
}

int
attl_ns_audit(attl *a, attl_slice key)
{
    struct reclaim_reader *r = reclaim_self();
    if (!r || !engine_has_namespaces(a))
        return CHOICE_NS_AUDIT_INHERIT;
    reclaim_enter(r);
    const struct namespace_set *set = atomic_load(&a->namespaces);
    const struct namespace *ns = set ? namespace_match(set, key) : NULL;
    int audit = ns ? ns->audit : CHOICE_NS_AUDIT_INHERIT;
    reclaim_exit(r);
    return audit;
}

int
attl_ns_stats_get(attl *a, attl_slice prefix, attl_ns_stats *ret_stats)
{
    attl_ns_stats st = { 0 };
    struct quota_sums sums;
    lock_acquire(&a->config_lock);
    const struct namespace_policy *p = find_enabled(a, prefix);
    if (p) {
        st.max_entries = (uint64_t)p->values[NS_MAX_ENTRIES].number;
        st.max_bytes = (uint64_t)p->values[NS_MAX_BYTES].number;
    }
    lock_release(&a->config_lock);
    if (!p)
        return ATTL_MISS;
    if (quota_sums_get(a, prefix, &sums)) {
        st.counted = sums.counted ? 1 : 2;
        st.entries = sums.entries > 0 ? (uint64_t)sums.entries : 0;
        st.bytes = sums.bytes > 0 ? (uint64_t)sums.bytes : 0;
        st.evicted = sums.evicted;
        st.refused = sums.refused;
    }
    sized_export(&st, sizeof st, ret_stats);
    return ATTL_OK;
}

/* ---- flushing -------------------------------------------------------------------------------- */

/* Keys with the prefix that one step of the walk met, one behind the other, each with its length.
 */
struct flush {
    attl_slice prefix;
    struct buf keys;
};

static void
collect_key(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    struct flush *f = ud;
    (void)value;
    (void)deadline_ms;
    if (key.len < f->prefix.len ||
        (f->prefix.len && memcmp(key.data, f->prefix.data, f->prefix.len) != 0))
        return;
    buf_append(&f->keys, &key.len, sizeof(key.len));
    if (key.len)
        buf_append(&f->keys, key.data, key.len);
}

static int
flush_change(struct entry *e, void *ud)
{
    uint64_t *removed = ud;
    if (!e->found)
        return ATTL_MISS;
    entry_remove(e, COUNT_DELETES);
    ++*removed;
    return ATTL_OK;
}

static int
remove_collected(attl *a, struct flush *f, uint64_t *removed)
{
    int status = journal_admit(a);
    for (size_t at = 0; status >= 0 && at < f->keys.len;) {
        size_t len;
        memcpy(&len, f->keys.data + at, sizeof(len));
        at += sizeof(len);
        attl_slice key = attl_b(f->keys.data + at, len);
        status = durability_admit(a, key);
        if (status == ATTL_OK)
            status = engine_restore(a, key, flush_change, removed);
        at += len;
    }
    return status < 0 ? status : ATTL_OK;
}

int
attl_ns_flush(attl *a, attl_slice prefix, uint64_t *ret_removed)
{
    const struct reclaim_reader *r = reclaim_self();
    if (!r)
        return ATTL_E_NOMEM;
    struct flush f = { .prefix = prefix };
    uint64_t cursor = 0, removed = 0;
    int status;
    /* A bucket more than asked for may be visited, and each key may be as long as keys get. */
    buf_init(&f.keys, (size_t)(FLUSH_STEP_ENTRIES * 4) * (LIMIT_KEY_BYTES + sizeof(size_t)));
    do {
        buf_clear(&f.keys, FLUSH_STEP_BYTES);
        cursor =
            scan_step(&a->cache, cursor, FLUSH_STEP_ENTRIES, engine_now_ms(a), collect_key, &f);
        status = f.keys.failed ? ATTL_E_NOMEM : remove_collected(a, &f, &removed);
    } while (status == ATTL_OK && cursor != 0);
    buf_fini(&f.keys);
    if (ret_removed)
        *ret_removed = removed;
    if (status != ATTL_OK || removed == 0)
        return status;
    return journal_settle(a, r, ATTL_OK);
}
