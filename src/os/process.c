/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * getrusage, getrlimit, uname and /proc/self/statm. Nothing here can fail in a way a caller could
 * do anything about: what the system does not tell is reported as 0, and INFO shows it as such.
 * Resident bytes come from statm, because getrusage only knows the maximum.
 */
#include "os/process.h"

#include <stdio.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

void
process_umask_private(void)
{
    (void)umask(077); /* always succeeds; what it was does not matter */
}

uint64_t
process_raise_fd_limit(uint64_t want)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    if (limit.rlim_cur >= want)
        return limit.rlim_cur;
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

long
process_id(void)
{
    return (long)getpid();
}

static int64_t
microseconds(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

static uint64_t
resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    unsigned long total;
    unsigned long resident;
    bool ok = fscanf(f, "%lu %lu", &total, &resident) == 2;
    (void)fclose(f); /* it was only read */
    return ok ? (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

void
process_usage_get(struct process_usage *ret_usage)
{
    *ret_usage = (struct process_usage){ .resident_bytes = resident_bytes() };
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return;
    ret_usage->user_cpu_us = microseconds(usage.ru_utime);
    ret_usage->system_cpu_us = microseconds(usage.ru_stime);
}

uint64_t
process_machine_memory_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 0;
}

void
process_os_name(char out[PROCESS_OS_NAME_MAX])
{
    struct utsname name;
    if (uname(&name) != 0)
        (void)snprintf(out, PROCESS_OS_NAME_MAX, "unknown");
    else
        (void)snprintf(out, PROCESS_OS_NAME_MAX, "%.64s %.64s %.64s", name.sysname, name.release,
                       name.machine); /* 3 x 64 fit */
}

void
process_host_name(char out[PROCESS_HOST_NAME_MAX])
{
    struct utsname name;
    (void)snprintf(out, PROCESS_HOST_NAME_MAX, "%s",
                   uname(&name) == 0 && name.nodename[0] ? name.nodename : "unknown");
}

bool
process_random(void *out, size_t len)
{
    return getrandom(out, len, 0) == (ssize_t)len;
}

bool
process_stderr_is_terminal(void)
{
    return isatty(STDERR_FILENO) == 1;
}
