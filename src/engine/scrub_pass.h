/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One reading of all snapshots, newest first, and then of all closed segments of the log, in steps
 * of about a MiB between which its owner may do something else. The files are those that were there
 * when it began; what has been removed since is passed over. Damage is noted and healed on the way.
 * One thread at a time; nothing is locked while a step reads.
 */
#ifndef ATTL_ENGINE_SCRUB_PASS_H
#define ATTL_ENGINE_SCRUB_PASS_H

#include "engine/store.h"

struct scrub_counts {
    uint64_t files, bytes, damaged, healed, unreadable;
};

/* 0, -ENOMEM or what the disk said. */
int scrub_pass_new(struct store *s, struct scrub_pass **ret_pass);
void scrub_pass_free(struct scrub_pass **p); /* NULL is allowed */
/* Reads on. 1: there is more; 0: everything has been read; -ENOMEM, or -EAGAIN: too much is waiting
 * to be healed, and the pass has to be begun anew. */
int scrub_pass_step(struct scrub_pass *p);
void scrub_pass_counts(const struct scrub_pass *p, struct scrub_counts *ret);
uint64_t scrub_pass_total(const struct scrub_pass *p); /* bytes */
/* Unix ms at which it was begun. */
int64_t scrub_pass_started(const struct scrub_pass *p);

#endif
