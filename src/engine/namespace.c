/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The set and its search. Prefixes lie sorted; of all that are not greater than a key, the greatest
 * either is the longest prefix of the key or begins with it, so a binary search and a walk up the
 * parents finds it. Eight bytes of each prefix lie side by side as a number, which decides most
 * comparisons without touching a second line. A trie would save the last comparison and cost a miss
 * per byte.
 */
#include "engine/namespace.h"

#include "engine/engine.h"
#include "engine/quota.h"

enum { HEAD_BYTES = 8, PERCENT = 100 };

/* Bytes as a number that compares as they do; missing ones count as 0. */
static inline uint64_t
head_of(attl_slice s)
{
    const unsigned char *p = s.data;
    uint64_t head = 0;
    if (s.len >= HEAD_BYTES)
        return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 |
               (uint64_t)p[3] << 32 | (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 |
               (uint64_t)p[6] << 8 | p[7];
    for (size_t i = 0; i < s.len; i++)
        head |= (uint64_t)p[i] << (8 * (HEAD_BYTES - 1 - i));
    return head;
}

static inline bool
begins_with(attl_slice s, attl_slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.data, prefix.data, prefix.len) == 0);
}

static bool
is_after(attl_slice prefix, attl_slice key)
{
    size_t n = prefix.len < key.len ? prefix.len : key.len;
    int order = memcmp(prefix.data, key.data, n);
    return order ? order > 0 : prefix.len > key.len;
}

/* ---- building -------------------------------------------------------------------------------- */

static void
fill_policy(struct namespace *ns, const struct namespace_value *v)
{
    ns->jitter_percent = (uint8_t)v[NS_JITTER].number;
    ns->ttl_required = v[NS_TTL_REQUIRED].number != 0;
    ns->serve_stale = v[NS_SERVE_STALE].number != 0;
    ns->evicts = namespace_field_choice(NS_EVICTION, v[NS_EVICTION].number) != CHOICE_EVICTION_NONE;
    ns->durability = (uint8_t)namespace_field_choice(NS_DURABILITY, v[NS_DURABILITY].number);
    ns->audit = (int8_t)namespace_field_choice(NS_AUDIT, v[NS_AUDIT].number);
    ns->rejects = namespace_field_choice(NS_ON_DISK_ERROR, v[NS_ON_DISK_ERROR].number) ==
                  CHOICE_ON_DISK_ERROR_REJECT;
    ns->ttl_default_ms = v[NS_TTL_DEFAULT].number;
    ns->ttl_max_ms = v[NS_TTL_MAX].number;
    ns->negative_ttl_ms = v[NS_NEGATIVE_TTL].number;
    ns->soft_ms = v[NS_SOFT].number;
    ns->grace_ms = v[NS_GRACE].number;
    ns->max_entries = (uint64_t)v[NS_MAX_ENTRIES].number;
    ns->max_bytes = (uint64_t)v[NS_MAX_BYTES].number;
}

/* Enters the next item, in order; `bytes` is where its prefix goes. */
static void
add_item(struct namespace_set *set, const struct namespace_policy *p, char *bytes)
{
    uint32_t i = set->count++;
    struct namespace *ns = &set->items[i];
    if (p->prefix_len)
        memcpy(bytes, p->prefix, p->prefix_len);
    ns->prefix = attl_b(bytes, p->prefix_len);
    fill_policy(ns, p->values);
    set->heads[i] = head_of(ns->prefix);
    set->has_quota |= ns->max_entries || ns->max_bytes;
    set->serves_stale |= ns->serve_stale;
    set->has_soft |= ns->soft_ms != 0 || ns->grace_ms != 0;
    set->rejects |= ns->rejects;
    set->unlogged |= ns->durability != CHOICE_DURABILITY_LOG;
    /* What it begins with lies before it: the one before it, or one of that one's parents. */
    uint32_t parent = i;
    while (parent > 0 && !begins_with(ns->prefix, set->items[parent - 1].prefix))
        parent = set->items[parent - 1].parent;
    ns->parent = parent;
}

static void
index_first_bytes(struct namespace_set *set)
{
    uint32_t i = 0;
    while (i < set->count && set->items[i].prefix.len == 0)
        i++;
    for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
        set->first[byte] = (uint16_t)i;
        while (i < set->count && *(const unsigned char *)set->items[i].prefix.data == byte)
            i++;
    }
    set->first[UINT8_MAX + 1] = (uint16_t)i;
}

int
namespace_set_new(const attl_allocator *alloc, const struct namespace_list *list,
                  struct namespace_set **ret_set)
{
    size_t n = 0, bytes = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (!list->items[i].values[NS_ENABLED].number)
            continue;
        n++;
        bytes += list->items[i].prefix_len;
    }
    *ret_set = NULL;
    if (n == 0)
        return ATTL_OK;
    size_t items_bytes = n * sizeof(struct namespace), heads_bytes = n * sizeof(uint64_t);
    struct namespace_set *set =
        alloc_zero(alloc, sizeof(*set) + items_bytes + heads_bytes + bytes + 1);
    if (!set)
        return ATTL_E_NOMEM;
    set->alloc = *alloc;
    set->heads = (uint64_t *)(void *)((char *)set->items + items_bytes);
    char *at = (char *)set->heads + heads_bytes;
    for (size_t i = 0; i < list->count; i++) {
        if (!list->items[i].values[NS_ENABLED].number)
            continue;
        add_item(set, &list->items[i], at);
        at += list->items[i].prefix_len;
    }
    index_first_bytes(set);
    *ret_set = set;
    return ATTL_OK;
}

void
namespace_set_free(struct namespace_set *set)
{
    if (!set)
        return;
    attl_allocator alloc = set->alloc;
    quota_block_drop(set->quotas);
    alloc_free(&alloc, set);
}

/* ---- finding --------------------------------------------------------------------------------- */

/* The first of n sorted heads that is greater than `head`: without branches to mispredict. */
static inline uint32_t
heads_upper_bound(const uint64_t *heads, uint32_t n, uint64_t head)
{
    uint32_t base = 0;
    if (n == 0)
        return 0;
    while (n > 1) {
        uint32_t half = n / 2;
        base = heads[base + half - 1] <= head ? base + half : base;
        n -= half;
    }
    return base + (heads[base] <= head);
}

/* The first in [low, high) that is greater than the key, where all have the key's head. */
static uint32_t
upper_bound(const struct namespace_set *set, uint32_t low, uint32_t high, attl_slice key)
{
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (is_after(set->items[middle].prefix, key))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const struct namespace *
namespace_match(const struct namespace_set *set, attl_slice key)
{
    const struct namespace *root = set->items[0].prefix.len == 0 ? &set->items[0] : NULL;
    if (key.len == 0)
        return root;
    unsigned byte = *(const unsigned char *)key.data;
    uint32_t begin = set->first[byte], n = set->first[byte + 1] - begin;
    uint64_t head = head_of(key);
    const uint64_t *heads = set->heads + begin;
    uint32_t after = heads_upper_bound(heads, n, head);
    if (after > 0 && heads[after - 1] == head) {
        uint32_t same = head ? heads_upper_bound(heads, after, head - 1) : 0;
        after = upper_bound(set, begin + same, begin + after, key) - begin;
    }
    if (after == 0)
        return root;
    const struct namespace *ns = &set->items[begin + after - 1];
    while (!begins_with(key, ns->prefix)) {
        if (ns->parent == 0)
            return NULL;
        ns = &set->items[ns->parent - 1];
    }
    return ns;
}

unsigned
engine_read_flags(struct attl *a, attl_slice key)
{
    const struct namespace_set *set = atomic_load(&a->namespaces);
    const struct namespace *ns = set ? namespace_match(set, key) : NULL;
    return ns && ns->serve_stale ? READ_GRACE : 0;
}

/* ---- lives ----------------------------------------------------------------------------------- */

int64_t
namespace_jitter_ms(attl_slice key, int64_t deadline_ms, int64_t life_ms, unsigned percent)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = (hash_digest(key) ^ (uint64_t)deadline_ms * odd) * odd;
    uint64_t part = mixed >> 32; /* of 2^32 */
    uint64_t most_ms = (uint64_t)life_ms / PERCENT * percent +
                       (uint64_t)life_ms % PERCENT * percent / PERCENT;
    /* The product of two 32-bit numbers fits; longer lives lose sixteen bits of either. */
    return most_ms >> 31 ? (int64_t)((most_ms >> 16) * (part >> 16))
                         : (int64_t)(most_ms * part >> 32);
}

static bool
is_strict(const struct attl *a)
{
    return atomic_load_explicit(&a->rules.mode, memory_order_relaxed) == VALIDATE_STRICT;
}

/* Cuts a life down to the namespace's longest, or refuses it. *ret_cut says whether it was. */
static int
cap_life(struct attl *a, const struct reclaim_reader *r, const struct namespace *ns,
         int64_t *life_ms, bool *ret_cut)
{
    *ret_cut = ns->ttl_max_ms && (*life_ms == ATTL_TTL_NONE || *life_ms > ns->ttl_max_ms);
    if (!*ret_cut)
        return ATTL_OK;
    if (is_strict(a))
        return engine_refuse(a, r, ATTL_E_TTL_RANGE);
    *life_ms = ns->ttl_max_ms;
    (void)engine_refuse(a, r, ATTL_E_TTL_RANGE); /* counted, not refused */
    return ATTL_OK;
}

static void
shorten(const struct namespace *ns, const struct ttl_wish *wish, int64_t *deadline_ms)
{
    if (ns->jitter_percent && *deadline_ms != ATTL_NO_DEADLINE && !wish->own_jitter)
        *deadline_ms -= namespace_jitter_ms(wish->key, *deadline_ms, *deadline_ms - wish->now_ms,
                                            ns->jitter_percent);
}

/* A point in time: kept as given, unless the namespace does not allow it to be so far away. */
static int
life_until(struct attl *a, const struct reclaim_reader *r, const struct namespace *ns,
           const struct ttl_wish *wish, int64_t *ret_deadline_ms)
{
    bool cut = false;
    int status =
        engine_deadline(a, r, ATTL_TTL_DEFAULT, wish->deadline_ms, wish->now_ms, ret_deadline_ms);
    if (status != ATTL_OK)
        return status;
    int64_t life_ms = *ret_deadline_ms - wish->now_ms;
    status = cap_life(a, r, ns, &life_ms, &cut);
    *ret_deadline_ms = wish->now_ms + life_ms;
    if (cut)
        shorten(ns, wish, ret_deadline_ms);
    return status;
}

/* The life that is meant, with the defaults in place of what was left out. */
static int64_t
meant_life(const struct attl *a, const struct namespace *ns, int64_t ttl_ms)
{
    if (ttl_ms != ATTL_TTL_DEFAULT && ttl_ms != ATTL_TTL_KEEP)
        return ttl_ms;
    if (ns->ttl_default_ms)
        return ns->ttl_default_ms;
    int64_t common_ms = atomic_load_explicit(&a->default_ttl_ms, memory_order_relaxed);
    return ttl_ms == ATTL_TTL_DEFAULT && common_ms ? common_ms : ATTL_TTL_NONE;
}

static int
life_from_now(struct attl *a, const struct reclaim_reader *r, const struct namespace *ns,
              const struct ttl_wish *wish, int64_t *ret_deadline_ms)
{
    bool cut;
    int64_t life_ms = meant_life(a, ns, wish->ttl_ms);
    *ret_deadline_ms = ATTL_NO_DEADLINE;
    if (life_ms == ATTL_TTL_NONE && (ns->ttl_required || (is_strict(a) && ns->ttl_max_ms)))
        return engine_refuse(a, r, ATTL_E_TTL_REQUIRED);
    int status = cap_life(a, r, ns, &life_ms, &cut);
    if (status != ATTL_OK || (life_ms == ATTL_TTL_NONE && wish->ttl_ms == ATTL_TTL_KEEP))
        return status;
    status = engine_deadline(a, r, life_ms, 0, wish->now_ms, ret_deadline_ms);
    if (status == ATTL_OK)
        shorten(ns, wish, ret_deadline_ms);
    return status;
}

/* The soft life that belongs to a life; 0: none. */
static int64_t
soft_of(const struct namespace *ns, int64_t life_ms)
{
    if (ns->soft_ms >= 0)
        return ns->soft_ms;
    return life_ms / PERCENT * -ns->soft_ms + life_ms % PERCENT * -ns->soft_ms / PERCENT;
}

/* Soft deadline and grace, where the caller did not say. Percentages are of the life as given. */
static void
add_life(const struct namespace *ns, const struct ttl_wish *wish, struct ttl_given *given)
{
    bool ends = given->deadline_ms != ATTL_NO_DEADLINE;
    bool keeps = wish->deadline_ms <= 0 && wish->ttl_ms == ATTL_TTL_KEEP;
    if (!given->life.grace_ms)
        given->life.grace_ms = ns->grace_ms;
    if (given->life.soft_ms || keeps)
        return; /* a life that goes on has no beginning to count from */
    given->life.soft_ms = soft_of(ns, ends ? given->deadline_ms - wish->now_ms : 0);
}

int
engine_life(struct attl *a, const struct reclaim_reader *r, const struct ttl_wish *wish,
            struct ttl_given *ret_given)
{
    int status = ATTL_OK;
    const struct namespace *ns = NULL;
    ret_given->life = wish->life;
    if (__builtin_expect(atomic_load_explicit(&a->namespaces, memory_order_relaxed) != NULL, 0)) {
        reclaim_enter((struct reclaim_reader *)r);
        const struct namespace_set *set = atomic_load(&a->namespaces);
        ns = set ? namespace_match(set, wish->key) : NULL;
        if (ns) {
            int64_t *deadline_ms = &ret_given->deadline_ms;
            status = wish->deadline_ms > 0 ? life_until(a, r, ns, wish, deadline_ms)
                                           : life_from_now(a, r, ns, wish, deadline_ms);
            if (status == ATTL_OK && (ns->soft_ms || ns->grace_ms))
                add_life(ns, wish, ret_given);
        }
        reclaim_exit((struct reclaim_reader *)r);
    }
    return ns ? status
              : engine_deadline(a, r, wish->ttl_ms, wish->deadline_ms, wish->now_ms,
                                &ret_given->deadline_ms);
}

int
engine_life_deadline(struct attl *a, const struct reclaim_reader *r, const struct ttl_wish *wish,
                     int64_t *ret_deadline_ms)
{
    struct ttl_given given = { .deadline_ms = ATTL_NO_DEADLINE };
    int status = engine_life(a, r, wish, &given);
    *ret_deadline_ms = given.deadline_ms;
    return status;
}

int64_t
engine_negative_ms(struct attl *a, attl_slice key)
{
    struct reclaim_reader *r = reclaim_self();
    if (!r || !engine_has_namespaces(a))
        return 0;
    reclaim_enter(r);
    const struct namespace_set *set = atomic_load(&a->namespaces);
    const struct namespace *ns = set ? namespace_match(set, key) : NULL;
    int64_t negative_ms = ns ? ns->negative_ttl_ms : 0;
    reclaim_exit(r);
    return negative_ms;
}

int64_t
engine_fresh_ms(struct attl *a, attl_slice key, int64_t ttl_ms, int64_t soft_ms)
{
    static const struct namespace none = { 0 };
    struct reclaim_reader *r = reclaim_self();
    if (soft_ms > 0 || !r)
        return soft_ms;
    reclaim_enter(r);
    const struct namespace_set *set = atomic_load(&a->namespaces);
    const struct namespace *ns = set ? namespace_match(set, key) : NULL;
    ns = ns ? ns : &none;
    int64_t life_ms = meant_life(a, ns, ttl_ms);
    life_ms = life_ms == ATTL_TTL_NONE ? 0 : life_ms;
    if (ns->ttl_max_ms && (life_ms == 0 || life_ms > ns->ttl_max_ms))
        life_ms = ns->ttl_max_ms;
    soft_ms = soft_of(ns, life_ms);
    reclaim_exit(r);
    return soft_ms > 0 && (life_ms == 0 || soft_ms < life_ms) ? soft_ms : life_ms;
}

int
engine_life_unasked(struct attl *a, const struct reclaim_reader *r, struct ttl_wish *wish,
                    int64_t *ret_deadline_ms)
{
    wish->ttl_ms = ATTL_TTL_NONE;
    if (atomic_load_explicit(&a->namespaces, memory_order_relaxed)) {
        reclaim_enter((struct reclaim_reader *)r);
        const struct namespace_set *set = atomic_load(&a->namespaces);
        const struct namespace *ns = set ? namespace_match(set, wish->key) : NULL;
        if (ns && ns->ttl_default_ms)
            wish->ttl_ms = ATTL_TTL_DEFAULT;
        reclaim_exit((struct reclaim_reader *)r);
    }
    return engine_life_deadline(a, r, wish, ret_deadline_ms);
}

/* The life of an entry that comes from elsewhere into namespace `ns`. */
static int
carry_into(struct attl *a, const struct entry *from, attl_slice to, const struct namespace *ns,
           int64_t *deadline_ms)
{
    bool cut = false;
    int64_t life_ms = *deadline_ms - from->now_ms;
    if (*deadline_ms == ATTL_NO_DEADLINE) {
        struct ttl_wish wish = { .key = to, .ttl_ms = ATTL_TTL_KEEP, .now_ms = from->now_ms };
        return life_from_now(a, from->self, ns, &wish, deadline_ms);
    }
    int status = cap_life(a, from->self, ns, &life_ms, &cut);
    *deadline_ms = from->now_ms + life_ms;
    return status;
}

int
engine_carry(struct attl *a, const struct entry *from, attl_slice to, int64_t *ret_deadline_ms)
{
    int status = ATTL_OK;
    *ret_deadline_ms = from->deadline_ms;
    if (__builtin_expect(!atomic_load_explicit(&a->namespaces, memory_order_relaxed), 1))
        return ATTL_OK;
    reclaim_enter((struct reclaim_reader *)from->self);
    const struct namespace_set *set = atomic_load(&a->namespaces);
    const struct namespace *ns = set ? namespace_match(set, to) : NULL;
    if (ns && ns != namespace_match(set, from->key.key)) /* within one it has been judged */
        status = carry_into(a, from, to, ns, ret_deadline_ms);
    reclaim_exit((struct reclaim_reader *)from->self);
    return status;
}

/* ---- changing -------------------------------------------------------------------------------- */

static bool
release_set(void *ud, struct limbo_node *node)
{
    (void)ud;
    namespace_set_free(
        (struct namespace_set *)(void *)((char *)node - offsetof(struct namespace_set, limbo)));
    return true;
}

int
engine_apply_namespaces(struct attl *a, const attl_config *config)
{
    struct namespace_set *set;
    struct namespace_set *old = atomic_load(&a->namespaces);
    int status = namespace_set_new(&a->cache.config.alloc, &config->namespaces, &set);
    if (status == ATTL_OK && set)
        status = quota_block_choose(a, old, set);
    if (status != ATTL_OK) {
        namespace_set_free(set);
        return status;
    }
    atomic_store(&a->namespaces, set);
    atomic_store(&a->serves_stale, set && set->serves_stale);
    atomic_store(&a->rejects, set && set->rejects);
    quota_changed(a);
    if (!old)
        return ATTL_OK;
    old->limbo.born = UINT32_MAX; /* no snapshot refers to it */
    old->limbo.release = release_set;
    limbo_retire(&a->cache.limbo, &old->limbo);
    (void)limbo_collect(&a->cache.limbo); /* perhaps later */
    return ATTL_OK;
}

void
engine_free_namespaces(struct attl *a)
{
    namespace_set_free(atomic_exchange(&a->namespaces, NULL));
}
