/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which requests are shed, and how they are told. Whoever runs the requests sets env->shed_level
 * while they wait too long for him; each level adds a class: scans and long lists of keys, then
 * writes, then reads. What administers, looks after health or ends a transaction is in no class,
 * and so is everything inside MULTI. A client that has said it understands is answered at once with
 * an error that says when to come back; any other is put off: its request has not been executed and
 * is offered again later. The deadline of a connection is judged here as well.
 */
#ifndef ATTL_COMMAND_SHED_H
#define ATTL_COMMAND_SHED_H

#include "command/table.h"

/* The class of a request with `argc` words. */
enum shed_class shed_class_of(const struct command *cmd, size_t argc);

/* Whether requests of the class are shed at the level. */
static inline bool
shed_covers(unsigned level, enum shed_class class)
{
    return class != SHED_NEVER && (unsigned)class + level > SHED_SCAN;
}

/* Whether the request may run now. If not it has been answered, or put off (session.interrupt). */
bool shed_admits(struct request *rq);
/* The same for the deadline of its connection. */
bool shed_is_in_time(struct request *rq);

#endif
