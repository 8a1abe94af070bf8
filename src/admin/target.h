/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The target of a request, "/api/v1/why?key=a%00b": its path and what is asked for. A path is taken
 * as it is: one with an escape, an empty part or dots is none of ours and is refused, so that
 * nothing has two names. Values are decoded and may hold any byte. Everything lies in the target's
 * own memory, and an element more than there is room for makes it invalid.
 */
#ifndef ATTL_ADMIN_TARGET_H
#define ATTL_ADMIN_TARGET_H

#include <attl/attl.h>
#include <stdbool.h>

enum { TARGET_PATH_MAX = 256, TARGET_QUERY_MAX = 4096, TARGET_PARAMS_MAX = 16 };

struct target_param {
    attl_slice name, value;
};

struct target {
    char path[TARGET_PATH_MAX]; /* "/..." */
    char bytes[TARGET_QUERY_MAX];
    struct target_param params[TARGET_PARAMS_MAX];
    size_t params_len;
};

enum target_problem {
    TARGET_FINE,
    TARGET_NOT_OURS, /* a path that nothing of ours has */
    TARGET_LONG,
    TARGET_BAD_QUERY
};

enum target_problem target_parse(struct target *target, attl_slice text);
/* The value of a parameter; NULL if there is none. */
const attl_slice *target_param(const struct target *target, const char *name);
bool target_is(attl_slice text, const char *word);

#endif
