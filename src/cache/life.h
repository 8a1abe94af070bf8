/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lives with more than one deadline: from `soft` on an entry should be reloaded, from `hard` on it
 * is no longer what a plain read returns, and the deadline of its record is when it is gone for
 * good. A life stands in front of its record's key, in whole words, so that it is read like the
 * header and moves wherever the record moves; an entry without one pays nothing for those that have
 * one. soft <= hard <= gone always, and whoever has no hard deadline is never gone.
 * These are values and pure functions; who may change a record's life says record.h.
 */
#ifndef ATTL_CACHE_LIFE_H
#define ATTL_CACHE_LIFE_H

#include <attl/attl.h>
#include <stdbool.h>

enum life_flag {
    LIFE_NEGATIVE = 1, /* known not to exist: only who asks for it meets it */
};

/* Absolute, in the cache's time; ATTL_NO_DEADLINE: none. */
struct life {
    int64_t soft_ms, hard_ms;
    uint32_t flags;   /* enum life_flag */
    uint32_t load_ms; /* how long the source took, for who wants to reload early; 0: unknown */
};

enum { LIFE_WORDS = 3, LIFE_BYTES = LIFE_WORDS * 8 };
_Static_assert(sizeof(struct life) == LIFE_BYTES, "a life is stored as it is");

static inline bool
life_has_passed(int64_t deadline_ms, int64_t now_ms)
{
    return deadline_ms != ATTL_NO_DEADLINE && deadline_ms <= now_ms;
}

/* Not there for who does not ask for such entries. */
static inline bool
life_is_hidden(const struct life *l, int64_t now_ms)
{
    return (l->flags & LIFE_NEGATIVE) || life_has_passed(l->hard_ms, now_ms);
}

/* True if there can be such a life in an entry that is gone at `gone_ms`. */
bool life_is_valid(const struct life *life, int64_t gone_ms);

/* What is wished for an entry that has a hard deadline or none. */
struct life_wish {
    int64_t soft_ms;  /* from now; 0: no soft deadline */
    int64_t grace_ms; /* beyond the hard deadline; 0: none */
};

static inline bool
life_is_wished(const struct life_wish *wish)
{
    return wish->soft_ms != 0 || wish->grace_ms != 0;
}

/*
 * The life of an entry that begins now, and when it is gone. False if an ordinary entry does as
 * well: there is neither a soft deadline before the hard one nor a grace behind it; *ret_gone_ms is
 * filled then too.
 */
bool life_begin(const struct life_wish *wish, int64_t now_ms, int64_t hard_ms,
                struct life *ret_life, int64_t *ret_gone_ms);
/*
 * Another hard deadline for `life`, which ends at `gone_ms`: the soft one is at most that, the
 * grace behind it stays as long as it was. Returns when it is gone now.
 */
int64_t life_move(struct life *life, int64_t gone_ms, int64_t hard_ms);
/* A deadline by another clock, which is `by_ms` ahead; never before the beginning of time. */
int64_t life_shift_deadline(int64_t deadline_ms, int64_t by_ms);
/* The same for both of a life. */
void life_shift(struct life *life, int64_t by_ms);
bool life_equals(const struct life *a, const struct life *b);

#endif
