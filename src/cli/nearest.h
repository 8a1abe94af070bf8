/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * "Did you mean": of the names offered, the one closest to what was typed. Distance counts
 * inserted, dropped and replaced letters, ignoring case; a candidate further away than a third of
 * the word is no help and is not suggested. Borrows the strings it is given.
 */
#ifndef ATTL_CLI_NEAREST_H
#define ATTL_CLI_NEAREST_H

#include <attl/attl.h>

enum { NEAREST_WORD_MAX = 48 };

struct nearest {
    attl_slice typed;
    const char *name; /* NULL: nothing close enough */
    size_t distance;
};

void nearest_init(struct nearest *n, attl_slice typed);
void nearest_offer(struct nearest *n, const char *name);

#endif
