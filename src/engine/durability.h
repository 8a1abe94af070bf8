/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which entries the data directory is told of. A namespace's durability is read when the cache is
 * opened and cannot change until it is closed: the log would otherwise hold states of a key from
 * before the change that a restart would bring back. What the directory holds of a namespace that
 * keeps nothing is removed when it is opened, and the log is told, so that no later setting brings
 * it back either. The set is immutable; asking for it costs one load where every namespace logs.
 */
#ifndef ATTL_ENGINE_DURABILITY_H
#define ATTL_ENGINE_DURABILITY_H

#include "engine/engine.h"

/* ATTL_OK, ATTL_E_NOMEM. */
int durability_init(struct attl *a, const attl_config *config);
void durability_fini(struct attl *a);
enum choice_durability durability_find(const struct namespace_set *set, attl_slice key);
/* After loading, before anybody changes anything. ATTL_OK, ATTL_E_NOMEM. */
int durability_forget(struct attl *a);

/* ATTL_E_IO if the key's namespace refuses changes while the log is not what it should be. */
int durability_ask(struct attl *a, attl_slice key);
/* The same for all keys at once. */
int durability_admit_all(struct attl *a);

/* For a change that journal_admit() has let through. */
static inline int
durability_admit(struct attl *a, attl_slice key)
{
    return __builtin_expect(!atomic_load_explicit(&a->rejects, memory_order_relaxed), 1)
               ? ATTL_OK
               : durability_ask(a, key);
}

static inline enum choice_durability
durability_of(const struct attl *a, attl_slice key)
{
    return __builtin_expect(!a->durabilities, 1) ? CHOICE_DURABILITY_LOG
                                                 : durability_find(a->durabilities, key);
}

#endif
