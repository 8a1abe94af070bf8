/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * This process and the machine under it: what INFO reports, and the two things a daemon settles
 * before it opens anything, its file mask and its number of descriptors. Readings cost a system
 * call each and are made on request only. Any thread may call anything here but the two setters.
 */
#ifndef ATTL_OS_PROCESS_H
#define ATTL_OS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROCESS_OS_NAME_MAX = 256, PROCESS_HOST_NAME_MAX = 65 };

struct process_usage {
    int64_t user_cpu_us, system_cpu_us;
    uint64_t resident_bytes; /* 0 if the system does not say */
};

/* What the system says of the process; 0 where it does not. */
struct process_facts {
    uint64_t virtual_bytes, threads, open_fds, max_fds;
};

/* Files we create are nobody else's business. */
void process_umask_private(void);
/* Asks for `want` descriptors and returns how many there may be. */
uint64_t process_raise_fd_limit(uint64_t want);
long process_id(void);
void process_usage_get(struct process_usage *ret_usage);
/* Counts the descriptors one by one: a millisecond where there are thousands. */
void process_facts_get(struct process_facts *ret_facts);
/* Bytes of memory in the machine, 0 if the system does not say. */
uint64_t process_machine_memory_bytes(void);
/* "Linux 6.1.0-18-amd64 x86_64" */
void process_os_name(char out[PROCESS_OS_NAME_MAX]);
/* The machine's name, "unknown" if it has none. */
void process_host_name(char out[PROCESS_HOST_NAME_MAX]);
/* Random bytes from the system; false if it has none. */
bool process_random(void *out, size_t len);
bool process_stderr_is_terminal(void);
/* Whether standard error goes to systemd's journal, which understands "<N>" before a line. */
bool process_stderr_is_journal(void);

#endif
