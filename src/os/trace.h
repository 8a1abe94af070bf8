/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The correlation id of what the calling thread is working on, so that whoever writes a line or a
 * record deep below a request need not be handed it through every layer. Most threads have none
 * most of the time. The text stays the setter's, who clears it before it goes; a thread sees its
 * own only.
 */
#ifndef ATTL_OS_TRACE_H
#define ATTL_OS_TRACE_H

enum { TRACE_MAX = 64 }; /* bytes of an id */

/* NULL or "": none. */
void trace_set(const char *id);
/* Never NULL. */
const char *trace_get(void);
/* A copy of it, cut at TRACE_MAX bytes. */
void trace_copy(char out[TRACE_MAX + 1]);

#endif
