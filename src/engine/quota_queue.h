/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order in which the entries of a namespace came: a queue of their hashes, in segments, so that
 * it grows and shrinks without copying. What has been removed meanwhile stays in it until its turn
 * comes and is then not found; quota_settle() takes two out for each that comes in while most of it
 * is such leftovers, so it holds at most about twice the namespace's entries. The quota's lock
 * guards it.
 */
#ifndef ATTL_ENGINE_QUOTA_QUEUE_H
#define ATTL_ENGINE_QUOTA_QUEUE_H

#include "engine/quota.h"

/* Without memory the hash is left out: such an entry is found by walking. */
void quota_queue_push(struct quota *q, const attl_allocator *alloc, uint64_t hash);
/* False if it is empty. */
bool quota_queue_pop(struct quota *q, const attl_allocator *alloc, uint64_t *ret_hash);
void quota_queue_clear(struct quota *q, const attl_allocator *alloc);

#endif
