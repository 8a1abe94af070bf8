/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sweep: one walk over all entries that removes what has expired, as caches without a wheel do
 * it. It is the baseline that the wheel is measured against (adaptive.reclaim = sweep), correct and
 * deliberately plain: a whole partition at a time under its lock. The caller is the maintenance.
 */
#ifndef ATTL_ENGINE_SWEEP_H
#define ATTL_ENGINE_SWEEP_H

#include <stdint.h>

struct attl;

/* Removes every entry that has expired by now; ends early when the cache is being closed. Returns
 * how many. */
uint64_t sweep_all(struct attl *a);

#endif
