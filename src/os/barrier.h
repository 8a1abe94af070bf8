/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An asymmetric memory barrier: the frequent side (readers) pays a compiler barrier, the rare side
 * makes the kernel run a full barrier on every core that runs this process. Where the system call
 * is refused (seccomp) barrier_available() is false and readers use a real fence instead. Any
 * thread may call any of them.
 */
#ifndef ATTL_OS_BARRIER_H
#define ATTL_OS_BARRIER_H

#include <stdbool.h>

/* Registers the process for the expedited barrier; false if the system has none. */
bool barrier_register(void);
/* A full fence for this thread only. */
void barrier_full(void);
/* The heavy side. */
void barrier_all_threads(bool registered);

#endif
