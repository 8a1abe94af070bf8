/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The argument list. It doubles, so that a request of a million arguments costs a million steps;
 * and it shrinks again when cleared, so that one such request does not hold its memory for ever.
 * Callers may only ask for room for arguments whose bytes they have received, which is what
 * bounds the list.
 */
#include "protocol/resp_args.h"

#include <stdlib.h>

enum { ARGS_FIRST = 256, ARGS_KEPT = 8192 };

void
resp_args_init(struct resp_args *args)
{
    *args = (struct resp_args){ 0 };
}

void
resp_args_fini(struct resp_args *args)
{
    free(args->items);
    resp_args_init(args);
}

void
resp_args_clear(struct resp_args *args)
{
    if (args->cap > ARGS_KEPT)
        resp_args_fini(args);
    args->len = 0;
}

bool
resp_args_grow(struct resp_args *args, size_t more)
{
    size_t cap = args->cap ? args->cap : ARGS_FIRST;
    while (cap - args->len < more) {
        if (cap > SIZE_MAX / sizeof *args->items / 2)
            return false;
        cap *= 2;
    }
    attl_slice *items = realloc(args->items, cap * sizeof *items);
    if (!items)
        return false;
    args->items = items;
    args->cap = cap;
    return true;
}
