/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Levenshtein's distance with one row. Words longer than NEAREST_WORD_MAX are not compared: nobody
 * mistypes an option of that length, and the row stays on the stack. The first of equally near
 * names wins, so the order of a table decides.
 */
#include "cli/nearest.h"

#include <ctype.h>

void
nearest_init(struct nearest *n, attl_slice typed)
{
    *n = (struct nearest){ .typed = typed, .distance = typed.len / 3 + 1 };
}

static size_t
distance(attl_slice a, attl_slice b)
{
    size_t row[NEAREST_WORD_MAX + 1];
    const unsigned char *p = a.data, *q = b.data;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t best = diagonal + (tolower(p[i - 1]) != tolower(q[j - 1]));
            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
        }
    }
    return row[b.len];
}

void
nearest_offer(struct nearest *n, const char *name)
{
    attl_slice offered = attl_s(name);
    if (n->typed.len > NEAREST_WORD_MAX || offered.len > NEAREST_WORD_MAX)
        return;
    size_t d = distance(n->typed, offered);
    if (d < n->distance || (d == n->distance && !n->name)) {
        n->distance = d;
        n->name = name;
    }
}
