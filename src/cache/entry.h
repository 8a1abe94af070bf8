/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One entry under its partition's lock: find it, look at its value, replace it, change its
 * deadline, remove it. These are the only functions that change what the cache holds on behalf of a
 * caller; the engine composes them into SET, INCR, RENAME and the rest. An entry that has expired
 * is removed when found, so no caller ever meets one; so is one that is negative or past its hard
 * deadline, unless the caller `sees_stale`.
 * A partition is locked with cache_lock() (freeze.h) before any of this, because a snapshot may
 * have to be left its table first.
 */
#ifndef ATTL_CACHE_ENTRY_H
#define ATTL_CACHE_ENTRY_H

#include "base/num.h"
#include "cache/cache.h"

/* What the last call that changed an entry did to it, for whoever keeps a log. */
enum entry_change { ENTRY_SAME, ENTRY_PUT, ENTRY_EXPIRE, ENTRY_REMOVE };

struct entry {
    struct cache *cache;
    const struct reclaim_reader *self;
    struct partition *partition;
    struct index_key key;
    int64_t now_ms;
    /* Filled by entry_find: */
    bool found;
    struct index_pos pos;
    struct record *record;
    struct record_shape shape;
    int64_t deadline_ms; /* the hard one, if it has a life */
    int64_t gone_ms;     /* the record's own; the same without a life */
    int64_t
        kept_deadline_ms; /* of the last time it was found: making room may have evicted it since */
    bool has_life;
    struct life life;  /* if has_life */
    bool sees_expired; /* a replay: what has expired by now may yet be prolonged */
    bool sees_stale;   /* finds what is negative or past its hard deadline, but not gone, too */
    bool unwanted;     /* set by a change that would have deleted it, had it been there */
    bool hopeless;     /* set by a change that no amount of room would let succeed */
    bool unbounded;    /* no quota refuses it */
    bool replaces;     /* another entry goes with this change: max_items is not the question */
    bool urgent;       /* in a transaction, where no room can be made: it may use the reserve */
    uint64_t log_room; /* if urgent: the longest value out of line that its log record can take */
    /* Set by the functions that write: the earliest deadline written, INT64_MAX if none. */
    int64_t written_deadline_ms;
    /* Between entry_stage and entry_commit or entry_abort: */
    struct appended staged;
    int64_t staged_deadline_ms;
    enum entry_change change;      /* since entry_find */
    enum cache_counter removed_as; /* the reason, after ENTRY_REMOVE */
    const struct record *changed;  /* the record after PUT and EXPIRE */
    char text[NUM_TEXT_MAX];       /* of an integer value */
};

/* A value in the form it is stored in. */
struct stored_value {
    attl_slice bytes;
    uint32_t flags; /* RECORD_INTEGER, RECORD_EXTENT */
    struct extent_ref ref;
    int64_t integer;
    bool has_life;
    struct life life; /* if has_life */
};

/*
 * Prepares `value` for storing: nothing for small ones, an extent filled with it for large ones.
 * Needs no lock. ATTL_OK, ATTL_E_FULL, ATTL_E_NOMEM. The slice must stay valid while the
 * stored_value is used.
 */
int stored_value_init(struct cache *c, attl_slice value, struct stored_value *ret_stored);
/* An extent of `len` bytes still to be filled (at ref.extent->data), for values composed in place.
 */
int stored_value_init_extent(struct cache *c, uint64_t len, struct stored_value *ret_stored);
void stored_value_init_integer(int64_t number, struct stored_value *ret_stored);
/* As stored_value_init, for an entry with more than one deadline. */
int stored_value_init_life(struct cache *c, const struct life *life, attl_slice value,
                           struct stored_value *ret_stored);
/* Gives a value the life that is wished for it beside a hard deadline; returns when it is gone. */
int64_t stored_value_begin(struct stored_value *v, const struct life_wish *wish, int64_t now_ms,
                           int64_t hard_ms);
/* Frees an extent that was not given to entry_put. */
void stored_value_fini(struct stored_value *v);

/* The caller holds the partition's lock from here on. */
void entry_find(struct entry *e);
/* Found, but only because the entry `sees_stale`. */
static inline bool
entry_is_hidden(const struct entry *e)
{
    return e->found && e->has_life && life_is_hidden(&e->life, e->now_ms);
}
/* The value as bytes, valid under the lock and until the next change. Only if found. */
attl_slice entry_value(struct entry *e);
/* True if the value is stored as an integer. */
bool entry_is_integer(const struct entry *e, int64_t *ret_number);
/*
 * Stores a value with a deadline (if it has a life: when it is gone), in place if that is possible;
 * takes over the extent. ATTL_OK, or ATTL_E_FULL / ATTL_E_NOMEM with nothing changed: unlock, make
 * room, start over.
 */
int entry_put(struct entry *e, struct stored_value *v, int64_t deadline_ms);
/*
 * The same in two steps, for changes of several entries at once: entry_stage writes the record,
 * which nobody can see; entry_commit publishes it (ATTL_OK, or ATTL_E_NOMEM with the record
 * dropped, which only an entry that is new can meet); entry_abort drops it. `urgent` may exceed the
 * limits by the reserve.
 */
int entry_stage(struct entry *e, struct stored_value *v, int64_t deadline_ms, bool urgent);
int entry_commit(struct entry *e, struct stored_value *v);
void entry_abort(struct entry *e);
/* Changes the deadline only; of an entry with a life, the hard one (life_move). ATTL_OK,
 * ATTL_E_FULL, ATTL_E_NOMEM. Only if found. */
int entry_set_deadline(struct entry *e, int64_t deadline_ms);
/* The value stays, and gets this life, after which it is gone at `gone_ms`. As above. */
int entry_set_life(struct entry *e, const struct life *life, int64_t gone_ms);
/* Removes it to make room, and says so as an eviction by the drain does. Only if found. */
void entry_evict(struct entry *e);
/* Removes it and counts it as `why`. Only if found. */
void entry_remove(struct entry *e, enum cache_counter why);

#endif
