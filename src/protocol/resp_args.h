/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arguments of a group of parsed requests, one after another in one growing list. A worker
 * owns one list for all its connections, so that parsing a pipeline allocates nothing once the
 * list is warm. The slices borrow the bytes of the connection's input and live as long as those
 * stay where they are; a caller remembers the index of a request's first argument, as the list
 * itself may move while it grows.
 */
#ifndef ATTL_PROTOCOL_RESP_ARGS_H
#define ATTL_PROTOCOL_RESP_ARGS_H

#include <attl/attl.h>
#include <stdbool.h>

struct resp_args {
    attl_slice *items;
    size_t len, cap;
};

void resp_args_init(struct resp_args *args);
void resp_args_fini(struct resp_args *args);
/* Empties the list and gives back what an unusual request made it grow to. */
void resp_args_clear(struct resp_args *args);
/* Makes room for `more` arguments; false, with nothing changed, on lack of memory. */
bool resp_args_grow(struct resp_args *args, size_t more);

static inline bool
resp_args_reserve(struct resp_args *args, size_t more)
{
    return args->cap - args->len >= more || resp_args_grow(args, more);
}

#endif
