/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What keys, values and lives a cache accepts: MISSION M5's modes, with configurable limits,
 * changeable while the cache runs. Pure checks of a slice against a copy of the rules; each refusal
 * is a status of its own, which names the rule. Counting is the caller's.
 */
#ifndef ATTL_ENGINE_VALIDATE_H
#define ATTL_ENGINE_VALIDATE_H

#include <attl/attl.h>
#include <stdatomic.h>

enum validate_mode { VALIDATE_STRICT, VALIDATE_NORMAL, VALIDATE_RELAXED, VALIDATE_BINARY };

/* Read by every call, written by attl_option_set: each member alone is consistent. */
struct validate_rules {
    _Atomic int mode;
    _Atomic uint64_t max_key_bytes;
    _Atomic uint64_t max_value_bytes;
    _Atomic uint64_t room_bytes; /* longest value there is room for, under memory pressure; else
                                    UINT64_MAX */
    _Atomic int64_t max_ttl_ms;  /* 0: none */
};

/* ATTL_OK or ATTL_E_KEY_*. */
int validate_key(const struct validate_rules *r, attl_slice key);
/* ATTL_OK or ATTL_E_VALUE_LONG. */
int validate_value_len(const struct validate_rules *r, uint64_t len);
/*
 * Checks a life of *ttl_ms (> 0, or ATTL_TTL_NONE). Relaxed mode cuts a longer one down to the
 * maximum instead of refusing it, and sets *ret_capped. ATTL_OK, ATTL_E_TTL_RANGE,
 * ATTL_E_TTL_REQUIRED.
 */
int validate_ttl(const struct validate_rules *r, int64_t *ttl_ms, int *ret_capped);

#endif
