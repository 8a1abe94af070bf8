/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One pointer for each thread. It is set for requests that have an id and cleared behind them, so
 * a plain request never comes here. The pointer is all the state there is; nothing is copied.
 */
#include "os/trace.h"

#include <stddef.h>
#include <string.h>

static _Thread_local const char *current;

void
trace_set(const char *id)
{
    current = id;
}

const char *
trace_get(void)
{
    return current ? current : "";
}

void
trace_copy(char out[TRACE_MAX + 1])
{
    size_t len = current ? strnlen(current, TRACE_MAX) : 0;
    if (len)
        memcpy(out, current, len);
    out[len] = '\0';
}
