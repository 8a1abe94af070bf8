/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policies by key prefix: an immutable set of prefixes, of which the longest that a key begins with
 * wins, and what the policies mean for the life of an entry. A cache without namespaces has no set
 * at all and pays one load per change. A change of a policy builds another set and swaps it in;
 * the old one goes to the cache's limbo, so a set and its members may be used inside an epoch only.
 * Nobody locks to look; whoever swaps holds the engine's config_lock.
 */
#ifndef ATTL_ENGINE_NAMESPACE_H
#define ATTL_ENGINE_NAMESPACE_H

#include "cache/entry.h"
#include "config/config.h"

struct attl;
struct quota_block;

/* One policy. Zero means "none" in every member but soft_ms. */
struct namespace
{
    attl_slice prefix;
    uint32_t parent; /* 1 + index of the longest other prefix that this one begins with */
    uint8_t jitter_percent;
    bool ttl_required, serve_stale;
    bool evicts;        /* at its quota */
    bool rejects;       /* while the log cannot be written, whatever persist.on_error says */
    uint8_t durability; /* enum choice_durability */
    int8_t audit;       /* enum choice_ns_audit */
    int64_t ttl_default_ms, ttl_max_ms, negative_ttl_ms;
    int64_t soft_ms; /* < 0: percent of the life */
    int64_t grace_ms;
    uint64_t max_entries, max_bytes;
};

struct namespace_set {
    struct limbo_node limbo;
    attl_allocator alloc;
    uint32_t count;
    bool has_quota, serves_stale, has_soft, unlogged, rejects;
    struct quota_block *quotas; /* see quota.h; NULL: nobody counts */
    uint64_t *heads;            /* of each prefix the first eight bytes, most significant first */
    uint16_t
        first[257]; /* by first byte: where the prefixes that begin with it, or a larger one, lie */
    struct namespace items[]; /* sorted by prefix */
};

/* *ret_set is NULL if no namespace of the list is enabled. ATTL_OK, ATTL_E_NOMEM. */
int namespace_set_new(const attl_allocator *alloc, const struct namespace_list *list,
                      struct namespace_set **ret_set);
/* Only what was never seen by anybody else, or is no more; NULL is allowed. */
void namespace_set_free(struct namespace_set *set);
/* The policy of a key, or NULL. */
const struct namespace *namespace_match(const struct namespace_set *set, attl_slice key);

static inline uint32_t
namespace_index(const struct namespace_set *set, const struct namespace *ns)
{
    return (uint32_t)(ns - set->items);
}

/* A life as the caller wants it: `ttl_ms` as in attl_set, or the point `deadline_ms` if > 0. */
struct ttl_wish {
    attl_slice key;
    int64_t ttl_ms, deadline_ms, now_ms;
    struct life_wish life; /* checked already: see engine_check_wish() */
    bool own_jitter;       /* the caller shortens it as it likes, and the namespace does not */
};

/* The life that an entry gets. */
struct ttl_given {
    int64_t deadline_ms;
    struct life_wish life; /* what the caller left out is the namespace's */
};

/*
 * engine_deadline() under the policy of the key. For ATTL_TTL_KEEP the answer is for an entry that
 * is not there yet; one that is keeps its deadline, whatever this returns.
 */
int engine_life(struct attl *a, const struct reclaim_reader *r, const struct ttl_wish *wish,
                struct ttl_given *ret_given);
/* The same for an entry that has its soft deadline and its grace already, or gets none. */
int engine_life_deadline(struct attl *a, const struct reclaim_reader *r,
                         const struct ttl_wish *wish, int64_t *ret_deadline_ms);
/* The same for calls that cannot say a life: none, unless the namespace has a default. */
int engine_life_unasked(struct attl *a, const struct reclaim_reader *r, struct ttl_wish *wish,
                        int64_t *ret_deadline_ms);
/* The deadline of `from`, which was found, under the key `to`. */
int engine_carry(struct attl *a, const struct entry *from, attl_slice to, int64_t *ret_deadline_ms);
/* How long it is kept that there is no value, if the caller does not say; 0: not at all. */
int64_t engine_negative_ms(struct attl *a, attl_slice key);
/* How long a value that is stored now with these lives would be fresh, before any jitter; 0: for
 * ever. Nothing is refused and nothing counted: for who plans ahead. */
int64_t engine_fresh_ms(struct attl *a, attl_slice key, int64_t ttl_ms, int64_t soft_ms);
/* What a plain read of the key may see beyond the ordinary; inside an epoch. */
unsigned engine_read_flags(struct attl *a, attl_slice key);
/* How much earlier than `deadline_ms` an entry with a life of `life_ms` ends. */
int64_t namespace_jitter_ms(attl_slice key, int64_t deadline_ms, int64_t life_ms, unsigned percent);

/* Swaps in the policies of `config`; config_lock is held, or nobody else is there yet. ATTL_OK,
 * ATTL_E_NOMEM. */
int engine_apply_namespaces(struct attl *a, const attl_config *config);
/* At the end of the cache. */
void engine_free_namespaces(struct attl *a);

#endif
