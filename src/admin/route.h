/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of what the door answers. A row is a path, what one must show for it, and either a
 * command with places for parameters, "SLOWLOG GET {count=128}", or a function. The index at
 * /api/v1/ and docs/admin.md are made from the same rows. Constant data.
 */
#ifndef ATTL_ADMIN_ROUTE_H
#define ATTL_ADMIN_ROUTE_H

#include "admin/guard.h"
#include "admin/json_reply.h"

enum { ROUTE_WORDS_MAX = 16 };

enum route_flag {
    ROUTE_SLOW = 1 << 0, /* may wait for the disk or for much work: not in the door's thread */
    ROUTE_TICK = 1 << 1, /* part of each event */
    ROUTE_STREAM = 1 << 2,
    ROUTE_BELOW = 1 << 3 /* everything below this path as well */
};

struct admin;
struct net_visitor;

typedef void route_fn(struct admin *admin, struct net_visitor *visitor,
                      const struct http_request *rq, struct http_reply *reply);

struct route {
    const char *path;
    unsigned methods; /* enum http_method; HEAD comes with GET */
    enum guard_access access;
    unsigned flags;
    const char
        *command; /* its words; "{name}" and "{name=default}" are parameters. NULL: `serve` */
    enum json_shape shape;
    route_fn *serve;
    const char *params; /* of `serve`, for the index; NULL: none */
    const char *summary;
};

extern const struct route route_table[];
extern const size_t route_table_len;

/* The row for a path; NULL if there is none. */
const struct route *route_find(const char *path);
/* The methods of a row as Allow has them. */
const char *route_allow(const struct route *route);
/*
 * The words of the row's command with the parameters of `target` in their places; borrowed from
 * both. Returns how many; 0 if a parameter is missing or unknown, with *ret_problem a sentence.
 */
size_t route_words(const struct route *route, const struct target *target,
                   attl_slice words[ROUTE_WORDS_MAX], const char **ret_problem);
/* The table as JSON, and as the rows of docs/admin.md. */
void route_index(struct buf *out);
void route_markdown(struct buf *out);

#endif
