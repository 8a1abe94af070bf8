/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Running a program to its end: without a shell, with an environment of its own and nothing of
 * ours, in a session of its own, so that it and what it started can be killed together. Its input
 * is written completely before it begins, so it can neither make us wait nor be missed by a signal
 * for a broken pipe; what it prints is dropped. The call waits for it, at most for as long as it is
 * told; any thread may call.
 */
#ifndef ATTL_OS_CHILD_H
#define ATTL_OS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct child_call {
    char *const *argv;        /* argv[0]: the path; ends with NULL */
    char *const *environment; /* NAME=value; ends with NULL */
    const void *input;
    size_t input_len;
    int64_t timeout_ms;
    bool (*stop)(void *ud); /* asked now and then: true kills it */
    void *ud;
};

enum child_end {
    CHILD_EXITED,     /* by itself; *ret_code is what it returned */
    CHILD_SIGNALED,   /* by a signal; *ret_code is its number */
    CHILD_KILLED,     /* by us: it took too long, or `stop` */
    CHILD_NOT_STARTED /* *ret_code is the system's error */
};

enum child_end child_run(const struct child_call *call, int *ret_code);

#endif
